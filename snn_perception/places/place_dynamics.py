"""The place neurons in plain numpy: the equations, and the oracle of the fused kernels."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn_perception.places.images import Array
from snn_perception.places.latency_code import Latencies


class PlaceState(NamedTuple):
    """Place neurons, (gaze, template) each."""

    current: NDArray[np.int32]  # sum of the synapses whose input has fired
    v: Array  # membrane potential, threshold 1
    fired: NDArray[np.int16]  # spikes so far
    first: NDArray[np.int16]  # step of the first spike


class PlaceParams(NamedTuple):
    """Constants of place neurons."""

    synapses: NDArray[np.int8]  # (feature, template)
    inhibition: Array  # (template,)
    width: int  # columns of the cell grid; features run along columns fastest
    reach: int  # gazes -reach..reach, in columns
    unit: float  # current of one unit of weight (thresholds)
    leak: float


def arriving(latencies: Latencies, t: int, gaze: int, p: PlaceParams) -> NDArray[np.int32]:
    """Synaptic weights (template,) reached at step t: an ON spike adds its row, an OFF spike takes it away.

    Looking `gaze` columns aside makes cell (row, x) drive the synapses of cell (row, x + gaze); what leaves the grid is
    not seen.
    """
    total = np.zeros(p.synapses.shape[1], np.int32)
    for i in np.flatnonzero(np.abs(latencies) == t):
        if 0 <= i % p.width + gaze < p.width:
            total += np.sign(latencies[i]).astype(np.int32) * p.synapses[i + gaze].astype(np.int32)
    return total


def place_step(state: PlaceState, latencies: Latencies, t: int, p: PlaceParams) -> PlaceState:
    """v(t) = max(0, leak v(t-1) + unit current(t) - inhibition); above 1 the neuron fires and 1 is taken away."""
    gazes = range(-p.reach, p.reach + 1)
    current = state.current + np.array([arriving(latencies, t, gaze, p) for gaze in gazes])
    v = np.float32(p.leak) * state.v + (current.astype(np.float32) * np.float32(p.unit) - p.inhibition)
    v = np.maximum(v, np.float32(0.0))
    fires = v > np.float32(1.0)
    first = np.where(fires, np.minimum(state.first, t), state.first).astype(np.int16)
    return PlaceState(current, v - fires.astype(np.float32), state.fired + fires.astype(np.int16), first)


def present(latencies: Latencies, steps: int, p: PlaceParams) -> PlaceState:
    """The state after presenting one image for that many steps."""
    shape = (2 * p.reach + 1, p.synapses.shape[1])
    state = PlaceState(
        np.zeros(shape, np.int32), np.zeros(shape, np.float32), np.zeros(shape, np.int16),
        np.full(shape, steps + 1, np.int16),
    )  # fmt: skip
    for t in range(1, steps + 1):
        state = place_step(state, latencies, t, p)
    return state
