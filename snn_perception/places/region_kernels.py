"""Fused numba kernels of the place neurons; `place_dynamics.present` is the plain form that they equal spike for spike.

Input spikes are events: each one adds one row of synapses to the currents of all place neurons. Nothing else touches
the synapses, so a silent input costs nothing.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_perception.places.images import Array
from snn_perception.places.latency_code import Latencies

ROWS = 4  # synapse rows that one pass over the currents adds


class Presentation(NamedTuple):
    """How one image is presented to place neurons; see `RegionConfig` for the meaning."""

    input_steps: int
    steps: int
    width: int  # columns of the cell grid
    reach: int  # gazes -reach..reach
    unit: np.float32  # current of one unit of synaptic weight (thresholds)
    leak: np.float32
    check_every: int
    neighbours: int


class Workspace(NamedTuple):
    """Memory of one presentation, (gaze, template) unless stated."""

    current: NDArray[np.int32]
    v: NDArray[np.float32]
    fired: NDArray[np.int16]
    first: NDArray[np.int16]
    score: NDArray[np.float32]  # (place,)
    rows: NDArray[np.int64]  # (feature,) scratch


def workspace(gazes: int, templates: int, places: int, features: int) -> Workspace:
    """Fresh memory for a map of that size."""
    shape = (gazes, templates)
    return Workspace(
        np.zeros(shape, np.int32), np.zeros(shape, np.float32), np.zeros(shape, np.int16), np.zeros(shape, np.int16),
        np.zeros(places, np.float32), np.zeros(features, np.int64),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def present(
    synapses: NDArray[np.int8],
    begin: int,
    end: int,
    inhibition: Array,
    place_of: NDArray[np.int64],
    latencies: Latencies,
    p: Presentation,
    exit_margin: Array,
    w: Workspace,
    trail: Array,
) -> tuple[int, int]:
    """Present spikes to templates begin..end; returns (steps, spikes). Fills w.score and trail (check, 3).

    `exit_margin` (steps + 1,) stops the presentation at a check whose margin reaches it. `trail` holds at each check
    the best place, its score, and the best score outside its neighbourhood.
    """
    n = end - begin
    w.current[:, :n] = 0
    w.v[:, :n] = np.float32(0.0)
    w.fired[:, :n] = 0
    w.first[:, :n] = p.steps + 1
    order, starts = _by_time(latencies, p.input_steps, w.rows)
    spikes, check = np.int64(0), 0
    for t in range(1, p.steps + 1):
        if t <= p.input_steps:
            events = order[starts[t] : starts[t + 1]]
            for g in range(2 * p.reach + 1):
                _add_rows(synapses, begin, n, latencies, events, g - p.reach, p.width, w.current[g])
        for g in range(2 * p.reach + 1):
            spikes += _fire(w.current[g, :n], w.v[g, :n], w.fired[g, :n], w.first[g, :n], inhibition[begin:end], p, t)
        if t % p.check_every == 0 or t == p.steps:
            _score(w, place_of[begin:end], n, p)
            trail[check] = _leaders(w.score, p.neighbours)
            check += 1
            if trail[check - 1, 1] - trail[check - 1, 2] >= exit_margin[t]:
                return t, int(spikes)
    return p.steps, int(spikes)


@njit(cache=True, nogil=True)
def _by_time(latencies, steps, order):
    """Indices of the neurons that fire, by step; step t begins at starts[t]."""
    starts = np.zeros(steps + 3, np.int64)
    for i in range(len(latencies)):
        t = abs(latencies[i])
        if 0 < t <= steps:
            starts[t + 1] += 1
    for t in range(1, steps + 2):
        starts[t + 1] += starts[t]
    place = starts.copy()
    for i in range(len(latencies)):
        t = abs(latencies[i])
        if 0 < t <= steps:
            order[place[t]] = i
            place[t] += 1
    return order, starts


@njit(cache=True, nogil=True)
def _add_rows(synapses, begin, n, latencies, events, shift, width, current):
    """ON spikes add their row, shifted by the gaze, OFF spikes take it away; rows leave in groups of four."""
    r, end = np.empty(ROWS, np.int64), begin + n
    for sign in (1, -1):
        k = 0
        for i in events:
            column = i % width + shift
            if (latencies[i] > 0) == (sign > 0) and 0 <= column < width:
                r[k] = i + shift
                k += 1
                if k == ROWS:
                    _add_four(synapses, r[0], r[1], r[2], r[3], begin, end, sign, current)
                    k = 0
        for j in range(k):
            row = synapses[r[j], begin:end]
            for q in range(n):
                current[q] += np.int32(sign) * np.int32(row[q])


@njit(cache=True, nogil=True)
def _add_four(synapses, a, b, c, d, begin, end, sign, current):
    """Add or take away four rows; their sums fit int16, whose lanes are twice as many."""
    first, second = synapses[a, begin:end], synapses[b, begin:end]
    third, fourth = synapses[c, begin:end], synapses[d, begin:end]
    if sign > 0:
        for q in range(end - begin):
            current[q] += np.int32(np.int16(first[q]) + np.int16(second[q]) + np.int16(third[q]) + np.int16(fourth[q]))
    else:
        for q in range(end - begin):
            current[q] -= np.int32(np.int16(first[q]) + np.int16(second[q]) + np.int16(third[q]) + np.int16(fourth[q]))


@njit(cache=True, nogil=True)
def _fire(current, v, count, first, inhibition, p, t):
    """One step of all place neurons of a gaze; see `place_dynamics.place_step`."""
    spikes = np.int64(0)
    step = np.int16(t)
    for q in range(len(v)):
        x = p.leak * v[q] + (np.float32(current[q]) * p.unit - inhibition[q])
        x = max(x, np.float32(0.0))
        fires = x > np.float32(1.0)
        v[q] = x - np.float32(1.0) if fires else x
        count[q] += np.int16(fires)
        first[q] = min(first[q], step) if fires else first[q]
        spikes += np.int64(fires)
    return spikes


@njit(cache=True, nogil=True)
def _score(w, place_of, n, p):
    """Score of each place: spikes of its most active neuron, and how early the first one came as a fraction."""
    w.score[:] = np.float32(0.0)
    earliness = np.float32(1.0) / np.float32(p.steps + 1)
    for g in range(2 * p.reach + 1):
        for q in range(n):
            if w.fired[g, q]:
                s = np.float32(w.fired[g, q]) + np.float32(p.steps + 1 - w.first[g, q]) * earliness
                if s > w.score[place_of[q]]:
                    w.score[place_of[q]] = s


@njit(cache=True, nogil=True)
def _leaders(score, neighbours):
    """Best place, its score, and the best score at least `neighbours` + 1 places away."""
    best = 0
    for k in range(len(score)):
        if score[k] > score[best]:
            best = k
    second = np.float32(0.0)
    for k in range(len(score)):
        if abs(k - best) > neighbours and score[k] > second:
            second = score[k]
    return np.float32(best), score[best], second
