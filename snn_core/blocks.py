"""Fused step of sixteen copies of one network on sixteen errors: many worlds or many recordings for one individual.

The form for closed loops, in which every step waits for the world, and for dense matrices, whose weights then serve
sixteen at a time. The arithmetic is `snn_core.network.network_step`, operation for operation.
"""

from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from snn_core.network import NetworkParams, slice_of
from snn_core.neurons import Array
from snn_core.vectors import LANES, add_where, load, select, splat, store, subtract_where, zeros

# Fields of the memory of a block, a vector for each neuron, and after them the read-out.
V_IN, S_IN, CURRENT, V, S, TRACE, ARRIVING = range(7)
FIELDS = 7
CHUNK = 64  # individuals whose traces are kept at a time


@njit(cache=True)
def rest(neurons: int) -> Array:
    """Memory of sixteen networks at rest, flat."""
    return np.zeros((FIELDS * neurons + 1) * LANES, np.float32)


@njit(cache=True)
def dense_sums(x: Array, weights: Array, i: int, n: int, source: int, target: int) -> None:
    """x[target] = dense weights applied to x[source], four sums at a time in registers."""
    for k in range(0, n - 3, 4):
        a, b, c, d = zeros(x), zeros(x), zeros(x), zeros(x)
        for j in range(n):
            y = load(x, source + j * LANES)
            a = a + splat(weights[i, j, k]) * y
            b = b + splat(weights[i, j, k + 1]) * y
            c = c + splat(weights[i, j, k + 2]) * y
            d = d + splat(weights[i, j, k + 3]) * y
        store(x, target + k * LANES, a)
        store(x, target + (k + 1) * LANES, b)
        store(x, target + (k + 2) * LANES, c)
        store(x, target + (k + 3) * LANES, d)
    for k in range(n - n % 4, n):
        a = zeros(x)
        for j in range(n):
            a = a + splat(weights[i, j, k]) * load(x, source + j * LANES)
        store(x, target + k * LANES, a)


@njit(cache=True)
def _encode_and_receive(p, i, x, n, error, coupling):
    """Encoding spikes and synaptic currents of every neuron; returns the number of spikes in each lane."""
    half = n // 2
    one, nothing = splat(np.float32(1.0)), splat(np.float32(0.0))
    fired = nothing
    for k in range(half):
        o = k + half
        at, at_o = k * LANES, o * LANES
        a, a_o = (V_IN * n + k) * LANES, (V_IN * n + o) * LANES
        v, v_o = load(x, a), load(x, a_o)
        theta, theta_o = splat(p.threshold_in[i, k]), splat(p.threshold_in[i, o])
        s, s_o = load(x, S_IN * n * LANES + at) > 0.0, load(x, S_IN * n * LANES + at_o) > 0.0
        v = subtract_where(s, splat(p.leak_in[i, k]) * v + (splat(p.w_in[i, k]) * error + splat(p.bias[i, k])), theta)
        v_o = subtract_where(
            s_o, splat(p.leak_in[i, o]) * v_o + (splat(p.w_in[i, o]) * error + splat(p.bias[i, o])), theta_o
        )
        s, s_o = v > theta, v_o > theta_o
        store(x, a, v)
        store(x, a_o, v_o)
        store(x, S_IN * n * LANES + at, select(s, one, nothing))
        store(x, S_IN * n * LANES + at_o, select(s_o, one, nothing))
        fired = add_where(s_o, add_where(s, fired, one), one)
        arriving = add_where(s_o, select(s, splat(p.w_own[i, k]), nothing), splat(p.w_cross[i, k]))
        arriving_o = add_where(s, select(s_o, splat(p.w_own[i, o]), nothing), splat(p.w_cross[i, o]))
        if coupling > 0:  # the sum over the hidden spikes of the step before, dense or of the pair
            arriving = arriving + load(x, ARRIVING * n * LANES + at)
            arriving_o = arriving_o + load(x, ARRIVING * n * LANES + at_o)
        b, b_o = (CURRENT * n + k) * LANES, (CURRENT * n + o) * LANES
        store(x, b, splat(p.leak_syn[i, k]) * load(x, b) + arriving)
        store(x, b_o, splat(p.leak_syn[i, o]) * load(x, b_o) + arriving_o)
    return fired


@njit(cache=True)
def _paired(x, weights, i, n, source, target):
    """x[target] = own * x[source] + cross * partner's x[source]."""
    half = n // 2
    for k in range(n):
        other = k + half if k < half else k - half
        own = splat(weights[i, 0, k]) * load(x, source + k * LANES)
        store(x, target + k * LANES, own + splat(weights[i, 1, k]) * load(x, source + other * LANES))


@njit(cache=True)
def _couple(x, weights, i, n, source, target):
    if weights.shape[1] == 2:
        _paired(x, weights, i, n, source * n * LANES, target * n * LANES)
    elif weights.shape[1] > 0:
        dense_sums(x, weights, i, n, source * n * LANES, target * n * LANES)


@njit(cache=True)
def _trace(p, i, x, n):
    for k in range(n):
        at = (TRACE * n + k) * LANES
        s = load(x, (S_IN * n + k) * LANES)
        store(x, at, splat(p.leak_trace[i, k]) * load(x, at) + s)


@njit(cache=True)
def _fire(p, i, x, n, fired):
    """Hidden spikes and the read-out; returns (read-out, spikes of this step) of each lane."""
    half, adaptive = n // 2, p.w_threshold.shape[1] > 0
    one, nothing = splat(np.float32(1.0)), splat(np.float32(0.0))
    weighted = nothing
    for k in range(half):
        for o in (k, k + half):
            at = o * LANES
            theta, s = splat(p.threshold[i, o]), load(x, S * n * LANES + at) > 0.0
            v = splat(p.leak_mem[i, o]) * load(x, V * n * LANES + at) + load(x, CURRENT * n * LANES + at)
            v = subtract_where(s, v, theta)
            adapted = theta
            if adaptive:
                adapted = theta + load(x, ARRIVING * n * LANES + at)
            s = v > adapted
            store(x, V * n * LANES + at, v)
            store(x, S * n * LANES + at, select(s, one, nothing))
            weighted = add_where(s, weighted, splat(p.w_out[i, o]))
            fired = add_where(s, fired, one)
    leak = splat(p.leak_out[i])
    u = leak * load(x, FIELDS * n * LANES) + (one - leak) * weighted
    store(x, FIELDS * n * LANES, u)
    return u, fired


@njit(cache=True)
def block_step(p: NetworkParams, i: int, x: Array, error: Any) -> tuple[Any, Any]:
    """One step of sixteen copies of individual i, memory x in place.

    error: sixteen float32, metres. Returns the read-outs, command units, and the numbers of spikes, sixteen each.
    """
    n = p.w_in.shape[1]
    _couple(x, p.w_recurrent, i, n, S, ARRIVING)
    fired = _encode_and_receive(p, i, x, n, error, p.w_recurrent.shape[1])
    if p.w_threshold.shape[1] > 0:
        _trace(p, i, x, n)
        _couple(x, p.w_threshold, i, n, TRACE, ARRIVING)
    return _fire(p, i, x, n, fired)


@njit(cache=True, parallel=True)
def _run(p, errors, out):
    blocks, steps = errors.shape[0], errors.shape[1]
    for job in prange(p.w_in.shape[0] * blocks):
        i, b = job // blocks, job % blocks
        x = rest(p.w_in.shape[1])
        for t in range(steps):
            u, _ = block_step(p, i, x, load(errors[b, t], 0))
            store(out[i, b, t], 0, u)


def in_lanes(values: Array) -> Array:
    """(sequence, time) -> (block, time, LANES), the last block padded with the last sequence."""
    blocks = -(-len(values) // LANES)
    padded = values[np.minimum(np.arange(blocks * LANES), len(values) - 1)]
    return np.ascontiguousarray(np.moveaxis(padded.reshape(blocks, LANES, -1), 1, 2), np.float32)


def run(p: NetworkParams, errors: Array) -> Array:
    """Run every network over every error sequence from rest.

    errors: (sequence, time), metres. Returns the read-outs (population, sequence, time), command units.
    """
    sequences, steps = errors.shape
    blocks = in_lanes(errors)
    out = np.empty((p.population, *blocks.shape), np.float32)
    _run(p, blocks, out)
    return np.ascontiguousarray(np.moveaxis(out, 3, 2)).reshape(p.population, -1, steps)[:, :sequences]


def mimic_scores(
    p: NetworkParams, errors: Array, targets: Array, limit: float = np.inf
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean absolute error and Pearson correlation of every network against the target.

    errors, targets: (sequence, time). Read-outs are clipped to +-limit as the actuator would. Returns two arrays
    (population, sequence); a constant read-out has correlation 0.
    """
    parts = [
        _scores(run(slice_of(p, start, start + CHUNK), errors), np.asarray(targets, np.float64), limit)
        for start in range(0, p.population, CHUNK)
    ]
    mae, rho = np.concatenate(parts, axis=1)
    return mae, rho


def _scores(out: Array, target: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    """MAE and correlation, (2, individual, sequence), from read-outs (individual, sequence, time)."""
    u = np.clip(out.astype(np.float64), -limit, limit)
    mae = np.abs(u - target).mean(axis=2)
    u -= u.mean(axis=2, keepdims=True)
    centred = target - target.mean(axis=1, keepdims=True)
    spread = np.sqrt((u**2).sum(axis=2) * (centred**2).sum(axis=1))
    rho = np.divide((u * centred).sum(axis=2), spread, out=np.zeros_like(spread), where=spread > 1e-9 * u.shape[2])
    return np.stack([mae, rho])
