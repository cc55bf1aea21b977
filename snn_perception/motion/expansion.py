"""How fast a part of the view grows: the growth under which its events fall on each other.

What moves at a constant velocity is seen, `age` seconds ago, at x; now it is at x + age (g (x - c) + u): at every age
exactly linear in its growth now g (1/s, the reciprocal of the time to contact) and in the image velocity u of its
middle c (Longuet-Higgins and Prazdny 1980). The g and u are searched that make the image of moved events sharpest
(Gallego et al. 2018). Moved events are spread over a larger image the older they are, which no growth at all would
avoid (Shiba et al. 2022); so they count more, by a power of how much larger.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]
SMALLEST_WEIGHT = 0.05
NOTHING = 1e-9  # sharpness of events of which no two meet
MARGIN_PX = 40  # around the sensor, where moved events still count
COARSE_PX, FINE_PX = 2.0, 1.0  # sides of the image's cells
COARSE_STEP_PX, FINE_STEP_PX = (2.0, 0.3), (0.5, 0.06)  # first and last of a search, of events as old as the oldest
LEAST_GROWTH = -0.3  # 1/s; faster shrinking is not looked for
ROUNDS, CLIMBS = 40, 2
SHOTS = (0.0, 0.12, 0.25, 0.5, 1.0, 2.0)  # 1/s, growths that a search begins from
SPREAD = (0.7548776662466927, 0.5698402909980532)  # of the plastic number: evenly within pixels


class Aged(NamedTuple):
    """Events as points, spread within their pixels, since whole numbers align by chance."""

    x: Array  # px from the sensor's left edge
    y: Array  # px down from its upper edge
    age_s: Array
    side: NDArray[np.int64]  # 0 darker, 1 brighter


class Expansion(NamedTuple):
    """Growth of a part of the view now."""

    growth_per_s: float
    ux_px_s: float  # velocity of its middle, right
    uy_px_s: float  # and down
    gain: float  # logarithm of the sharpness over that of the best velocity without growth


def aged(x: NDArray, y: NDArray, age_s: Array, on: NDArray, budget: int) -> Aged:
    """At most about `budget` of the events, evenly."""
    stride = max(1, -(-len(x) // budget))
    number = np.arange(1, len(x) + 1)[::stride]
    return Aged(
        x[::stride] + number * SPREAD[0] % 1.0, y[::stride] + number * SPREAD[1] % 1.0,
        np.ascontiguousarray(age_s[::stride], np.float64), on[::stride].astype(np.int64),
    )  # fmt: skip


class ExpansionFinder:
    """Searches growths in events of a sensor; keeps the images that it searches with."""

    def __init__(self, width: int, height: int) -> None:
        self.middle = 0.5 * width, 0.5 * height
        self.images = {
            cell: np.zeros((2, int((height + 2 * MARGIN_PX) / cell) + 2, int((width + 2 * MARGIN_PX) / cell) + 2))
            for cell in (COARSE_PX, FINE_PX)
        }

    def find(self, events: Aged, guesses: tuple[float, ...] = ()) -> Expansion:
        """The growth of what made these events (at least two, of different ages); `guesses` are tried first (1/s)."""
        cx, cy = float(events.x.mean()), float(events.y.mean())
        reach = math.hypot(float(events.x.std()), float(events.y.std())) + 2.0
        oldest = max(float(events.age_s.max()), 0.05)
        coarse = self.images[COARSE_PX]
        shots = np.array([(g, g * (cx - self.middle[0]), g * (cy - self.middle[1])) for g in (*guesses, *SHOTS)])
        values = [_sharpness(*events, cx, cy, *shot, COARSE_PX, coarse) for shot in shots]
        best, value = shots[0], -math.inf
        for k in np.argsort(values, kind="stable")[::-1][:CLIMBS]:
            tried = _climb(*events, cx, cy, shots[k], reach, np.array(COARSE_STEP_PX) / oldest, COARSE_PX, coarse)
            if tried[3] > value:
                best, value = tried[:3], float(tried[3])
        fine, steps = self.images[FINE_PX], np.array(FINE_STEP_PX) / oldest
        best = _climb(*events, cx, cy, best, reach, steps, FINE_PX, fine)
        still = _climb(*events, cx, cy, best[:3] * [0.0, 1.0, 1.0], math.inf, 2 * steps, FINE_PX, fine)
        gain = math.log(max(best[3], NOTHING) / max(still[3], NOTHING))
        return Expansion(float(best[0]), float(best[1]), float(best[2]), gain)


@njit(cache=True, nogil=True)
def _sharpness(x, y, age_s, side, cx, cy, growth, ux, uy, cell, image):
    """Sharpness of the image (side, row, column) of moved events: products of those that meet, over their sum.

    That is the sum of the squares of the image without those of each event alone. The image is left empty.
    """
    rows, columns = image.shape[1] - 1, image.shape[2] - 1
    touched = np.empty((len(x), 2), np.int32)
    squares, total = 0.0, 0.0
    for k in range(len(x)):
        a = age_s[k]
        weight = max(1.0 + a * growth, SMALLEST_WEIGHT)
        weight *= math.sqrt(weight)  # to the power 1.5: between lines (1) and noise (2); chosen on recorded approaches
        total += weight
        column = (x[k] + a * (growth * (x[k] - cx) + ux) + MARGIN_PX) / cell
        row = (y[k] + a * (growth * (y[k] - cy) + uy) + MARGIN_PX) / cell
        touched[k] = 0
        if column < 0.0 or row < 0.0 or column >= columns or row >= rows:
            continue
        j, i, n = np.int32(column), np.int32(row), side[k]
        touched[k, 0], touched[k, 1] = i, j
        q, p = column - j, row - i
        above, below = weight * (1.0 - p), weight * p
        parts = (0, 0, above * (1.0 - q)), (0, 1, above * q), (1, 0, below * (1.0 - q)), (1, 1, below * q)
        for di, dj, part in parts:
            before = image[n, i + di, j + dj]
            squares += 2.0 * part * before
            image[n, i + di, j + dj] = before + part
    for k in range(len(x)):
        i, j, n = touched[k, 0], touched[k, 1], side[k]
        image[n, i, j] = image[n, i, j + 1] = image[n, i + 1, j] = image[n, i + 1, j + 1] = 0.0
    return squares / total


@njit(cache=True, nogil=True)
def _climb(x, y, age_s, side, cx, cy, start, reach, steps, cell, image):
    """Pattern search with shrinking steps (px/s at `reach` from the middle): growth, velocity and sharpness, (4,)."""
    found = np.zeros(4)
    found[:3] = start
    found[3] = _sharpness(x, y, age_s, side, cx, cy, start[0], start[1], start[2], cell, image)
    step = steps[0]
    for _ in range(ROUNDS):
        best = found.copy()
        for move in range(6):
            trial = found.copy()
            size = (step if move % 2 else -step) / (reach if move < 2 else 1.0)
            if size == 0.0:
                continue
            trial[move // 2] += size
            trial[0] = max(trial[0], LEAST_GROWTH)
            trial[3] = _sharpness(x, y, age_s, side, cx, cy, trial[0], trial[1], trial[2], cell, image)
            if trial[3] > best[3]:
                best = trial
        if best[3] > found[3]:
            found = best
            continue
        step *= 0.5
        if step < steps[1]:
            break
    return found
