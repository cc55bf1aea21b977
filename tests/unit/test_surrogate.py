"""Surrogate gradients: exact where the network is smooth, and a way down where it is not."""

from typing import NamedTuple

import numpy as np
import pytest

from snn_core import kernels
from snn_core.genome import Genome
from snn_core.network import NetworkParams, partner
from snn_core.network_config import NetworkConfig
from snn_core.neurons import Array
from snn_core.surrogate import HUBER, NARROWEST, gradient
from unit.networks import LIVELY, STRUCTURES, name_of, random_errors, random_networks

SKIP = 5
ONE_PAIR = pytest.param(
    NetworkConfig(pairs=1, hidden="recurrent_iwta", connectivity="paired"),
    id="one-pair",
)


def huber_loss(p: NetworkParams, errors: Array, targets: Array) -> float:
    """The loss whose gradient is asked for: |r| beyond HUBER, quadratic within it."""
    r = np.abs(kernels.run(p, errors)[0][0].astype(float) - targets)[:, SKIP:]
    return float(np.where(r < HUBER, r * r / (2 * HUBER), r - HUBER / 2).mean())


def lesson(seed: int = 4) -> tuple[Array, Array]:
    errors = random_errors(3, 60, seed)
    return errors, np.clip(2.0 * errors + 0.3, -3.0, 3.0).astype(np.float32)


@pytest.mark.parametrize("config", STRUCTURES, ids=name_of)
@pytest.mark.parametrize("name", ["w_out", "leak_out"])
def test_the_readout_has_its_true_gradient(config: NetworkConfig, name: str) -> None:
    p, (errors, targets) = random_networks(config, 1), lesson()
    _, by_parameter = gradient(p, errors, targets, SKIP)
    values, small = getattr(p, name), np.float32(1e-3)
    for k in range(values.size):
        up, down = values.copy(), values.copy()
        up.flat[k] += small
        down.flat[k] -= small
        rise = huber_loss(p._replace(**{name: up}), errors, targets)
        fall = huber_loss(p._replace(**{name: down}), errors, targets)
        expected = (rise - fall) / float(up.flat[k] - down.flat[k])
        assert np.atleast_1d(by_parameter[name])[k] == pytest.approx(expected, rel=0.02, abs=1e-3)


class Dual(NamedTuple):
    """A value and its slope along one direction of the parameters: differentiation forwards instead of backwards."""

    value: np.ndarray
    slope: np.ndarray

    def __add__(self, other: "Dual") -> "Dual":  # type: ignore[override]
        return Dual(self.value + other.value, self.slope + other.slope)

    def __sub__(self, other: "Dual") -> "Dual":
        return Dual(self.value - other.value, self.slope - other.slope)

    def __mul__(self, other: "Dual") -> "Dual":  # type: ignore[override]
        return Dual(self.value * other.value, self.slope * other.value + self.value * other.slope)

    def __matmul__(self, other: "Dual") -> "Dual":
        return Dual(self.value @ other.value, self.slope @ other.value + self.value @ other.slope)

    def swap(self) -> "Dual":
        return Dual(partner(self.value), partner(self.slope))


def fire(v: Dual, threshold: Dual, resting: Dual) -> Dual:
    """A spike, with the triangle for its derivative."""
    width = np.maximum(resting.value, NARROWEST)
    above = v - threshold
    return Dual((above.value > 0).astype(float), np.maximum(0, 1 - np.abs(above.value) / width) / width * above.slope)


def slope_along(p: NetworkParams, direction: NetworkParams, errors: Array, targets: Array) -> float:
    """Derivative of the Huber loss along a direction of the parameters, of a network with dense matrices."""
    d = NetworkParams(*(Dual(a[0].astype(float), b[0].astype(float)) for a, b in zip(p, direction, strict=True)))
    zeros, total = np.zeros(p.neurons), 0.0
    for sequence, target in zip(errors.astype(float), targets.astype(float), strict=True):
        v_in = s_in = current = v = s = trace = Dual(zeros, zeros)
        u = Dual(np.zeros(()), np.zeros(()))
        for t, error in enumerate(sequence):
            v_in = d.leak_in * v_in + d.w_in * Dual(error, 0.0) + d.bias - d.threshold_in * s_in
            s_in = fire(v_in, d.threshold_in, d.threshold_in)
            current = d.leak_syn * current + d.w_own * s_in + d.w_cross * s_in.swap() + s @ d.w_recurrent
            trace = d.leak_trace * trace + s_in
            v = d.leak_mem * v + current - d.threshold * s
            s = fire(v, d.threshold + trace @ d.w_threshold, d.threshold)
            u = d.leak_out * u + (Dual(1.0, 0.0) - d.leak_out) * (d.w_out @ s)
            if t >= SKIP:
                total += float(np.clip((u.value - target[t]) / HUBER, -1.0, 1.0) * u.slope)
    return total / (len(errors) * (errors.shape[1] - SKIP))


@pytest.mark.parametrize("name", NetworkParams._fields)
def test_backwards_and_forwards_agree(name: str) -> None:
    config = NetworkConfig(pairs=3, hidden="recurrent_iwta")
    p, (errors, targets) = random_networks(config, 1, seed=4), lesson()
    direction = np.random.default_rng(6).standard_normal(getattr(p, name).shape)
    still = NetworkParams(*(np.zeros_like(field) for field in p))
    _, by_parameter = gradient(p, errors, targets, SKIP, limit=100.0)
    expected = slope_along(p, still._replace(**{name: direction}), errors, targets)
    assert abs(expected) > 1e-4
    assert (by_parameter[name] * direction[0]).sum() == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize("config", [*STRUCTURES, ONE_PAIR], ids=name_of)
def test_the_loss_is_the_mean_absolute_error_after_the_start(config: NetworkConfig) -> None:
    p, (errors, targets) = random_networks(config, 1, seed=4), lesson()
    limited = np.clip(kernels.run(p, errors)[0][0].astype(float), -0.5, 0.5)
    loss, _ = gradient(p, errors, targets, SKIP, limit=0.5)
    assert loss == pytest.approx(np.abs(limited - targets)[:, SKIP:].mean(), rel=1e-4)


def test_nothing_pushes_a_saturated_readout_further() -> None:
    p, (errors, targets) = random_networks(STRUCTURES[0], 1), lesson()
    loud = p._replace(w_out=np.full_like(p.w_out, 100.0), leak_out=np.full_like(p.leak_out, 0.99), bias=p.bias + 2.0)
    loss, by_parameter = gradient(loud, errors, np.full_like(targets, 5.0), skip=30, limit=5.0)
    assert loss == 0.0
    assert not any(np.any(g) for g in by_parameter.values())


def test_paired_matrices_have_the_gradient_of_their_entries_in_dense_ones() -> None:
    config = NetworkConfig(pairs=3, hidden="recurrent_iwta", connectivity="paired")
    p, (errors, targets) = random_networks(config, 1), lesson()
    n, k = p.neurons, np.arange(p.neurons)
    dense = {name: np.zeros((1, n, n), np.float32) for name in ("w_threshold", "w_recurrent")}
    for name, matrix in dense.items():
        matrix[0, k, k], matrix[0, partner(k), k] = getattr(p, name)[0]
    _, narrow = gradient(p, errors, targets)
    _, full = gradient(p._replace(**dense), errors, targets)
    for name in dense:
        assert narrow[name].any()
        np.testing.assert_allclose(narrow[name], [full[name][k, k], full[name][partner(k), k]], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("config", STRUCTURES, ids=name_of)
def test_going_down_the_gradient_lowers_the_loss(config: NetworkConfig) -> None:
    genome, (errors, targets) = Genome(config), lesson()
    genes = genome.draw(LIVELY, np.random.default_rng(5))
    losses = []
    for _ in range(60):
        loss, by_parameter = gradient(genome.decode(genes), errors, targets, SKIP)
        losses.append(loss)
        g = genome.gradient(by_parameter)
        genes = genome.clip(genes - 0.05 * g / max(float(np.linalg.norm(g)), 1e-9))
    assert min(losses[-10:]) < 0.8 * losses[0]
