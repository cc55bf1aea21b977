"""Fused kernels against the plain step, bit for bit."""

from collections.abc import Iterator

import numba
import numpy as np
import pytest

from snn_core import blocks, kernels, lanes
from snn_core.genome import Genome
from snn_core.metrics import mimic_loss
from snn_core.network import NetworkParams, initial_state, network_step, select, slice_of
from snn_core.network_config import NetworkConfig
from snn_core.neurons import Array
from snn_core.vectors import LANES
from unit.networks import STRUCTURES, name_of, plain_run, random_errors, random_networks

POPULATION = LANES + 3  # a full block and a padded one


def kernel_run(p: NetworkParams, errors: Array) -> Array:
    return kernels.run(p, errors)[0]


FORMS = {"kernels": kernel_run, "blocks": blocks.run, "lanes": lanes.run}
RUNS = [
    pytest.param(config, run, id=f"{name}-{name_of(config)}")
    for name, run in FORMS.items()
    for config in STRUCTURES
    if name != "lanes" or config.connectivity == "paired"
]
SCORES = [pytest.param(blocks.mimic_scores, id="blocks"), pytest.param(lanes.mimic_scores, id="lanes")]


@pytest.fixture
def all_threads() -> Iterator[int]:
    """The number of threads there are; whatever a test sets is undone."""
    most = numba.get_num_threads()
    yield most
    numba.set_num_threads(most)


@pytest.mark.parametrize(("config", "run"), RUNS)
def test_run_is_the_plain_step_bit_for_bit(config: NetworkConfig, run) -> None:
    p, errors = random_networks(config, POPULATION), random_errors(2, lanes.TILE + 20)
    expected, spikes = plain_run(p, errors)
    assert 0 < spikes.mean() < errors.shape[1] * p.neurons  # the networks live, and not at their ceiling
    np.testing.assert_array_equal(run(p, errors), expected)


@pytest.mark.parametrize("config", STRUCTURES, ids=name_of)
def test_run_counts_every_spike(config: NetworkConfig) -> None:
    p, errors = random_networks(config, 3), random_errors(2, 60)
    np.testing.assert_array_equal(kernels.run(p, errors)[1], plain_run(p, errors)[1])


@pytest.mark.parametrize("batch", [3, kernels.PARALLEL_FROM + 1])
@pytest.mark.parametrize("config", STRUCTURES, ids=name_of)
def test_advance_is_the_plain_step_in_every_state(config: NetworkConfig, batch: int) -> None:
    p, errors = random_networks(config, batch), random_errors(batch, 30)
    fused = plain = initial_state(batch, p.neurons)
    for t in range(errors.shape[1]):
        plain, u = network_step(plain, errors[:, t], p)
        kernels.advance(p, fused, np.ascontiguousarray(errors[:, t]))
    np.testing.assert_array_equal(fused.u, u)
    for name, mine, reference in zip(plain._fields, fused, plain, strict=True):
        if name != "trace" or config.adaptive:
            np.testing.assert_array_equal(mine, reference, err_msg=name)


@pytest.mark.parametrize("batch", [3, kernels.PARALLEL_FROM + 1])
def test_one_individual_serves_a_batch_of_states(batch: int) -> None:
    p, errors = random_networks(STRUCTURES[-1], 1), random_errors(batch, 30)
    state = initial_state(batch, p.neurons)
    for t in range(errors.shape[1]):
        kernels.advance(p, state, np.ascontiguousarray(errors[:, t]))
    np.testing.assert_array_equal(state.u, kernel_run(p, errors)[0, :, -1])


@pytest.mark.parametrize(("config", "run"), RUNS)
def test_an_individual_does_not_notice_its_population_or_the_threads(
    config: NetworkConfig, run, all_threads: int
) -> None:
    p, errors = random_networks(config, 2 * LANES + 1), random_errors(2, 40)
    together = run(p, errors)
    for i in (0, LANES - 1, LANES, 2 * LANES):
        np.testing.assert_array_equal(run(select(p, i), errors)[0], together[i])
    numba.set_num_threads(1)
    np.testing.assert_array_equal(run(p, errors), together)


@pytest.mark.parametrize("scores", SCORES)
@pytest.mark.parametrize("limit", [np.inf, 0.5])
def test_scores_are_the_mimic_loss(scores, limit: float) -> None:
    p, errors = random_networks(STRUCTURES[3], POPULATION), random_errors(3, 120)
    targets = np.clip(3.0 * errors + 0.2, -2.0, 2.0)
    mae, rho = scores(p, errors, targets, limit)
    out = np.clip(plain_run(p, errors)[0].astype(float), -limit, limit)
    expected = [[mimic_loss(out[i, q], targets[q]) for q in range(3)] for i in range(POPULATION)]
    np.testing.assert_allclose(mae + 1.0 - rho, expected, rtol=0.0, atol=1e-6)
    np.testing.assert_allclose(mae, np.abs(out - targets).mean(axis=2), rtol=0.0, atol=1e-6)


@pytest.mark.parametrize("scores", SCORES)
def test_a_silent_network_correlates_with_nothing(scores) -> None:
    p, errors = random_networks(STRUCTURES[0], 2), random_errors(1, 50)
    mae, rho = scores(p._replace(w_out=np.zeros_like(p.w_out)), errors, errors)
    np.testing.assert_allclose(mae, np.abs(errors).mean(), rtol=1e-6)
    np.testing.assert_array_equal(rho, 0.0)


def test_dense_matrices_do_not_fit_the_lanes() -> None:
    with pytest.raises(ValueError, match=r"expected paired matrices, .* got \(2, 6, 6\)"):
        lanes.pack(random_networks(STRUCTURES[-1], 2))


@pytest.mark.parametrize("scores", SCORES)
def test_many_individuals_are_judged_like_few(scores) -> None:
    config = NetworkConfig(pairs=3)
    p, errors = random_networks(config, 2 * blocks.CHUNK + 1), random_errors(1, 50)
    threads = lanes.PARALLEL_FROM // (errors.size * 2 * p.neurons) + 1
    crowd = type(p)(*(np.tile(field, (-(-threads // len(field)), *[1] * (field.ndim - 1))) for field in p))
    few, many = scores(p, errors, errors), scores(crowd, errors, errors)
    for i in range(2):
        np.testing.assert_array_equal(many[i][-p.population :], few[i])


@pytest.mark.parametrize("scores", SCORES)
def test_means_over_recordings_do_not_depend_on_the_population(scores) -> None:
    p, errors = random_networks(NetworkConfig(pairs=3), 3 * LANES), random_errors(16, 50)
    together = sum(score.mean(axis=1) for score in scores(p, errors, 2.0 * errors))
    for some in (slice(0, LANES), slice(LANES, LANES + 3), slice(5, 6)):
        part = scores(slice_of(p, some.start, some.stop), errors, 2.0 * errors)
        np.testing.assert_array_equal(sum(score.mean(axis=1) for score in part), together[some])


@pytest.mark.parametrize("config", STRUCTURES, ids=name_of)
def test_tied_networks_are_odd(config: NetworkConfig) -> None:
    genome, generator = Genome(config), np.random.default_rng(2)
    genes = generator.uniform(np.maximum(genome.low, -2.0), np.minimum(genome.high, 2.0), (4, genome.size))
    p, errors = genome.decode(genes), random_errors(2, 60)
    out = kernel_run(p, errors)
    assert np.abs(out).max() > 0.1
    np.testing.assert_allclose(kernel_run(p, -errors), -out, rtol=0.0, atol=1e-5)  # sums run in another order
