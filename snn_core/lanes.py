"""Fused kernels for whole populations of paired networks: sixteen individuals in the lanes, their blocks over threads.

Pairs of neurons do not see each other, only the read-out sees them all. So each pair runs alone through a tile of time
with its parameters and memory in registers, and leaves its share of the read-out behind. The arithmetic is
`snn_core.network.network_step`, operation for operation: results are bit for bit those of the plain step, whatever the
population size or the number of threads. Dense matrices couple all neurons; `snn_core.blocks` runs those.
"""

from typing import NamedTuple

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from snn_core.network import NetworkParams
from snn_core.neurons import Array
from snn_core.vectors import (
    LANES,
    add_where,
    clamp,
    doubled,
    load,
    magnitude,
    select,
    splat,
    store,
    subtract_where,
    zeros,
)

TILE = 128  # steps; errors and read-outs of a tile stay in the fastest cache
PAIR_FIELDS = (
    "w_in", "bias", "leak_in", "threshold_in", "w_own", "w_cross", "leak_syn", "leak_mem", "threshold", "w_out",
    "leak_trace",
)  # fmt: skip
# Offsets of the vectors of one pair: of each field that of the neuron, then that of its partner. The matrices follow.
W_IN, BIAS, LEAK_IN, THRESHOLD_IN, W_OWN, W_CROSS, LEAK_SYN, LEAK_MEM, THRESHOLD, W_OUT, LEAK_TRACE = (
    2 * LANES * i for i in range(11)
)
TH_OWN, TH_CROSS, REC_OWN, REC_CROSS = (2 * LANES * i for i in range(11, 15))
PAIR = 2 * LANES * 15
V_IN, S_IN, CURRENT, V, S, TRACE = (2 * LANES * i for i in range(6))
MEMORY = 2 * LANES * 6
OTHER = LANES  # from the neuron's vector to its partner's


class LanePopulation(NamedTuple):
    """A population packed for the lane kernels; B blocks of LANES individuals, the last one padded with its last."""

    coupled: bool  # whether neurons of a pair have threshold adaptation or recurrence
    cells: Array  # (B, pair * field * side * LANES)
    leak_out: Array  # (B, LANES)


def _blocks(values: Array) -> Array:
    """(P, ...) -> (B, flat of (..., LANES))."""
    count = -(-len(values) // LANES)
    padded = values[np.minimum(np.arange(count * LANES), len(values) - 1)]
    lanes_last = np.moveaxis(padded.reshape(count, LANES, *values.shape[1:]), 1, -1)
    return np.ascontiguousarray(lanes_last, np.float32).reshape(count, -1)


def pack(p: NetworkParams) -> LanePopulation:
    """Re-pack a population for the lane kernels; matrices have to be paired or absent."""
    pairs = p.neurons // 2
    fields = [getattr(p, name) for name in PAIR_FIELDS]
    for matrix in (p.w_threshold, p.w_recurrent):
        if matrix.shape[1] > 2:
            raise ValueError(
                f"expected paired matrices, (population, 2, neuron), got {matrix.shape}; see snn_core.blocks"
            )
        fields += [matrix[:, row] if matrix.shape[1] else np.zeros_like(p.w_in) for row in (0, 1)]
    cells = np.stack(fields, axis=1).reshape(p.population, len(fields), 2, pairs)
    coupled = p.w_threshold.shape[1] + p.w_recurrent.shape[1] > 0
    return LanePopulation(coupled, _blocks(np.moveaxis(cells, 3, 1)), _blocks(p.leak_out[:, None]))


@njit(cache=True, forceinline=True)
def _pair(coupled, c, p, x, q, errors, weighted, steps):
    """One pair through a tile of time: parameters from c[p], memory in x[q], shares of the read-out to `weighted`.

    `coupled`, a constant where this is called, says whether threshold adaptation and recurrence are there at all.
    """
    nothing, one = zeros(c), splat(np.float32(1.0))
    w_in, w_in_o = load(c, p + W_IN), load(c, p + W_IN + OTHER)
    bias, bias_o = load(c, p + BIAS), load(c, p + BIAS + OTHER)
    leak_in, leak_in_o = load(c, p + LEAK_IN), load(c, p + LEAK_IN + OTHER)
    theta_in, theta_in_o = load(c, p + THRESHOLD_IN), load(c, p + THRESHOLD_IN + OTHER)
    own, own_o = load(c, p + W_OWN), load(c, p + W_OWN + OTHER)
    cross, cross_o = load(c, p + W_CROSS), load(c, p + W_CROSS + OTHER)
    leak_syn, leak_syn_o = load(c, p + LEAK_SYN), load(c, p + LEAK_SYN + OTHER)
    leak_mem, leak_mem_o = load(c, p + LEAK_MEM), load(c, p + LEAK_MEM + OTHER)
    theta, theta_o = load(c, p + THRESHOLD), load(c, p + THRESHOLD + OTHER)
    w_out, w_out_o = load(c, p + W_OUT), load(c, p + W_OUT + OTHER)
    leak_trace, leak_trace_o = load(c, p + LEAK_TRACE), load(c, p + LEAK_TRACE + OTHER)
    th_own, th_own_o = load(c, p + TH_OWN), load(c, p + TH_OWN + OTHER)
    th_cross, th_cross_o = load(c, p + TH_CROSS), load(c, p + TH_CROSS + OTHER)
    rec_own, rec_own_o = load(c, p + REC_OWN), load(c, p + REC_OWN + OTHER)
    rec_cross, rec_cross_o = load(c, p + REC_CROSS), load(c, p + REC_CROSS + OTHER)
    v_in, v_in_o = load(x, q + V_IN), load(x, q + V_IN + OTHER)
    s_in, s_in_o = load(x, q + S_IN) > 0.0, load(x, q + S_IN + OTHER) > 0.0
    i, i_o = load(x, q + CURRENT), load(x, q + CURRENT + OTHER)
    v, v_o = load(x, q + V), load(x, q + V + OTHER)
    s, s_o = load(x, q + S) > 0.0, load(x, q + S + OTHER) > 0.0
    trace, trace_o = load(x, q + TRACE), load(x, q + TRACE + OTHER)
    for t in range(steps):
        error = splat(errors[t])
        v_in = subtract_where(s_in, leak_in * v_in + (w_in * error + bias), theta_in)
        v_in_o = subtract_where(s_in_o, leak_in_o * v_in_o + (w_in_o * error + bias_o), theta_in_o)
        s_in, s_in_o = v_in > theta_in, v_in_o > theta_in_o
        arriving = add_where(s_in_o, select(s_in, own, nothing), cross)
        arriving_o = add_where(s_in, select(s_in_o, own_o, nothing), cross_o)
        adapted, adapted_o = theta, theta_o
        if coupled:
            arriving = arriving + add_where(s_o, select(s, rec_own, nothing), rec_cross)
            arriving_o = arriving_o + add_where(s, select(s_o, rec_own_o, nothing), rec_cross_o)
            trace = add_where(s_in, leak_trace * trace, one)
            trace_o = add_where(s_in_o, leak_trace_o * trace_o, one)
            adapted = theta + (th_own * trace + th_cross * trace_o)
            adapted_o = theta_o + (th_own_o * trace_o + th_cross_o * trace)
        i, i_o = leak_syn * i + arriving, leak_syn_o * i_o + arriving_o
        v = subtract_where(s, leak_mem * v + i, theta)
        v_o = subtract_where(s_o, leak_mem_o * v_o + i_o, theta_o)
        s, s_o = v > adapted, v_o > adapted_o
        share = load(weighted, t * LANES)
        store(weighted, t * LANES, add_where(s_o, add_where(s, share, w_out), w_out_o))
    for field, mine, other in (
        (V_IN, v_in, v_in_o), (CURRENT, i, i_o), (V, v, v_o), (TRACE, trace, trace_o),
        (S_IN, select(s_in, one, nothing), select(s_in_o, one, nothing)),
        (S, select(s, one, nothing), select(s_o, one, nothing)),
    ):  # fmt: skip
        store(x, q + field, mine)
        store(x, q + field + OTHER, other)


@njit(cache=True)
def _tile(coupled, c, x, leak, u, errors, out):
    """One block through one tile: read-outs of every step to `out` (steps * LANES), the last one also to u (LANES,)."""
    steps = errors.shape[0]
    out[: steps * LANES] = np.float32(0.0)
    for pair in range(c.shape[0] // PAIR):
        if coupled:
            _pair(True, c, pair * PAIR, x, pair * MEMORY, errors, out, steps)
        else:
            _pair(False, c, pair * PAIR, x, pair * MEMORY, errors, out, steps)
    keep, now = load(leak, 0), load(u, 0)
    take = splat(np.float32(1.0)) - keep
    for t in range(steps):
        now = keep * now + take * load(out, t * LANES)
        store(out, t * LANES, now)
    store(u, 0, now)


@njit(cache=True, parallel=True)
def _run(packed, errors, out):
    sequences, steps = errors.shape
    for job in prange(packed.cells.shape[0] * sequences):
        b, q = job // sequences, job % sequences
        c, leak, rows = packed.cells[b], packed.leak_out[b], out[b, q]
        x, u = np.zeros(c.shape[0] // PAIR * MEMORY, np.float32), np.zeros(LANES, np.float32)
        for start in range(0, steps, TILE):
            end = min(start + TILE, steps)
            _tile(packed.coupled, c, x, leak, u, errors[q, start:end], rows[start * LANES : end * LANES])


@njit(cache=True)
def _judge(read_outs, targets, limit, sums):
    """Add a tile to the sums of |u - y|, u, u u and u y, (4 * LANES,)."""
    miss, total, square, product = load(sums, 0), load(sums, LANES), load(sums, 2 * LANES), load(sums, 3 * LANES)
    low, high = splat(-limit), splat(limit)
    for t in range(targets.shape[0]):
        u, y = clamp(doubled(load(read_outs, t * LANES)), low, high), splat(targets[t])
        miss = miss + magnitude(u - y)
        total = total + u
        square = square + u * u
        product = product + u * y
    store(sums, 0, miss)
    store(sums, LANES, total)
    store(sums, 2 * LANES, square)
    store(sums, 3 * LANES, product)


@njit(cache=True)
def _conclude(sums, targets, mae, rho):
    """MAE and Pearson correlation of each lane from its sums."""
    steps, y_sum, yy_sum = targets.shape[0], 0.0, 0.0
    for y in targets:
        y_sum, yy_sum = y_sum + y, yy_sum + y * y
    y_var = yy_sum - y_sum * y_sum / steps
    for m in range(LANES):
        u_sum = sums[LANES + m]
        u_var = sums[2 * LANES + m] - u_sum * u_sum / steps
        covariance = sums[3 * LANES + m] - u_sum * y_sum / steps
        mae[m] = sums[m] / steps
        rho[m] = covariance / np.sqrt(u_var * y_var) if u_var > 1e-9 and y_var > 1e-9 else 0.0


@njit(cache=True)
def _score(packed, errors, targets, limit, mae, rho):
    """Scores of one block on one sequence, to (LANES,) each."""
    c, leak, steps = packed[0], packed[1], errors.shape[0]
    x, u = np.zeros(c.shape[0] // PAIR * MEMORY, np.float32), np.zeros(LANES, np.float32)
    read_outs, sums = np.empty(TILE * LANES, np.float32), np.zeros(4 * LANES)
    for start in range(0, steps, TILE):
        end = min(start + TILE, steps)
        _tile(packed[2], c, x, leak, u, errors[start:end], read_outs)
        _judge(read_outs, targets[start:end], limit, sums)
    _conclude(sums, targets, mae, rho)


@njit(cache=True)
def _scores(packed, errors, targets, limit, mae, rho):
    for b in range(packed.cells.shape[0]):
        block = packed.cells[b], packed.leak_out[b], packed.coupled
        for q in range(errors.shape[0]):
            _score(block, errors[q], targets[q], limit, mae[b, q], rho[b, q])


@njit(cache=True, parallel=True)
def _scores_parallel(packed, errors, targets, limit, mae, rho):
    for job in prange(packed.cells.shape[0] * errors.shape[0]):
        b, q = job // errors.shape[0], job % errors.shape[0]
        block = packed.cells[b], packed.leak_out[b], packed.coupled
        _score(block, errors[q], targets[q], limit, mae[b, q], rho[b, q])


PARALLEL_FROM = (
    10_000_000  # neuron steps (about a millisecond), below which waiting for a thread costs more than it saves
)


def run(p: NetworkParams, errors: Array) -> Array:
    """Run every network over every error sequence from rest.

    errors: (sequence, time), metres. Returns the read-outs (population, sequence, time), command units.
    """
    packed, errors = pack(p), np.ascontiguousarray(errors, np.float32)
    sequences, steps = errors.shape
    out = np.empty((len(packed.cells), sequences, steps * LANES), np.float32)
    _run(packed, errors, out)
    by_lane = out.reshape(-1, sequences, steps, LANES)
    return np.moveaxis(by_lane, -1, 1).reshape(-1, sequences, steps)[: p.population]


def mimic_scores(
    p: NetworkParams, errors: Array, targets: Array, limit: float = np.inf
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean absolute error and Pearson correlation of every network against the target, no traces kept.

    errors, targets: (sequence, time). Read-outs are clipped to +-limit as the actuator would. Returns two arrays
    (population, sequence); a constant read-out has correlation 0.
    """
    packed, errors = pack(p), np.ascontiguousarray(errors, np.float32)
    scores = np.empty((2, len(packed.cells), len(errors), LANES))
    judge = _scores_parallel if p.population * errors.size * 2 * p.neurons >= PARALLEL_FROM else _scores
    judge(packed, errors, np.ascontiguousarray(targets, np.float64), float(limit), *scores)
    by_lane = np.ascontiguousarray(
        np.moveaxis(scores, -1, 2)
    )  # or the order of later sums would depend on the population
    mae, rho = by_lane.reshape(2, -1, len(errors))[:, : p.population]
    return mae, rho
