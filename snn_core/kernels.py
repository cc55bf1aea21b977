"""Fused numba kernels of the paired spiking network, bit for bit equal to `snn_core.network.network_step`.

This is the form for one controller; `snn_core.lanes` and `snn_core.blocks` are the forms for populations. No fast-math:
every sum has the order of the plain step. Individuals run on parallel threads and share nothing, so results do not
depend on the number of threads. Arrays are indexed in place: a view inside a loop would cost more than the arithmetic
on it.
"""

import numpy as np
from numba import njit, prange

from snn_core.network import NetworkParams, NetworkState, initial_state
from snn_core.neurons import Array


@njit(cache=True)
def _encode(p, i, x, b, error):
    for k in range(x.s.shape[1]):
        v = p.leak_in[i, k] * x.v_in[b, k] + (p.w_in[i, k] * error + p.bias[i, k])
        v = v - p.threshold_in[i, k] * x.s_in[b, k]
        x.v_in[b, k] = v
        x.s_in[b, k] = np.float32(v > p.threshold_in[i, k])


@njit(cache=True)
def _add_arriving(total, weights, i, s, b):
    """total += weights[i] applied to s[b]; paired (2, N) or dense (N, N)."""
    n = s.shape[1]
    if weights.shape[1] == 2:
        half = n // 2
        for k in range(n):
            other = k + half if k < half else k - half
            total[0, k] += weights[i, 0, k] * s[b, k] + weights[i, 1, k] * s[b, other]
    elif weights.shape[1] > 0:
        for k in range(n):
            total[1, k] = np.float32(0.0)
        for j in range(n):
            if s[b, j] != 0.0:
                for k in range(n):
                    total[1, k] += weights[i, j, k] * s[b, j]
        for k in range(n):
            total[0, k] += total[1, k]


@njit(cache=True)
def _receive(p, i, x, b, scratch):
    n = x.s.shape[1]
    half = n // 2
    for k in range(n):
        other = k + half if k < half else k - half
        scratch[0, k] = p.w_own[i, k] * x.s_in[b, k] + p.w_cross[i, k] * x.s_in[b, other]
    _add_arriving(scratch, p.w_recurrent, i, x.s, b)
    for k in range(n):
        x.current[b, k] = p.leak_syn[i, k] * x.current[b, k] + scratch[0, k]


@njit(cache=True)
def _adapt(p, i, x, b, scratch):
    n = x.s.shape[1]
    for k in range(n):
        scratch[0, k] = p.threshold[i, k]
    if p.w_threshold.shape[1] > 0:
        for k in range(n):
            x.trace[b, k] = p.leak_trace[i, k] * x.trace[b, k] + x.s_in[b, k]
        _add_arriving(scratch, p.w_threshold, i, x.trace, b)


@njit(cache=True)
def _fire(p, i, x, b, scratch):
    """Hidden spikes and the weighted sum that reaches the read-out."""
    weighted, half = np.float32(0.0), x.s.shape[1] // 2
    for k in range(x.s.shape[1]):
        v = p.leak_mem[i, k] * x.v[b, k] + x.current[b, k]
        v = v - p.threshold[i, k] * x.s[b, k]
        x.v[b, k] = v
        x.s[b, k] = np.float32(v > scratch[0, k])
    for k in range(half):
        weighted += p.w_out[i, k] * x.s[b, k]
        weighted += p.w_out[i, k + half] * x.s[b, k + half]
    return weighted


@njit(cache=True)
def _advance(p, i, x, b, error, scratch):
    """One step of state b with the parameters of individual i, in place; scratch is (2, N)."""
    _encode(p, i, x, b, error)
    _receive(p, i, x, b, scratch)
    _adapt(p, i, x, b, scratch)
    weighted = _fire(p, i, x, b, scratch)
    x.u[b] = p.leak_out[i] * x.u[b] + (np.float32(1.0) - p.leak_out[i]) * weighted


@njit(cache=True)
def _advance_all(p, state, error):
    scratch = np.empty((2, state.s.shape[1]), np.float32)
    for b in range(state.u.shape[0]):
        _advance(p, b if p.w_in.shape[0] > 1 else 0, state, b, error[b], scratch)


@njit(cache=True, parallel=True)
def _advance_parallel(p, state, error):
    for job in prange(state.u.shape[0]):
        b = np.int64(job)
        scratch = np.empty((2, state.s.shape[1]), np.float32)
        _advance(p, b if p.w_in.shape[0] > 1 else 0, state, b, error[b], scratch)


@njit(cache=True, parallel=True)
def _run(p, errors, out, spikes):
    n = p.w_in.shape[1]
    sequences, steps = errors.shape
    for job in prange(p.w_in.shape[0] * sequences):
        i, q = job // sequences, job % sequences
        v_in, s_in, current = np.zeros((1, n), np.float32), np.zeros((1, n), np.float32), np.zeros((1, n), np.float32)
        v, s, trace = np.zeros((1, n), np.float32), np.zeros((1, n), np.float32), np.zeros((1, n), np.float32)
        x = NetworkState(v_in, s_in, current, v, s, trace, np.zeros(1, np.float32))
        scratch, total = np.empty((2, n), np.float32), 0.0
        for t in range(steps):
            _advance(p, i, x, 0, errors[q, t], scratch)
            out[i, q, t] = x.u[0]
            for k in range(n):
                total += s_in[0, k] + s[0, k]
        spikes[i, q] = total


PARALLEL_FROM = 16  # states in a batch, below which threads cost more than they save


def advance(p: NetworkParams, state: NetworkState, error: Array) -> None:
    """One step of every network of `state`, in place; the read-outs are state.u.

    error: (B,) float32, metres. p holds one individual per state, or a single one that serves them all.
    """
    (_advance_parallel if len(error) >= PARALLEL_FROM else _advance_all)(p, state, error)


def run(p: NetworkParams, errors: Array) -> tuple[Array, Array]:
    """Run every network over every error sequence from rest.

    errors: (sequence, time), metres. Returns the read-outs (population, sequence, time) in command units and the
    number of spikes (population, sequence).
    """
    errors = np.ascontiguousarray(errors, np.float32)
    out = np.empty((p.population, *errors.shape), np.float32)
    spikes = np.zeros((p.population, errors.shape[0]), np.float32)
    _run(p, errors, out, spikes)
    return out, spikes


def warm(p: NetworkParams) -> None:
    """Compile (or load from cache) the kernel of one controller, so that no control loop ever does."""
    advance(p, initial_state(1, p.neurons), np.zeros(1, np.float32))
