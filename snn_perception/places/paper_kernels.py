"""Fused numba kernels of the modular network of Hussaini, Milford and Fischer 2022, all modules in one call.

Excitatory and inhibitory neurons one to one, conductances, adaptive thresholds, and the STDP of Diehl and Cook 2015 in
the form that the published code has. Steps are 1 ms instead of 0.1 ms; conductances decay exactly over a step, and the
membrane sees their mean over it. An inhibitory neuron is not integrated: its synapse is so strong that it fires in the
step after its excitatory neuron, once for each of its spikes, and that is what happens here. Synaptic delays are left
out, because a delayed Poisson train is a Poisson train.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_perception.places.images import Array

REST_MV, RESET_MV, INHIBITORY_MV = -65.0, -65.0, -100.0
THRESHOLD_MV, THETA_START_MV = -72.0, 20.0  # a neuron fires above theta - 72 mV
TAU_MEMBRANE_MS, TAU_EXCITATION_MS, TAU_INHIBITION_MS = 100.0, 1.0, 0.5
TAU_PRE_MS, TAU_POST1_MS, TAU_POST2_MS, TAU_THETA_MS = 20.0, 20.0, 40.0, 1e7
DEAD_MS, REFRACTORY_MS = 50, 5  # cannot fire, cannot integrate, after a spike
THETA_STEP_MV, INHIBITION, WEIGHT_SUM = 0.05, 17.0, 78.0
RATE_PRE, RATE_POST = 1e-4, 1e-2  # both add weight, as in the published code; Diehl and Cook subtract the first
LARGEST_CONDUCTANCE = 45.0  # of the leak; keeps a step of 1 ms stable
MEMORY_MS = 200  # after a spike its traces are below one percent
SHOWN_MS, REST_BETWEEN_MS = 350, 150
FULL_RATE_HZ = 63.75  # of a white pixel


class Module(NamedTuple):
    """One module's neurons, or all of them with a leading module axis."""

    weights: Array  # (input, neuron)
    theta_mv: Array  # (neuron,) adaptive part of the threshold


class Events(NamedTuple):
    """Input spikes of one presentation, by step."""

    source: NDArray[np.int64]  # (spike,) input
    starts: NDArray[np.int64]  # (step + 1,) first spike of each step


@njit(cache=True, nogil=True)
def draw_events(pixels: Array, generator: np.random.Generator) -> Events:
    """Poisson spike trains of pixels (input,) in 0..1 over one presentation."""
    step_of = np.empty(len(pixels) * 64, np.int64)
    source_of = np.empty(len(pixels) * 64, np.int64)
    starts = np.zeros(SHOWN_MS + 2, np.int64)
    n = 0
    for i in range(len(pixels)):
        rate = pixels[i] * FULL_RATE_HZ / 1000.0
        if rate <= 0.0:
            continue
        t = generator.exponential() / rate
        while t < SHOWN_MS and n < len(step_of):
            step_of[n], source_of[n] = int(t), i
            starts[int(t) + 1] += 1
            n += 1
            t += generator.exponential() / rate
    for t in range(SHOWN_MS + 1):
        starts[t + 1] += starts[t]
    source, fill = np.empty(n, np.int64), starts.copy()
    for k in range(n):
        source[fill[step_of[k]]] = source_of[k]
        fill[step_of[k]] += 1
    return Events(source, starts)


@njit(cache=True, nogil=True)
def normalise(weights: Array, changed: NDArray[np.bool_]) -> None:
    """Scale the weights (input, neuron) of the neurons that changed to their fixed sum."""
    neurons = np.flatnonzero(changed)
    if 4 * len(neurons) > len(changed):  # then whole rows, many lanes at once, are faster
        _scale_rows(weights, changed)
        return
    total = np.zeros(len(neurons), np.float32)
    for i in range(weights.shape[0]):
        for k in range(len(neurons)):
            total[k] += weights[i, neurons[k]]
    factor = np.float32(WEIGHT_SUM) / np.maximum(total, np.float32(1e-6))
    for i in range(weights.shape[0]):
        for k in range(len(neurons)):
            weights[i, neurons[k]] *= factor[k]


@njit(cache=True, nogil=True)
def _scale_rows(weights, changed):
    total = np.zeros(len(changed), np.float32)
    for i in range(weights.shape[0]):
        total += weights[i]
    factor = np.where(changed, np.float32(WEIGHT_SUM) / np.maximum(total, np.float32(1e-6)), np.float32(1.0))
    for i in range(weights.shape[0]):
        weights[i] *= factor


@njit(cache=True, nogil=True)
def present(weights: Array, theta_mv: Array, events: Events, learning: bool, counts: NDArray[np.int32]) -> None:
    """Show one image to one module from rest; fills counts (neuron,), and changes weights and theta when learning."""
    n = weights.shape[1]
    v, ge = np.full(n, np.float32(REST_MV)), np.zeros(n, np.float32)
    pre, post1, post2 = np.zeros(weights.shape[0], np.float32), np.zeros(n, np.float32), np.zeros(n, np.float32)
    since, fired, recent = np.full(n, 10000, np.int32), np.empty(n, np.int64), np.empty(n, np.int64)
    keep_e, keep_i = np.float32(np.exp(-1.0 / TAU_EXCITATION_MS)), np.float32(np.exp(-1.0 / TAU_INHIBITION_MS))
    shared, own = np.float32(0.0), np.zeros(n, np.float32)  # inhibition from all, and from a neuron's own partner
    counts[:] = 0
    spikes, lively = 0, 0
    for t in range(SHOWN_MS):
        shared *= keep_i
        own *= keep_i
        for k in range(spikes):
            shared += np.float32(INHIBITION)
            own[fired[k]] += np.float32(INHIBITION)
        sources = events.source[events.starts[t] : events.starts[t + 1]]
        for i in sources:
            ge += weights[i]
        if learning:
            lively = _decay(pre, post1, post2, since, recent, lively)
            _at_input_spikes(weights, sources, pre, post1, recent[:lively])
        ready = _integrate(v, ge, shared, own, since, theta_mv)
        ge *= keep_e
        spikes = _fire(v, theta_mv, since, counts, fired) if ready else 0
        if learning:
            lively = _at_spikes(weights, theta_mv, fired[:spikes], pre, post1, post2, recent, lively)
    if learning:
        theta_mv *= np.float32(np.exp(-(SHOWN_MS + REST_BETWEEN_MS) / TAU_THETA_MS))


@njit(cache=True, nogil=True)
def _integrate(v, ge, shared, own, since, theta_mv):
    """One Euler step with the mean conductances of the step; returns how many neurons are above their threshold."""
    mean_e = np.float32(TAU_EXCITATION_MS * (1.0 - np.exp(-1.0 / TAU_EXCITATION_MS)))
    mean_i = np.float32(TAU_INHIBITION_MS * (1.0 - np.exp(-1.0 / TAU_INHIBITION_MS)))
    rate, ready = np.float32(1.0 / TAU_MEMBRANE_MS), np.int32(0)
    for k in range(len(v)):
        e = min(ge[k] * mean_e, np.float32(LARGEST_CONDUCTANCE))
        i = min((shared - own[k]) * mean_i, np.float32(LARGEST_CONDUCTANCE))
        pull = np.float32(REST_MV) - v[k] - e * v[k] + i * (np.float32(INHIBITORY_MV) - v[k])
        v[k] += pull * rate if since[k] >= REFRACTORY_MS else np.float32(0.0)
        since[k] += 1
        ready += np.int32((v[k] > theta_mv[k] + np.float32(THRESHOLD_MV)) & (since[k] > DEAD_MS))
    return ready


@njit(cache=True, nogil=True)
def _fire(v, theta_mv, since, counts, fired):
    spikes = 0
    for k in range(len(v)):
        if v[k] > theta_mv[k] + np.float32(THRESHOLD_MV) and since[k] > DEAD_MS:
            v[k], since[k] = np.float32(RESET_MV), 0
            counts[k] += 1
            fired[spikes] = k
            spikes += 1
    return spikes


@njit(cache=True, nogil=True)
def _decay(pre, post1, post2, since, recent, lively):
    """Let all traces fall by one step; forget neurons whose trace has gone. Returns how many have one."""
    pre *= np.float32(np.exp(-1.0 / TAU_PRE_MS))
    kept = 0
    for k in recent[:lively]:
        post1[k] *= np.float32(np.exp(-1.0 / TAU_POST1_MS))
        post2[k] *= np.float32(np.exp(-1.0 / TAU_POST2_MS))
        if since[k] < MEMORY_MS:
            recent[kept] = k
            kept += 1
        else:
            post1[k] = post2[k] = np.float32(0.0)
    return kept


@njit(cache=True, nogil=True)
def _at_input_spikes(weights, sources, pre, post1, recent):
    """At an input spike: w += rate x post1, in 0..1."""
    for i in sources:
        pre[i] = np.float32(1.0)
        for k in recent:
            weights[i, k] = min(weights[i, k] + np.float32(RATE_PRE) * post1[k], np.float32(1.0))


@njit(cache=True, nogil=True)
def _at_spikes(weights, theta_mv, fired, pre, post1, post2, recent, lively):
    """At a spike of a neuron: w += rate x pre x post2 of before it, in 0..1; its traces and its threshold rise."""
    for k in fired:
        before = np.float32(RATE_POST) * post2[k]
        for i in range(len(pre) if before > 0.0 else 0):
            weights[i, k] = min(weights[i, k] + before * pre[i], np.float32(1.0))
        if post1[k] == 0.0:
            recent[lively] = k
            lively += 1
        post1[k] = post2[k] = np.float32(1.0)
        theta_mv[k] += np.float32(THETA_STEP_MV)
    return lively


@njit(cache=True, nogil=True)
def train_epoch(
    weights: Array, theta_mv: Array, pixels: Array, generator: np.random.Generator, counts: NDArray[np.int32]
) -> None:
    """Show every module its own images once, in order: weights (module, input, neuron), pixels (module, image, input).

    Fills counts (module, image, neuron), which must hold those of the epoch before: only neurons that fired changed
    since the last normalisation.
    """
    for m in range(len(weights)):
        for k in range(pixels.shape[1]):
            normalise(weights[m], counts[m, k - 1] > 0)
            present(weights[m], theta_mv[m], draw_events(pixels[m, k], generator), True, counts[m, k])


@njit(cache=True, nogil=True)
def respond(
    weights: Array, theta_mv: Array, pixels: Array, generator: np.random.Generator, counts: NDArray[np.int32]
) -> None:
    """Show one image's spikes (the same ones) to every module, without learning; fills counts (module, neuron)."""
    events = draw_events(pixels, generator)
    for m in range(len(weights)):
        present(weights[m], theta_mv[m], events, False, counts[m])
