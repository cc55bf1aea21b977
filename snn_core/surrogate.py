"""Surrogate gradients of the paired spiking network: backpropagation through time in fused kernels.

The derivative of a spike is replaced by a triangle around the threshold, dH/dv ~ max(0, 1 - |v - theta| / theta) /
theta (Bellec et al. 2018). One network, sixteen error sequences in the lanes, blocks of them over threads; what the
blocks find is added in their order, so the number of threads changes nothing. The gradient is a direction to search
in, not a truth: evolution judges the result on the real loss.
"""

import numpy as np
from numba import njit, prange

from snn_core.blocks import ARRIVING, CURRENT, S_IN, TRACE, V_IN, S, V, block_step, dense_sums, in_lanes, rest
from snn_core.network import NetworkParams
from snn_core.neurons import Array
from snn_core.vectors import LANES, add_where, anywhere, load, magnitude, select, splat, store, zeros

# Rows of the gradient, one vector for each neuron.
FIELDS = (
    "w_in", "bias", "leak_in", "threshold_in", "w_own", "w_cross", "leak_syn", "leak_mem", "threshold", "leak_trace",
    "w_out",
)  # fmt: skip
W_IN, BIAS, LEAK_IN, THRESHOLD_IN, W_OWN, W_CROSS, LEAK_SYN, LEAK_MEM, THRESHOLD, LEAK_TRACE, W_OUT = range(11)
# What flows backwards, one vector for each neuron; the last two are scratch.
G_V_IN, G_CURRENT, G_V, G_TRACE, G_ADAPTED, G_SPIKE, G_SUM = range(7)
NARROWEST = np.float32(0.2)  # least width of the triangle, so that a threshold near zero still has a gradient
FADED = np.float32(1e-20)  # what is smaller is set to zero, since denormal numbers are slow
HUBER = np.float32(0.25)  # command units; inside this error the loss is quadratic


@njit(cache=True, forceinline=True)
def _through_spike(g_spike, v, threshold, resting):
    """g_spike times the pseudo-derivative of a spike."""
    width = max(resting, NARROWEST)
    height = 1.0 - magnitude(v - threshold) / width
    return g_spike * (select(height > 0.0, height, 0.0 * height) / width)


@njit(cache=True, forceinline=True)
def _decayed(memory, leak, x):
    """leak memory + x, zero where it has faded."""
    m = leak * memory + x
    return select(magnitude(m) > FADED, m, 0.0 * x)


@njit(cache=True, forceinline=True)
def _gather(total, row, n, k, x):
    """total[row, k] += x."""
    at = (row * n + k) * LANES
    store(total, at, load(total, at) + x)


@njit(cache=True)
def _forward(p, errors, history, u):
    """Fill history (time + 1, memory) and u (time + 1, LANES), both starting from rest at index 0."""
    x = rest(p.w_in.shape[1])
    history[0] = x
    u[0] = np.float32(0.0)
    for t in range(errors.shape[0]):
        out, _ = block_step(p, 0, x, load(errors[t], 0))
        store(u[t + 1], 0, out)
        history[t + 1] = x


@njit(cache=True)
def _hidden(p, n, old, new, g, flow, g_z):
    """From the read-out back to the synaptic currents and the moved thresholds."""
    adaptive, recurrent = p.w_threshold.shape[1] > 0, p.w_recurrent.shape[1] > 0
    for k in range(n):
        theta, v, s = p.threshold[0, k], load(new, (V * n + k) * LANES), load(new, (S * n + k) * LANES)
        g_s = g_z * splat(p.w_out[0, k])
        if recurrent:
            g_s = g_s + load(flow, (G_SUM * n + k) * LANES)
        _gather(g, W_OUT, n, k, g_z * s)
        g_v = load(flow, (G_V * n + k) * LANES)  # still of the step after, whose soft reset took this spike
        adapted = splat(theta)
        if adaptive:
            adapted = adapted + load(new, (ARRIVING * n + k) * LANES)  # how far the traces have moved it
        g_h = _through_spike(g_s - splat(theta) * g_v, v, adapted, theta)
        g_v = _decayed(g_v, splat(p.leak_mem[0, k]), g_h)
        store(flow, (G_V * n + k) * LANES, g_v)
        store(flow, (G_ADAPTED * n + k) * LANES, -1.0 * g_h)
        _gather(g, THRESHOLD, n, k, -1.0 * g_h - g_v * load(old, (S * n + k) * LANES))
        _gather(g, LEAK_MEM, n, k, g_v * load(old, (V * n + k) * LANES))
        g_current = _decayed(load(flow, (G_CURRENT * n + k) * LANES), splat(p.leak_syn[0, k]), g_v)
        store(flow, (G_CURRENT * n + k) * LANES, g_current)
        _gather(g, LEAK_SYN, n, k, g_current * load(old, (CURRENT * n + k) * LANES))


@njit(cache=True)
def _outer(total, n, before, source, flow, arriving):
    """total[j, k] += before[source, j] flow[arriving, k], skipping j that are silent in every lane."""
    for j in range(n):
        x = load(before, (source * n + j) * LANES)
        if anywhere(magnitude(x) > 0.0):
            for k in range(n):
                at = (j * n + k) * LANES
                store(total, at, load(total, at) + x * load(flow, (arriving * n + k) * LANES))


@njit(cache=True)
def _encoding(p, n, error, old, new, g, flow):
    """From the synaptic currents and the traces back to the encoding neurons."""
    half = n // 2
    for k in range(n):
        o = k + half if k < half else k - half
        g_current, g_other = load(flow, (G_CURRENT * n + k) * LANES), load(flow, (G_CURRENT * n + o) * LANES)
        _gather(g, W_OWN, n, k, g_current * load(new, (S_IN * n + k) * LANES))
        _gather(g, W_CROSS, n, k, g_current * load(new, (S_IN * n + o) * LANES))
        g_s = splat(p.w_own[0, k]) * g_current + splat(p.w_cross[0, o]) * g_other
        if p.w_threshold.shape[1] > 0:
            g_trace = load(flow, (G_TRACE * n + k) * LANES)
            g_trace = _decayed(g_trace, splat(p.leak_trace[0, k]), load(flow, (G_SPIKE * n + k) * LANES))
            store(flow, (G_TRACE * n + k) * LANES, g_trace)
            _gather(g, LEAK_TRACE, n, k, g_trace * load(old, (TRACE * n + k) * LANES))
            g_s = g_s + g_trace
        theta, g_v = p.threshold_in[0, k], load(flow, (G_V_IN * n + k) * LANES)
        g_h = _through_spike(g_s - splat(theta) * g_v, load(new, (V_IN * n + k) * LANES), splat(theta), theta)
        g_v = _decayed(g_v, splat(p.leak_in[0, k]), g_h)
        store(flow, (G_V_IN * n + k) * LANES, g_v)
        _gather(g, W_IN, n, k, g_v * error)
        _gather(g, BIAS, n, k, g_v)
        _gather(g, THRESHOLD_IN, n, k, -1.0 * g_h - g_v * load(old, (S_IN * n + k) * LANES))
        _gather(g, LEAK_IN, n, k, g_v * load(old, (V_IN * n + k) * LANES))


@njit(cache=True)
def _weighted(p, n, new):
    """What reached the read-out in a step."""
    z = splat(np.float32(0.0))
    for k in range(n):
        z = add_where(load(new, (S * n + k) * LANES) > 0.0, z, splat(p.w_out[0, k]))
    return z


@njit(cache=True)
def _backward(p, turned_threshold, turned_recurrent, errors, history, u, du, g, g_th, g_rec, g_leak):
    """Add the gradient of sum(du u) to g (field * N * LANES), g_th and g_rec (N * N * LANES), and g_leak (LANES).

    turned_threshold, turned_recurrent: the matrices, made dense, with their neuron axes swapped.
    """
    n, leak = p.w_in.shape[1], splat(p.leak_out[0])
    flow = np.zeros(7 * n * LANES, np.float32)
    g_u, g_leak_out = zeros(flow), zeros(flow)
    for t in range(errors.shape[0] - 1, -1, -1):
        old, new = history[t], history[t + 1]
        g_u = load(du[t], 0) + leak * g_u
        g_leak_out = g_leak_out + g_u * (load(u[t], 0) - _weighted(p, n, new))
        if p.w_recurrent.shape[1] > 0:
            dense_sums(flow, turned_recurrent, 0, n, G_CURRENT * n * LANES, G_SUM * n * LANES)
        _hidden(p, n, old, new, g, flow, (1.0 - leak) * g_u)
        if p.w_recurrent.shape[1] > 0:
            _outer(g_rec, n, old, S, flow, G_CURRENT)
        if p.w_threshold.shape[1] > 0:
            _outer(g_th, n, new, TRACE, flow, G_ADAPTED)
            dense_sums(flow, turned_threshold, 0, n, G_ADAPTED * n * LANES, G_SPIKE * n * LANES)
        _encoding(p, n, load(errors[t], 0), old, new, g, flow)
    store(g_leak, 0, g_leak_out)


@njit(cache=True)
def _blame(u, targets, there, skip, limit, scale, du):
    """Huber gradient du (time, LANES) of the clipped read-outs u (time + 1, LANES); returns the mean absolute error.

    there: how many lanes hold a sequence; the others are given no blame.
    """
    loss = 0.0
    for t in range(skip, targets.shape[0]):
        for m in range(there):
            y, now = targets[t, m], u[t + 1, m]
            r = min(max(now, -limit), limit) - y
            loss += abs(r) * scale
            pushing = (now > limit and y >= limit) or (now < -limit and y <= -limit)
            if not pushing:
                du[t, m] = min(max(r / HUBER, np.float32(-1.0)), np.float32(1.0)) * scale
    return loss


@njit(cache=True, parallel=True)
def _gradient(p, turned, errors, targets, sequences, skip, limit, g, g_th, g_rec, g_leak, loss):
    blocks, steps, n = errors.shape[0], errors.shape[1], p.w_in.shape[1]
    scale = np.float32(1.0 / (sequences * (steps - skip)))
    for b in prange(blocks):
        history = np.empty((steps + 1, rest(n).shape[0]), np.float32)
        u, du = np.empty((steps + 1, LANES), np.float32), np.zeros((steps, LANES), np.float32)
        _forward(p, errors[b], history, u)
        loss[b] = _blame(u, targets[b], min(LANES, sequences - b * LANES), skip, limit, scale, du)
        _backward(p, turned[0], turned[1], errors[b], history, u, du, g[b], g_th[b], g_rec[b], g_leak[b])


def _dense(weights: Array) -> Array:
    """Paired matrices (1, 2, N) as dense ones; absent and dense ones as they are."""
    if weights.shape[1] != 2:
        return weights
    n = weights.shape[2]
    out, k = np.zeros((1, n, n), np.float32), np.arange(n)
    out[0, k, k], out[0, np.roll(k, n // 2), k] = weights[0]
    return out


def _like(weights: Array, dense: Array) -> Array:
    """The entries of a dense gradient (N, N) that `weights` (1, rows, N) has."""
    n = weights.shape[2]
    if weights.shape[1] == 2:
        k = np.arange(n)
        return np.stack([dense[k, k], dense[np.roll(k, n // 2), k]])
    return dense if weights.shape[1] else dense[:0, :0]


def gradient(
    p: NetworkParams, errors: Array, targets: Array, skip: int = 0, limit: float = 10.0
) -> tuple[float, dict[str, Array]]:
    """Mean absolute error of one network and its surrogate gradient.

    p: a population of one. errors, targets: (sequence, time), metres and command units; every sequence starts from
    rest and its first `skip` steps are not scored. Returns the loss and the gradient of its Huber form with respect to
    each parameter, shaped like the parameter without the population axis.
    """
    n, sequences = p.neurons, len(errors)
    turned = [np.ascontiguousarray(np.swapaxes(_dense(matrix), 1, 2)) for matrix in (p.w_threshold, p.w_recurrent)]
    packed = in_lanes(errors)
    blocks = len(packed)
    g = np.zeros((blocks, len(FIELDS) * n * LANES), np.float32)
    g_threshold, g_recurrent = np.zeros((2, blocks, n * n * LANES), np.float32)
    g_leak, loss = np.zeros((blocks, LANES), np.float32), np.zeros(blocks)
    _gradient(
        p, tuple(turned), packed, in_lanes(targets), sequences, skip, np.float32(limit),
        g, g_threshold, g_recurrent, g_leak, loss,
    )  # fmt: skip
    summed = g.reshape(blocks, len(FIELDS), n, LANES).sum(axis=(0, 3))
    out = dict(zip(FIELDS, summed, strict=True))
    for name, total in (("w_threshold", g_threshold), ("w_recurrent", g_recurrent)):
        out[name] = _like(getattr(p, name), total.reshape(blocks, n, n, LANES).sum(axis=(0, 3)))
    out["leak_out"] = g_leak.sum()
    return float(loss.sum()), out
