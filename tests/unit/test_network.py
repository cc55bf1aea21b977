"""The plain network step against a pair of neurons computed by hand."""

import numpy as np
import pytest

from snn_core.network import NetworkParams, arriving_step, initial_state, network_step, partner, select
from snn_core.network_config import NetworkConfig
from snn_core.neurons import Array
from unit.networks import STRUCTURES, name_of, random_errors, random_networks


def one_pair(w_threshold: float | None = None, w_recurrent: float | None = None) -> NetworkParams:
    """A pair that differentiates nothing: at an error of 2 the first encoding neuron always fires, the second never."""

    def row(a: float, b: float) -> Array:
        return np.array([[a, b]], np.float32)

    def matrix(own: float | None) -> Array:
        return np.zeros((1, 0, 0), np.float32) if own is None else np.array([[[own, own], [0, 0]]], np.float32)

    return NetworkParams(
        w_in=row(1, -1), bias=row(0, 0), leak_in=row(0.5, 0.5), threshold_in=row(1, 1), w_own=row(1, 1),
        w_cross=row(-1, -1), leak_syn=row(0.5, 0.5), leak_mem=row(0.5, 0.5), threshold=row(1, 1),
        leak_trace=row(0.5, 0.5), w_threshold=matrix(w_threshold), w_recurrent=matrix(w_recurrent), w_out=row(3, -3),
        leak_out=np.array([0.5], np.float32),
    )  # fmt: skip


def readouts(p: NetworkParams, errors: list[float]) -> list[float]:
    state, seen = initial_state(p.population, p.neurons), []
    for error in errors:
        state, u = network_step(state, np.full(p.population, error, np.float32), p)
        seen.append(float(u[0]))
    return seen


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        # current 1, 1.5, 1.75; v 1 (silent), 2, 1 + 1.75 - 1 = 1.75; u 0, 1.5, 0.75 + 1.5
        (one_pair(), [0.0, 1.5, 2.25]),
        # trace 1, 1.5, 1.75; threshold 1.75, 2.125, 2.3125; v 1, 2, 1 + 1.75 = 2.75
        (one_pair(w_threshold=0.75), [0.0, 0.0, 1.5]),
        # own spike of the step before: current 1, 1.5, 0.75 + 1 - 1 = 0.75; v 1, 2, 1 + 0.75 - 1
        (one_pair(w_recurrent=-1.0), [0.0, 1.5, 0.75]),
    ],
    ids=["lif", "iwta", "recurrent"],
)
def test_a_pair_by_hand(p: NetworkParams, expected: list[float]) -> None:
    assert readouts(p, [2.0, 2.0, 2.0]) == expected
    assert readouts(p, [-2.0, -2.0, -2.0]) == [-u for u in expected]


def test_a_spike_crosses_the_whole_network_in_its_own_step() -> None:
    p = one_pair()._replace(w_own=np.full((1, 2), 2.0, np.float32))
    assert readouts(p, [2.0]) == [1.5]


def test_arriving_spikes_follow_rows_of_presynaptic_neurons() -> None:
    dense = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    s = np.array([[1, 0, 0, 1]], np.float32)
    np.testing.assert_array_equal(arriving_step(dense, s)[0], dense[0, 0] + dense[0, 3])


def test_a_paired_matrix_is_the_dense_one_with_two_entries_per_column() -> None:
    generator = np.random.default_rng(0)
    paired = generator.standard_normal((1, 2, 6)).astype(np.float32)
    dense, k = np.zeros((1, 6, 6), np.float32), np.arange(6)
    dense[0, k, k], dense[0, partner(k), k] = paired[0]
    s = generator.standard_normal((1, 6)).astype(np.float32)
    np.testing.assert_allclose(arriving_step(paired, s), arriving_step(dense, s), rtol=1e-6)


@pytest.mark.parametrize("config", STRUCTURES, ids=name_of)
def test_a_population_is_its_individuals(config: NetworkConfig) -> None:
    p, errors = random_networks(config, 5), random_errors(5, 40)
    state, alone = initial_state(5, p.neurons), [initial_state(1, p.neurons) for _ in range(5)]
    for t in range(errors.shape[1]):
        state, u = network_step(state, errors[:, t], p)
        for i in range(5):
            alone[i], u_alone = network_step(alone[i], errors[i : i + 1, t], select(p, i))
            assert u_alone[0] == u[i]
    assert state.s.any()
    assert u.any()
