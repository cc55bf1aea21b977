"""The liquid: its wiring by count, one neuron by hand, the balance that it finds; and the linear read-out."""

import numpy as np
import pytest

from snn_perception.classify.linear_readout import fit_readout
from snn_perception.classify.liquid import Liquid, LiquidConfig
from snn_perception.events.batch import make_batch

SMALL = LiquidConfig(side=8, depth=5, seed=3)


def noise(seed, events=3000, span_us=300_000, side=16):
    rng = np.random.default_rng(seed)
    t_us = np.sort(rng.integers(0, span_us, events))
    return make_batch(*rng.integers(0, side, (2, events)), t_us, rng.random(events) < 0.5, (side, side))


def test_four_fifths_excite_and_neighbours_are_wired():
    liquid = Liquid(16, 16, SMALL)
    source = np.repeat(np.arange(320), np.diff(liquid.recurrent.first))
    target = liquid.recurrent.target
    assert liquid.is_inhibitory.sum() == 64
    assert (np.sign(liquid.recurrent.weight) == np.where(liquid.is_inhibitory[source], -1, 1)).all()
    assert (source != target).all()
    place = np.indices((8, 8, 5)).reshape(3, -1).T
    far = np.linalg.norm(place[source] - place[target], axis=1)
    every = np.linalg.norm(place[:, None] - place[None], axis=2)
    excite = ~liquid.is_inhibitory
    for low, high in ((0.5, 1.5), (3.5, 4.5)):  # E to E: C = 0.2 times the bell of the distance
        there = np.sum((far > low) & (far < high) & excite[source] & excite[target])
        pairs = (every > low) & (every < high) & excite[:, None] & excite[None]
        expected = 0.2 * np.exp(-((every[pairs] / 3.0) ** 2)).sum()
        assert there == pytest.approx(expected, abs=4 * np.sqrt(expected))


def test_one_neuron_by_hand():
    """Two inputs of 0.6, 3 ms apart: 0.6 exp(-3 / 30) + 0.6 > 1 fires; then 2 ms of silence, in which one is lost."""
    liquid = Liquid(1, 1, LiquidConfig(side=1, depth=1, inhibitory=0, input_density=1, windows=2))
    assert len(liquid.inputs.target) == 2
    liquid.inputs.weight[:] = 0.6
    t_us = np.array([0, 3000, 4000, 9000, 11_000])
    counts = liquid.listen(make_batch(t_us * 0, t_us * 0, t_us, t_us * 0, (1, 1)), 20_000)
    assert counts[:, 0].tolist() == [1, 1]  # at 3 ms, and at 11 ms from 9 ms: the one at 4 ms left nothing


def test_inhibition_balances_what_is_too_busy():
    config = SMALL.model_copy(update={"strength": 0.25, "input_strength": 1.2, "rate_hz": 15.0, "learning": 0.01})
    liquid, heard = Liquid(16, 16, config), [noise(k) for k in range(6)]
    excite = ~liquid.is_inhibitory

    def rates():
        return np.mean([liquid.listen(batch, 300_000).sum(axis=0)[excite] / 0.3 for batch in heard], axis=0)

    before = rates()
    for _ in range(8):
        for batch in heard:
            liquid.listen(batch, 300_000, adapt=True)
    after = rates()
    assert before.mean() > 2 * 15.0
    assert abs(after.mean() - 15.0) < 0.5 * abs(before.mean() - 15.0)
    assert after.std() < before.std()
    assert (liquid.recurrent.weight[np.isin(liquid.recurrent.target, np.flatnonzero(excite))] != 0).any()


def test_the_seed_decides():
    one, same, other = (
        Liquid(16, 16, SMALL.model_copy(update={"seed": s})).listen(noise(0), 300_000) for s in (1, 1, 2)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert one.sum() > 0


def test_the_read_out_leaves_one_out_in_one_go():
    """The strength that it chooses is the one under which refitting without each row predicts that row best."""
    rng = np.random.default_rng(0)
    label = np.arange(30) % 3
    features = rng.normal(0, 1, (30, 8)) + 0.7 * np.eye(8)[label]
    readout = fit_readout(features, label)
    rows, wanted = (features - readout.mean) * readout.scale, np.eye(3)[label] - 1 / 3

    def ridge(strength, keep):
        return np.linalg.solve(rows[keep].T @ rows[keep] + strength * np.eye(8), rows[keep].T @ wanted[keep])

    def error(strength):
        others = [np.arange(30) != k for k in range(30)]
        return sum(((rows[k] @ ridge(strength, keep) - wanted[k]) ** 2).sum() for k, keep in enumerate(others))

    mean_eigenvalue = np.linalg.eigvalsh(rows @ rows.T).mean()
    strengths = np.geomspace(1e-4, 1e4, 33) * mean_eigenvalue
    best = strengths[np.argmin([error(s) for s in strengths])]
    assert np.allclose(readout.weights, ridge(best, np.full(30, True)))
    assert np.mean(readout.answers(features) == label) > 0.6
