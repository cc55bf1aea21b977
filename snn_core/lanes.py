"""Fused kernels for whole populations: sixteen individuals in the SIMD lanes, blocks of sixteen over the threads.

The arithmetic is `snn_core.network.network_step`, operation for operation and without fast-math, so that results are
bit for bit those of the plain step, whatever the population size or the number of threads. A population is re-packed
into (block, neuron, field, lane): everything that one neuron needs is contiguous, and one array holds it all, so that
the compiler can prove independence and vectorise.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from snn_core.network import NetworkParams
from snn_core.neurons import Array

LANES = 16
CELL_FIELDS = (
    "w_in", "bias", "leak_in", "threshold_in", "w_own", "w_cross", "leak_syn", "leak_mem", "threshold", "leak_trace",
    "w_out",
)  # fmt: skip
# Offsets of the fields of one neuron, and the sizes of one neuron's parameters and memory. Constants, and flat arrays,
# because only then can the compiler see that no two of them overlap.
W_IN, BIAS, LEAK_IN, THRESHOLD_IN, W_OWN, W_CROSS, LEAK_SYN, LEAK_MEM, THRESHOLD, LEAK_TRACE, W_OUT = (
    LANES * i for i in range(11)
)
V_IN, S_IN, CURRENT, V, S, TRACE, ARRIVING, ADAPTED = (LANES * i for i in range(8))
CELL, MEMORY = LANES * 11, LANES * 8


class LanePopulation(NamedTuple):
    """A population packed for the lane kernels; B blocks of LANES individuals, the last one padded with its first."""

    neurons: int
    cells: Array  # (B, N * field * LANES)
    leak_out: Array  # (B, LANES)
    w_threshold: Array  # (B, {0 | 2 * N | N * N} * LANES)
    w_recurrent: Array  # (B, {0 | 2 * N | N * N} * LANES)


def _blocks(values: Array) -> Array:
    """(P, ...) -> (B, flat of (..., LANES))."""
    blocks = -(-len(values) // LANES)
    padded = values[np.minimum(np.arange(blocks * LANES), len(values) - 1)]
    lanes_last = np.moveaxis(padded.reshape(blocks, LANES, *values.shape[1:]), 1, -1)
    return np.ascontiguousarray(lanes_last, np.float32).reshape(blocks, math.prod(lanes_last.shape[1:]))


def pack(p: NetworkParams) -> LanePopulation:
    """Re-pack a population for the lane kernels."""
    cells = np.stack([getattr(p, name) for name in CELL_FIELDS], axis=2)
    return LanePopulation(
        p.neurons, _blocks(cells), _blocks(p.leak_out), _blocks(p.w_threshold), _blocks(p.w_recurrent)
    )


@njit(cache=True)
def _encode(c, x, n, error):
    for k in range(n):
        p, q = k * CELL, k * MEMORY
        for m in range(LANES):
            v = c[p + LEAK_IN + m] * x[q + V_IN + m] + (c[p + W_IN + m] * error[m] + c[p + BIAS + m])
            v = v - c[p + THRESHOLD_IN + m] * x[q + S_IN + m]
            x[q + V_IN + m] = v
            x[q + S_IN + m] = np.float32(v > c[p + THRESHOLD_IN + m])


@njit(cache=True)
def _receive(c, x, n):
    shift = n // 2
    for k in range(n):
        p, q = k * CELL, k * MEMORY
        other = (k + shift if k < shift else k - shift) * MEMORY
        for m in range(LANES):
            x[q + ARRIVING + m] = c[p + W_OWN + m] * x[q + S_IN + m] + c[p + W_CROSS + m] * x[other + S_IN + m]


@njit(cache=True)
def _add_paired(x, weights, n, source, target):
    """x[target] += own * x[source] + cross * partner's x[source]; weights flat (2, n, LANES)."""
    shift = n // 2
    for k in range(n):
        q, w = k * MEMORY, k * LANES
        other = (k + shift if k < shift else k - shift) * MEMORY
        for m in range(LANES):
            own = weights[w + m] * x[q + source + m]
            x[q + target + m] += own + weights[n * LANES + w + m] * x[other + source + m]


@njit(cache=True)
def _add_dense(x, weights, n, source, target, total):
    """x[target] += weights applied to x[source]; weights flat (n presynaptic, n, LANES), `total` is scratch."""
    total[:] = np.float32(0.0)
    for j in range(n):
        for k in range(n):
            for m in range(LANES):
                total[k * LANES + m] += weights[(j * n + k) * LANES + m] * x[j * MEMORY + source + m]
    for k in range(n):
        for m in range(LANES):
            x[k * MEMORY + target + m] += total[k * LANES + m]


@njit(cache=True)
def _add_arriving(x, weights, n, source, target, total):
    if weights.shape[0] == 2 * n * LANES:
        _add_paired(x, weights, n, source, target)
    elif weights.shape[0] > 0:
        _add_dense(x, weights, n, source, target, total)


@njit(cache=True)
def _adapt(c, x, n):
    for k in range(n):
        p, q = k * CELL, k * MEMORY
        for m in range(LANES):
            x[q + TRACE + m] = c[p + LEAK_TRACE + m] * x[q + TRACE + m] + x[q + S_IN + m]
            x[q + ADAPTED + m] = c[p + THRESHOLD + m]


@njit(cache=True)
def _fire(c, x, n):
    for k in range(n):
        p, q = k * CELL, k * MEMORY
        for m in range(LANES):
            current = c[p + LEAK_SYN + m] * x[q + CURRENT + m] + x[q + ARRIVING + m]
            v = c[p + LEAK_MEM + m] * x[q + V + m] + current
            v = v - c[p + THRESHOLD + m] * x[q + S + m]
            x[q + CURRENT + m] = current
            x[q + V + m] = v
            x[q + S + m] = np.float32(v > x[q + ADAPTED + m])


@njit(cache=True)
def _read_out(c, x, n, leak, u, weighted):
    weighted[:LANES] = np.float32(0.0)
    for k in range(n):
        p, q = k * CELL, k * MEMORY
        for m in range(LANES):
            weighted[m] += c[p + W_OUT + m] * x[q + S + m]
    for m in range(LANES):
        u[m] = leak[m] * u[m] + (np.float32(1.0) - leak[m]) * weighted[m]


@njit(cache=True)
def _step(c, w_threshold, w_recurrent, leak_out, x, n, u, error, scratch):
    """One step of one block; error and u are (LANES,)."""
    _encode(c, x, n, error)
    _receive(c, x, n)
    _add_arriving(x, w_recurrent, n, S, ARRIVING, scratch)
    if w_threshold.shape[0] > 0:
        _adapt(c, x, n)
        _add_arriving(x, w_threshold, n, TRACE, ADAPTED, scratch)
    _fire(c, x, n)
    _read_out(c, x, n, leak_out, u, scratch)


@njit(cache=True)
def _fresh(c, n):
    x = np.zeros(n * MEMORY, np.float32)
    for k in range(n):
        for m in range(LANES):
            x[k * MEMORY + ADAPTED + m] = c[k * CELL + THRESHOLD + m]
    return x


@njit(cache=True, parallel=True)
def _run(packed, errors, out):
    sequences, steps = errors.shape
    for job in prange(packed.cells.shape[0] * sequences):
        b, q = job // sequences, job % sequences
        n, c = packed.neurons, packed.cells[b]
        x, scratch = _fresh(c, n), np.empty(n * LANES, np.float32)
        u, error = np.zeros(LANES, np.float32), np.empty(LANES, np.float32)
        for t in range(steps):
            error[:] = errors[q, t]
            _step(c, packed.w_threshold[b], packed.w_recurrent[b], packed.leak_out[b], x, n, u, error, scratch)
            for m in range(LANES):
                out[b, q, t, m] = u[m]


@njit(cache=True, parallel=True)
def _scores(packed, errors, targets, limit, mae, rho):
    sequences, steps = errors.shape
    for job in prange(packed.cells.shape[0] * sequences):
        b, q = job // sequences, job % sequences
        n, c = packed.neurons, packed.cells[b]
        x, scratch = _fresh(c, n), np.empty(n * LANES, np.float32)
        u, error = np.zeros(LANES, np.float32), np.empty(LANES, np.float32)
        sums = np.zeros((4, LANES))  # |u - y|, u, u u, u y
        y_sum, yy_sum = 0.0, 0.0
        for t in range(steps):
            error[:] = errors[q, t]
            _step(c, packed.w_threshold[b], packed.w_recurrent[b], packed.leak_out[b], x, n, u, error, scratch)
            y = targets[q, t]
            y_sum, yy_sum = y_sum + y, yy_sum + y * y
            for m in range(LANES):
                z = min(max(np.float64(u[m]), -limit), limit)
                sums[0, m] += abs(z - y)
                sums[1, m] += z
                sums[2, m] += z * z
                sums[3, m] += z * y
        y_var = yy_sum - y_sum * y_sum / steps
        for m in range(LANES):
            z_var = sums[2, m] - sums[1, m] * sums[1, m] / steps
            cov = sums[3, m] - sums[1, m] * y_sum / steps
            mae[b, q, m] = sums[0, m] / steps
            rho[b, q, m] = cov / np.sqrt(z_var * y_var) if z_var > 1e-9 and y_var > 1e-9 else 0.0


def run(p: NetworkParams, errors: Array) -> Array:
    """Run every network over every error sequence from rest.

    errors: (sequence, time), metres. Returns the read-outs (population, sequence, time), command units.
    """
    packed, errors = pack(p), np.ascontiguousarray(errors, np.float32)
    out = np.empty((len(packed.cells), *errors.shape, LANES), np.float32)
    _run(packed, errors, out)
    return np.moveaxis(out, -1, 1).reshape(-1, *errors.shape)[: p.population]


def mimic_scores(
    p: NetworkParams, errors: Array, targets: Array, limit: float = np.inf
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean absolute error and Pearson correlation of every network against the target, no traces kept.

    errors, targets: (sequence, time). Read-outs are clipped to +-limit as the actuator would. Returns two arrays
    (population, sequence); a constant read-out has correlation 0.
    """
    packed, errors = pack(p), np.ascontiguousarray(errors, np.float32)
    shape = (len(packed.cells), len(errors), LANES)
    mae, rho = np.empty(shape), np.empty(shape)
    _scores(packed, errors, np.ascontiguousarray(targets, np.float64), float(limit), mae, rho)
    return tuple(np.moveaxis(a, -1, 1).reshape(-1, len(errors))[: p.population] for a in (mae, rho))  # type: ignore[return-value]
