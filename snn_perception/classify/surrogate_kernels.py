"""Leaky neurons over time with what backpropagation needs: potentials forwards, surrogate gradients backwards."""

import numpy as np
from numba import njit

from snn_perception.classify.spike_counts import Floats

THRESHOLD = np.float32(1.0)
PI = np.float32(np.pi)


@njit(cache=True, nogil=True)
def fire_forward(current: Floats, leak: np.float32, potential: Floats, spikes: Floats) -> None:
    """Fill potential (before reset) and spikes from current; all (sample, step, neuron)."""
    samples, steps, neurons = current.shape
    for b in range(samples):
        v = np.zeros(neurons, np.float32)
        for t in range(steps):
            for k in range(neurons):
                u = leak * v[k] + current[b, t, k]
                s = np.float32(1.0) if u >= THRESHOLD else np.float32(0.0)
                potential[b, t, k] = u
                spikes[b, t, k] = s
                v[k] = u - s


@njit(cache=True, nogil=True)
def fire_backward(slope: Floats, leak: np.float32, potential: Floats, found: Floats) -> None:
    """Gradient of the current from that of the spikes: derivative of an arc tangent, and none through the reset."""
    samples, steps, neurons = slope.shape
    for b in range(samples):
        g = np.zeros(neurons, np.float32)
        for t in range(steps - 1, -1, -1):
            for k in range(neurons):
                x = PI * (potential[b, t, k] - THRESHOLD)
                g[k] = slope[b, t, k] / (np.float32(1.0) + x * x) + leak * g[k]
                found[b, t, k] = g[k]
