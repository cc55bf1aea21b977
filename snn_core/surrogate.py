"""Surrogate gradients of the paired spiking network: backpropagation through time in fused kernels.

The derivative of a spike is replaced by a triangle around the threshold, dH/dv ~ max(0, 1 - |v - theta| / theta) /
theta (Bellec et al. 2018). One network, many error sequences on parallel threads. The gradient is a direction to
search in, not a truth: evolution judges the result on the real loss.
"""

import numpy as np
from numba import njit, prange

from snn_core.network import NetworkParams
from snn_core.neurons import Array

FIELDS = (
    "w_in", "bias", "leak_in", "threshold_in", "w_own", "w_cross", "leak_syn", "leak_mem", "threshold", "leak_trace",
    "w_out",
)  # fmt: skip
W_IN, BIAS, LEAK_IN, THRESHOLD_IN, W_OWN, W_CROSS, LEAK_SYN, LEAK_MEM, THRESHOLD, LEAK_TRACE, W_OUT = range(11)
V_IN, S_IN, CURRENT, V, S, TRACE, ADAPTED = range(7)
NARROWEST = np.float32(0.2)  # least width of the triangle, so that a threshold near zero still has a gradient
FADED = np.float32(1e-20)
HUBER = np.float32(0.25)  # command units; inside this error the loss is quadratic


@njit(cache=True, fastmath=True, error_model="numpy")
def _through_spike(g_spike, v, threshold, resting, g_v):
    """g_v = g_spike times the pseudo-derivative of a spike; all (N,). Short loops of few arrays vectorise."""
    for k in range(g_v.shape[0]):
        width = max(resting[k], NARROWEST)
        g_v[k] = g_spike[k] * max(np.float32(0.0), np.float32(1.0) - abs(v[k] - threshold[k]) / width) / width


@njit(cache=True, fastmath=True, error_model="numpy")
def _accumulate(total, a, b):
    """total += a b, (N,) each."""
    for k in range(total.shape[0]):
        total[k] += a[k] * b[k]


@njit(cache=True, fastmath=True, error_model="numpy")
def _decay_add(memory, leak, x):
    """memory = leak memory + x, (N,) each; what has faded is set to zero, since denormal numbers are slow."""
    for k in range(memory.shape[0]):
        m = leak[k] * memory[k] + x[k]
        memory[k] = m if abs(m) > FADED else np.float32(0.0)


@njit(cache=True, fastmath=True, error_model="numpy")
def _subtract_product(x, a, b):
    """x -= a b, (N,) each."""
    for k in range(x.shape[0]):
        x[k] -= a[k] * b[k]


@njit(cache=True, fastmath=True, error_model="numpy")
def _swap(x, out):
    """out = the partners' values of x."""
    half = x.shape[0] // 2
    for k in range(half):
        out[k] = x[k + half]
        out[k + half] = x[k]


@njit(cache=True, fastmath=True, error_model="numpy")
def _add_weighted(total, weights, values):
    """total[k] += sum_j weights[j, k] values[j], skipping silent j."""
    for j in range(values.shape[0]):
        if values[j] != 0.0:
            x = values[j]
            for k in range(total.shape[0]):
                total[k] += weights[j, k] * x


@njit(cache=True, fastmath=True, error_model="numpy")
def _add_outer(g, before, after):
    """g[j, k] += before[j] after[k], skipping silent j."""
    for j in range(before.shape[0]):
        if before[j] != 0.0:
            x = before[j]
            for k in range(after.shape[0]):
                g[j, k] += x * after[k]


@njit(cache=True, fastmath=True)
def _dot(a, b):
    total = np.float32(0.0)
    for k in range(a.shape[0]):
        total += a[k] * b[k]
    return total


@njit(cache=True, fastmath=True, error_model="numpy")
def _project(weights, values, out):
    """out[j] = sum_k weights[j, k] values[k]."""
    for j in range(out.shape[0]):
        total = np.float32(0.0)
        for k in range(values.shape[0]):
            total += weights[j, k] * values[k]
        out[j] = total


@njit(cache=True, fastmath=True, error_model="numpy")
def _forward(c, w_threshold, w_recurrent, leak_out, errors, history, u):
    """Fill history (time + 1, state, N) and u (time + 1,), both starting from rest at index 0."""
    n = c.shape[1]
    half = n // 2
    for t in range(errors.shape[0]):
        old, new = history[t], history[t + 1]
        for k in range(n):
            v = c[LEAK_IN, k] * old[V_IN, k] + (c[W_IN, k] * errors[t] + c[BIAS, k])
            v -= c[THRESHOLD_IN, k] * old[S_IN, k]
            new[V_IN, k] = v
            new[S_IN, k] = np.float32(v > c[THRESHOLD_IN, k])
            new[TRACE, k] = c[LEAK_TRACE, k] * old[TRACE, k] + new[S_IN, k]
            new[ADAPTED, k] = c[THRESHOLD, k]
        for k in range(n):
            other = k + half if k < half else k - half
            new[CURRENT, k] = c[W_OWN, k] * new[S_IN, k] + c[W_CROSS, k] * new[S_IN, other]
        _add_weighted(new[CURRENT], w_recurrent, old[S])
        _add_weighted(new[ADAPTED], w_threshold, new[TRACE])
        z = np.float32(0.0)
        for k in range(n):
            new[CURRENT, k] += c[LEAK_SYN, k] * old[CURRENT, k]
            new[V, k] = c[LEAK_MEM, k] * old[V, k] + new[CURRENT, k] - c[THRESHOLD, k] * old[S, k]
            new[S, k] = np.float32(new[V, k] > new[ADAPTED, k])
            z += c[W_OUT, k] * new[S, k]
        u[t + 1] = leak_out * u[t] + (np.float32(1.0) - leak_out) * z


@njit(cache=True, fastmath=True, error_model="numpy")
def _backward(c, w_threshold, w_recurrent, leak_out, errors, history, u, du, g, g_th, g_rec):
    """Accumulate into g (field, N), g_th and g_rec (N, N) the gradient of sum(du u); returns that of leak_out."""
    n = c.shape[1]
    # rows are taken once: a view in the loop costs more than the arithmetic on it
    leak_in, threshold_in, w_own, w_cross = c[LEAK_IN], c[THRESHOLD_IN], c[W_OWN], c[W_CROSS]
    leak_syn, leak_mem, threshold, leak_trace, w_out = c[LEAK_SYN], c[LEAK_MEM], c[THRESHOLD], c[LEAK_TRACE], c[W_OUT]
    g_w_in, g_bias, g_leak_in, g_threshold_in, g_w_own = g[W_IN], g[BIAS], g[LEAK_IN], g[THRESHOLD_IN], g[W_OWN]
    g_w_cross, g_leak_syn, g_leak_mem, g_threshold = g[W_CROSS], g[LEAK_SYN], g[LEAK_MEM], g[THRESHOLD]
    g_leak_trace, g_w_out = g[LEAK_TRACE], g[W_OUT]
    g_v_in, g_current, g_v, g_trace, g_adapted, g_s, g_h, other, swapped = np.zeros((9, n), np.float32)
    g_u, g_leak = np.float32(0.0), np.float32(0.0)
    for t in range(errors.shape[0] - 1, -1, -1):
        old, new = history[t], history[t + 1]
        # read-out
        g_u = du[t] + leak_out * g_u
        g_leak += g_u * (u[t] - _dot(w_out, new[S]))
        g_z = (np.float32(1.0) - leak_out) * g_u
        _project(w_recurrent, g_current, g_s)
        for k in range(n):
            g_s[k] += g_z * w_out[k]
            g_w_out[k] += g_z * new[S, k]
        # hidden membrane: g_v still belongs to the step after, whose soft reset took this spike
        _subtract_product(g_s, threshold, g_v)
        _through_spike(g_s, new[V], new[ADAPTED], threshold, g_h)
        _decay_add(g_v, leak_mem, g_h)
        for k in range(n):
            g_adapted[k] = -g_h[k]
            g_threshold[k] -= g_h[k]
        _subtract_product(g_threshold, g_v, old[S])
        _accumulate(g_leak_mem, g_v, old[V])
        # synapse and recurrence
        _decay_add(g_current, leak_syn, g_v)
        _accumulate(g_leak_syn, g_current, old[CURRENT])
        _add_outer(g_rec, old[S], g_current)
        _accumulate(g_w_own, g_current, new[S_IN])
        _swap(new[S_IN], other)
        _accumulate(g_w_cross, g_current, other)
        # threshold adaptation
        _add_outer(g_th, new[TRACE], g_adapted)
        _project(w_threshold, g_adapted, g_h)
        _decay_add(g_trace, leak_trace, g_h)
        _accumulate(g_leak_trace, g_trace, old[TRACE])
        # encoding spikes and membrane
        for k in range(n):
            g_s[k] = w_own[k] * g_current[k] + g_trace[k]
            other[k] = w_cross[k] * g_current[k]
        _swap(other, swapped)
        for k in range(n):
            g_s[k] += swapped[k]
        _subtract_product(g_s, threshold_in, g_v_in)
        _through_spike(g_s, new[V_IN], threshold_in, threshold_in, g_h)
        _decay_add(g_v_in, leak_in, g_h)
        for k in range(n):
            g_w_in[k] += g_v_in[k] * errors[t]
            g_bias[k] += g_v_in[k]
            g_threshold_in[k] -= g_h[k]
        _accumulate(g_leak_in, g_v_in, old[V_IN])
        _subtract_product(g_threshold_in, g_v_in, old[S_IN])
    return g_leak


@njit(cache=True, parallel=True, fastmath=True, error_model="numpy")
def _gradient(c, w_threshold, w_recurrent, leak_out, errors, targets, skip, limit, g, g_th, g_rec, g_leak, loss):
    sequences, steps = errors.shape
    scale = np.float32(1.0 / (sequences * (steps - skip)))
    for q in prange(sequences):
        history = np.zeros((steps + 1, 7, c.shape[1]), np.float32)
        u, du = np.zeros(steps + 1, np.float32), np.zeros(steps, np.float32)
        _forward(c, w_threshold, w_recurrent, leak_out, errors[q], history, u)
        for t in range(skip, steps):
            y = targets[q, t]
            r = min(max(u[t + 1], -limit), limit) - y
            loss[q] += abs(r) * scale
            pushing = (u[t + 1] > limit and y >= limit) or (u[t + 1] < -limit and y <= -limit)
            du[t] = np.float32(0.0) if pushing else min(max(r / HUBER, np.float32(-1.0)), np.float32(1.0)) * scale
        g_leak[q] = _backward(c, w_threshold, w_recurrent, leak_out, errors[q], history, u, du, g[q], g_th[q], g_rec[q])


def _dense(weights: Array, n: int) -> Array:
    """An absent, paired (2, N) or dense matrix as a dense one."""
    if len(weights) > 2:
        return weights
    out = np.zeros((n, n), np.float32)
    if len(weights) == 2:
        k = np.arange(n)
        out[k, k], out[np.roll(k, n // 2), k] = weights
    return out


def _like(weights: Array, dense: Array) -> Array:
    """The entries of a dense gradient that `weights` has."""
    n = dense.shape[1]
    if len(weights) == 2:
        k = np.arange(n)
        return np.stack([dense[k, k], dense[np.roll(k, n // 2), k]])
    return dense if len(weights) else dense[:0, :0]


def gradient(
    p: NetworkParams, errors: Array, targets: Array, skip: int = 0, limit: float = 10.0
) -> tuple[float, dict[str, Array]]:
    """Mean absolute error of one network and its surrogate gradient.

    p: a population of one. errors, targets: (sequence, time), metres and command units; every sequence starts from
    rest and its first `skip` steps are not scored. Returns the loss and the gradient of its Huber form with respect to
    each parameter, shaped like the parameter without the population axis.
    """
    n, sequences = p.neurons, len(errors)
    cells = np.stack([getattr(p, name)[0] for name in FIELDS])
    g = np.zeros((sequences, len(FIELDS), n), np.float32)
    g_threshold, g_recurrent = np.zeros((2, sequences, n, n), np.float32)
    g_leak, loss = np.zeros(sequences, np.float32), np.zeros(sequences)
    _gradient(
        cells, _dense(p.w_threshold[0], n), _dense(p.w_recurrent[0], n), p.leak_out[0],
        np.ascontiguousarray(errors, np.float32), np.ascontiguousarray(targets, np.float32), skip, np.float32(limit),
        g, g_threshold, g_recurrent, g_leak, loss,
    )  # fmt: skip
    out = dict(zip(FIELDS, g.sum(axis=0), strict=True))
    out["w_threshold"] = _like(p.w_threshold[0], g_threshold.sum(axis=0))
    out["w_recurrent"] = _like(p.w_recurrent[0], g_recurrent.sum(axis=0))
    out["leak_out"] = g_leak.sum()
    return float(loss.sum()), out
