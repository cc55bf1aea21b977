"""A layer of spiking neurons with heterogeneous delays, one for each velocity of a grid (Grimaldi and Perrinet 2023).

A neuron looks at the events around one event: of each neighbouring pixel the newest of the same and of the other
polarity. How long ago that was picks one of the delays of the synapse; the neuron adds the synapse's weight there. All
neurons are one set of weights: neurons of half the speed listen to twice the delay, those of other directions are
turned or mirrored, and polarity matters only as same or other.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.vectors import LANES, load, splat, store

DIRECTIONS = LANES  # of motion, counter-clockwise from x, y up
SPEEDS = 15  # half an octave apart, the fastest first
FASTEST_PX_S = 1448.0
RADIUS = 6.5  # px of the patch
MARGIN = 6
DELAYS = 22  # of a synapse, a quarter of an octave apart, relative to the neuron's speed
FIRST = 32  # quarter octaves above 1 us: the shortest delay of the fastest neuron, 0.26 ms
PER_SPEED = 2  # delays from one speed to the next
SILENT = np.uint8(255)
NEVER = np.int32(-(2**31) + 1)
FAINT = np.float32(-16.0)  # below the greatest membrane potential, a neuron is as good as silent
LEAST_SPIKES = 6  # of a patch that is judged

Floats = NDArray[np.float32]


def offsets() -> NDArray[np.int64]:
    """The patch's pixels (pixel, 2) as columns to the right and rows up."""
    side = range(-MARGIN, MARGIN + 1)
    return np.array([(dx, dy) for dy in side for dx in side if dx * dx + dy * dy <= RADIUS**2])


PATCH = len(offsets())
SHAPE = (2, PATCH, DELAYS, DIRECTIONS)  # of the weights: same or other polarity, pixel, delay, direction


def speeds_px_s() -> NDArray[np.float64]:
    """The speed of each row of the grid."""
    return FASTEST_PX_S * 2.0 ** (-np.arange(SPEEDS) / 2)


def symmetries() -> list[tuple[NDArray, NDArray]]:
    """The eight turns and mirrors: where each pixel and each direction come from."""
    place = {tuple(offset): k for k, offset in enumerate(offsets().tolist())}
    directions = np.arange(DIRECTIONS)
    found: list[tuple[NDArray, NDArray]] = []
    for mirror in (1, -1):
        for quarter in range(4):
            pixels = []
            for dx, dy in offsets().tolist():
                u, v = dx, dy * mirror
                for _ in range(quarter):
                    u, v = -v, u
                pixels.append(place[u, v])
            found.append((np.array(pixels), (mirror * directions + quarter * DIRECTIONS // 4) % DIRECTIONS))
    return found


def tied(weights: Floats) -> Floats:
    """The mean over all turns and mirrors, so that the layer treats all directions alike."""
    total = np.zeros(SHAPE, np.float64)
    for pixels, directions in symmetries():
        total += weights[:, pixels][..., directions]
    return (total / 8).astype(np.float32)


def age_table() -> NDArray[np.uint8]:
    """Quarter octaves of an age: of its microseconds below 4096, of its units of 256 us (plus 4096) above."""
    ages = np.concatenate([np.arange(4096), np.arange(4096) * 256])
    return np.floor(4 * np.log2(np.maximum(ages, 1))).astype(np.uint8)


AGES = age_table()
LONGEST_US = 4096 * 256 - 1


@njit(cache=True, forceinline=True)
def delay_of(age_us: int) -> int:
    """The delay (quarter octaves above 1 us) that an age picks."""
    return AGES[age_us] if age_us < 4096 else AGES[4096 + (age_us >> 8)]


@njit(cache=True, nogil=True)
def gather(surface: NDArray, polarity: int, place: int, steps: NDArray, patch: NDArray) -> int:
    """Delays (2, pixel) of the newest events around a place of the flat surfaces (polarity, pixel); counts them.

    Events that are newer than that of the place itself, as after a clock that went back, are not heard.
    """
    now = surface[polarity, place]
    count = 0
    for side in range(2):
        times = surface[polarity if side == 0 else 1 - polarity]
        for pixel in range(len(steps)):
            age = np.int64(now) - np.int64(times[place + steps[pixel]])
            if 0 <= age <= LONGEST_US and (steps[pixel] != 0 or side == 1):
                patch[side, pixel] = delay_of(age)
                count += 1
            else:
                patch[side, pixel] = SILENT
    return count


@njit(cache=True, forceinline=True)
def slowest_deaf(delay: int) -> int:
    """The number of speeds, from the fastest on, for which a delay (above `FIRST`) is too long to be heard."""
    deaf = (delay - DELAYS + PER_SPEED) // PER_SPEED
    return deaf if deaf > 0 else 0


@njit(cache=True, nogil=True)
def membranes(patch: Any, weights: Floats, sums: Floats) -> None:
    """Membrane potentials, flat (speed, direction), of the neurons for one patch; weights are flat."""
    for k in range(SPEEDS):
        store(sums, k * LANES, splat(np.float32(0.0)))
    pixels = patch.shape[1]
    for side in range(2):
        for pixel in range(pixels):
            if patch[side, pixel] == SILENT:
                continue
            delay = np.int64(patch[side, pixel]) - FIRST
            row = (side * pixels + pixel) * DELAYS
            for k in range(slowest_deaf(delay), SPEEDS):
                relative = max(delay - PER_SPEED * k, 0)
                store(sums, k * LANES, load(sums, k * LANES) + load(weights, (row + relative) * LANES))


@njit(cache=True, nogil=True, fastmath=True)
def probabilities(sums: Floats, out: Floats) -> None:
    """Softmax over the neurons (Dayan and Abbott's population as a posterior); returns nothing."""
    top = sums[0]
    for k in range(1, len(sums)):
        top = max(top, sums[k])
    total = np.float32(0.0)
    for k in range(len(sums)):
        out[k] = np.exp(sums[k] - top) if sums[k] - top > FAINT else np.float32(0.0)
        total += out[k]
    scale = np.float32(1.0) / total
    for k in range(len(sums)):
        out[k] *= scale
