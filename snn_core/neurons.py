"""Discrete-time neuron steps: the readable definition that every fused kernel has to match bit for bit.

The neurons are those of Burgers, Stroobants and de Croon (2023), equations 1 to 3. Time is counted in steps of the
controller (0.1 s on the blimp); a leak in [0, 1] is the share of a state that survives one step. All arrays are
float32, all functions are pure and work on any shape, elementwise.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def lif_step(v: Array, s: Array, current: Array, leak: Array, threshold: Array) -> tuple[Array, Array]:
    """Leaky integrate-and-fire neuron with soft reset.

    v(t) = leak v(t-1) + i(t) - theta s(t-1);  s(t) = H(v(t) - theta)   (2023 paper, eq. 2 and 3)

    v, s: membrane potential and spikes (0 or 1) of the step before. Returns those of this step.
    """
    v = leak * v + current - threshold * s
    return v, (v > threshold).astype(np.float32)


def adaptive_lif_step(
    v: Array, s: Array, current: Array, leak: Array, threshold: Array, adapted: Array
) -> tuple[Array, Array]:
    """LIF neuron whose firing threshold moves: `adapted` is the threshold of this step, `threshold` its resting value.

    The soft reset takes away the resting threshold, so that adaptation changes when a neuron fires, not what a spike
    costs. With adapted == threshold this is `lif_step`.
    """
    v = leak * v + current - threshold * s
    return v, (v > adapted).astype(np.float32)


def synapse_step(i: Array, arriving: Array, leak: Array) -> Array:
    """Synaptic current i(t) = leak i(t-1) + sum_j W_j s_j(t)   (eq. 1); `arriving` is that sum."""
    return leak * i + arriving


def trace_step(trace: Array, s: Array, leak: Array) -> Array:
    """Trace of incoming spikes t(t) = leak t(t-1) + s(t), which input-weighted threshold adaptation (IWTA) reads."""
    return leak * trace + s


def readout_step(u: Array, arriving: Array, leak: Array) -> Array:
    """Leaky-integrator read-out with complementary leak: u(t) = leak u(t-1) + (1 - leak) sum_j w_j s_j(t)."""
    return leak * u + (np.float32(1.0) - leak) * arriving
