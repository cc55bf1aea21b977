"""The liquid's neurons in steps of a millisecond, driven by events, with inhibitory plasticity."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_perception.classify.labelled_recordings import Whole
from snn_perception.classify.spike_counts import Floats

THRESHOLD = np.float32(1.0)


class Synapses(NamedTuple):
    """Sparse synapses, sorted by the neuron or pixel that they come from."""

    first: Whole  # (source + 1,)
    target: Whole
    weight: Floats


@njit(cache=True, nogil=True)
def run_liquid(
    t_ms: Whole, pixel: Whole, steps: int, inputs: Synapses, recurrent: Synapses, incoming: tuple[Whole, Whole, Whole],
    is_inhibitory: NDArray[np.bool_], decay: np.float32, refractory: int, learning: np.float32, wanted: np.float32,
    counts: Floats,
) -> None:  # fmt: skip
    """Add the spikes of one sample to counts (window, neuron); the network starts from rest."""
    neurons = counts.shape[1]
    v, arriving, trace = np.zeros(neurons, np.float32), np.zeros(neurons, np.float32), np.zeros(neurons, np.float32)
    silent_until, fired = np.zeros(neurons, np.int64), np.empty(neurons, np.int64)
    event = 0
    for step in range(steps):
        while event < len(t_ms) and t_ms[event] <= step:
            _send(pixel[event], inputs, arriving)
            event += 1
        count = 0
        for k in range(neurons):
            v[k] = decay * v[k] + arriving[k]
            arriving[k] = np.float32(0.0)
            trace[k] *= decay
            if step < silent_until[k]:
                v[k] = np.float32(0.0)
            elif v[k] >= THRESHOLD:
                v[k] = np.float32(0.0)
                silent_until[k] = step + 1 + refractory
                fired[count] = k
                count += 1
        for n in range(count):
            k = fired[n]
            counts[step * counts.shape[0] // steps, k] += np.float32(1.0)
            _send(k, recurrent, arriving)
        if learning > 0:
            _balance(fired[:count], trace, recurrent, incoming, is_inhibitory, learning, wanted)
        for n in range(count):
            trace[fired[n]] += np.float32(1.0)


@njit(cache=True, nogil=True)
def _send(source, synapses, arriving):
    for s in range(synapses.first[source], synapses.first[source + 1]):
        arriving[synapses.target[s]] += synapses.weight[s]


@njit(cache=True, nogil=True)
def _balance(fired, trace, recurrent, incoming, is_inhibitory, learning, wanted):
    """Inhibitory weights grow by the other side's trace at every spike of either side, and shrink at the source's."""
    first, synapse, source = incoming
    for k in fired:
        if is_inhibitory[k]:
            for s in range(recurrent.first[k], recurrent.first[k + 1]):
                target = recurrent.target[s]
                if not is_inhibitory[target]:
                    stronger = recurrent.weight[s] - learning * (trace[target] - wanted)
                    recurrent.weight[s] = min(stronger, np.float32(0.0))
        else:
            for m in range(first[k], first[k + 1]):
                recurrent.weight[synapse[m]] -= learning * trace[source[m]]
