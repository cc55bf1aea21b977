"""Surrogate-gradient descent as a stage."""

import numpy as np

from snn_control.descent import Descent, DescentParams, cut
from snn_control.mimicry import Lesson
from snn_core.genome import Genome
from snn_core.network_config import NetworkConfig
from unit.networks import LIVELY, random_errors

GENOME = Genome(NetworkConfig(pairs=4, hidden="recurrent_iwta"))
LESSONS = [Lesson(e.astype(float), 2.0 * e.astype(float)) for e in random_errors(3, 80)]
PARAMS = DescentParams(iterations=50, rate=0.1, cut_steps=50, skip_steps=5, batch=8)


def descent(seed: int = 0) -> Descent:
    generator = np.random.default_rng(seed)
    return Descent(GENOME, GENOME.draw(LIVELY, generator), LESSONS, PARAMS, generator)


def test_the_loss_falls_within_bounds() -> None:
    stage = descent()
    losses = [stage.step() for _ in range(PARAMS.iterations)]
    assert np.mean(losses[-5:]) < 0.8 * losses[0]
    assert (stage.genes >= GENOME.low).all()
    assert (stage.genes <= GENOME.high).all()


def test_a_restored_descent_goes_on_exactly() -> None:
    whole = descent()
    for _ in range(5):
        whole.step()
    resumed = descent(seed=9)
    resumed.restore({name: np.array(value) for name, value in whole.state().items()})
    resumed.generator.bit_generator.state = whole.generator.bit_generator.state
    assert [resumed.step() for _ in range(5)] == [whole.step() for _ in range(5)]
    np.testing.assert_array_equal(resumed.genes, whole.genes)


def test_cuts_are_pieces_of_lessons() -> None:
    errors, targets = cut(LESSONS, PARAMS, np.random.default_rng(0))
    assert errors.shape == targets.shape == (8, 50)
    np.testing.assert_allclose(targets, 2.0 * errors, rtol=1e-6)
    starts = {tuple(np.float32(lesson.error[:3])) for lesson in LESSONS}
    at_start = [tuple(row[:3]) in starts for row in errors]
    assert not all(at_start)
