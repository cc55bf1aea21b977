"""Refinement of a motion by alignment: moved back along the true one, events of an edge fall on each other.

The layer of delays finds the motion on a coarse grid of velocities; from there the squares of the image of moved events
(Gallego et al. 2018) are climbed, in both polarities and on two scales. Parts of the scene may be at different depths:
each tile has its own nearness, which translation and expansion are multiplied by, rotation is not (Longuet-Higgins and
Prazdny 1980). Without it, parallax and slanted edges of near things would turn the answer.
Whatever events show, they fall on each other where the image shrinks to a point (Shiba et al. 2022): turns and growth
have a cost, which is slight where they move a sensor's worth of events by a few pixels.
"""

from collections import deque
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_perception.events.batch import EventBatch

Array = NDArray[np.float64]
TRAVEL_PX, MOST_TRAVEL_PX = 5.0, 32.0  # of the image, over which events are kept and aligned
LONGEST_US = 500_000
SCALES = ((2.0, 4), (1.0, 1))  # px of the image's cells, and one event of so many is used
DEPTH_COST = 0.02  # share of the sharpness, for a tile of twice the nearness
TURN_COST = 2.0  # share of the sharpness, for a turn by a radian or a growth by e in half of the time
EDGE = 4  # cells around the sensor
STEPS, TRIES = 8, 3  # of a scale, at most; lengths of a step
SLOWEST_PX_S = 1.0  # that events are kept for
ENOUGH = 0.02  # px; shorter steps end a scale
FEWEST = 20  # events that can be aligned
SPREAD = (0.7548776662466927, 0.5698402909980532)  # of the plastic number: evenly within pixels
SMALL = 1e-9


class Points(NamedTuple):
    """Events as points about the sensor's middle, spread within their pixels, since whole numbers align by chance."""

    x: Array  # px, to the right
    y: Array  # px, up
    t_s: Array  # from their middle
    side: NDArray[np.int64]  # 0 darker, 1 brighter
    tile: NDArray[np.int64]

    def every(self, stride: int) -> "Points":
        """One of so many."""
        columns: Any = (np.ascontiguousarray(column[::stride]) for column in self)
        return Points(*columns)


class Sharpness(NamedTuple):
    """How well events align, and what would align them better; the last four are for motion and nearness."""

    value: float  # sum of the squares of the image of moved events
    slope: Array  # (4,) its gradient
    slope_near: Array  # (tile,)
    scores: Array  # (4, 4) sum of the squares of the events' parts of the gradient
    scores_both: Array  # (tile, 4)
    scores_near: Array  # (tile,)


class Aligned(NamedTuple):
    """A refined motion."""

    motion: Array  # (4,) as in motion_fit.Fit
    covariance: Array  # (4, 4), of independent events
    gain: float  # logarithm of the sharpness over that of no motion


class Aligner:
    """Keeps the newest events of a sensor, `budget` at most of each window, and aligns them."""

    def __init__(self, width: int, height: int, tile: int, budget: int) -> None:
        self.width, self.height, self.tile, self.budget = width, height, tile, budget
        self.across = -(-width // tile)
        self.tiles = self.across * -(-height // tile)
        self.images = {
            cell: np.zeros((2, int(height / cell) + 2 * EDGE, int(width / cell) + 2 * EDGE), np.float32)
            for cell, _ in SCALES
        }
        self.windows: deque[EventBatch] = deque()

    def reset(self) -> None:
        """Forget all events."""
        self.windows.clear()

    def remember(self, batch: EventBatch) -> None:
        """Take in a window of events, not before the last one."""
        if len(batch):
            while self.windows and self.windows[0].t_us[-1] < batch.t_us[0] - LONGEST_US:
                self.windows.popleft()
            self.windows.append(batch)

    def refine(self, motion: Array, after: EventBatch | None = None) -> Aligned | None:
        """The motion at which events align best, near a motion (4,) that is roughly known; none with too few events.

        `after` are events that follow the newest window, where they are known already.
        """
        parts = self._near(motion, after)
        if sum(map(len, parts)) < FEWEST:
            return None
        points = self._points(parts)
        near: Array = np.ones(self.tiles)
        for cell, stride in SCALES:
            part = points.every(stride)
            motion, near, found = self._climb(part, motion, near, cell)
        still = self.sharpness(points, np.zeros(4), near, 1.0).value
        weights = np.bincount(points.tile, minlength=self.tiles) / len(points.x)
        mean = found.value / len(points.x)
        both = found.scores_both / (found.scores_near + DEPTH_COST * mean**2 * len(points.x) * weights + SMALL)[:, None]
        information = (found.scores - found.scores_both.T @ both) / mean**2
        information += np.diag([0, 0, 1, 1]) * TURN_COST * len(points.x) * (0.5 * np.ptp(points.t_s)) ** 2
        covariance = np.linalg.inv(information + SMALL * np.diag(np.diag(found.scores))).astype(np.float64)
        scale = float(weights @ near)
        return Aligned(motion * [scale, scale, 1.0, scale], covariance, float(np.log(found.value / still)))

    def _points(self, parts: list[EventBatch]) -> Points:
        stride = -(-sum(map(len, parts)) // self.budget)
        x, y, t, on = (
            np.concatenate([getattr(part, name)[::stride] for part in parts]).astype(np.int64)
            for name in ("x", "y", "t_us", "on")
        )
        spread = [np.arange(1, len(t) + 1) * share % 1.0 - 0.5 for share in SPREAD]
        return Points(
            x - 0.5 * (self.width - 1) + spread[0], 0.5 * (self.height - 1) - y + spread[1],
            (t - t.mean()) * 1e-6, on, y // self.tile * self.across + x // self.tile,
        )  # fmt: skip

    def _near(self, motion: Array, after: EventBatch | None = None) -> list[EventBatch]:
        """The newest window and what came so shortly before, or before and after, that the image moved by little."""
        if not self.windows:
            return []
        radius = 0.35 * np.hypot(self.width, self.height)
        speed = max(float(np.hypot(*motion[:2])), radius * float(np.hypot(*motion[2:])), SLOWEST_PX_S)
        first, last = int(self.windows[-1].t_us[0]), int(self.windows[-1].t_us[-1])
        most_us = int(MOST_TRAVEL_PX / speed * 1e6)
        if last - first > most_us:  # a window that is too long: its middle
            middle = int(self.windows[-1].t_us[len(self.windows[-1]) // 2])
            first, last = middle - most_us // 2, middle + most_us // 2
        parts = [*self.windows, *([after] if after is not None and len(after) else [])]
        missing = max(int(TRAVEL_PX / speed * 1e6) - (last - first), 0)
        later = max(missing // 2, missing - (first - int(parts[0].t_us[0])))
        later = min(later, max(int(parts[-1].t_us[-1]) - last, 0))
        first, last = first - (missing - later), last + later
        cuts = [(b, *np.searchsorted(b.t_us, (first, last + 1))) for b in parts if b.t_us[-1] >= first]
        return [batch.take(slice(int(a), int(b))) for batch, a, b in cuts]

    def _climb(self, points: Points, motion: Array, near: Array, cell: float) -> tuple[Array, Array, Sharpness]:
        """Scoring: the scores stand for the curvature; no step moves the first and last events by more than a cell."""
        weights = np.bincount(points.tile, minlength=self.tiles) / len(points.x)
        reach = np.sqrt(np.mean(points.x**2 + points.y**2)) + 1.0
        pixels = 0.35 * np.ptp(points.t_s) * np.array([1.0, 1.0, reach, reach])
        found = self.sharpness(points, motion, near, cell)
        cost = DEPTH_COST * found.value * weights
        cost_turn = TURN_COST * found.value * (0.5 * np.ptp(points.t_s)) ** 2 * np.array([0.0, 0.0, 1.0, 1.0])
        value = found.value - cost @ (near - 1) ** 2 - cost_turn @ motion**2
        for _ in range(STEPS):
            slope = found.slope - 2 * cost_turn * motion
            step, step_near = _step(found._replace(slope=slope), near, cost, cost_turn, found.value / len(points.x))
            size = max(float(np.abs(step * pixels).max()), float(np.abs(step_near).max()), SMALL)
            share = min(1.0, cell / size)
            for _ in range(TRIES):
                trial = motion + share * step, near + share * step_near
                new = self.sharpness(points, *trial, cell)
                new_value = new.value - cost @ (trial[1] - 1) ** 2 - cost_turn @ trial[0] ** 2
                if new_value > value:
                    break
                share *= 0.35
            else:
                break
            motion, near, found, value = *trial, new, new_value
            if share * size < ENOUGH:
                break
        return motion, near, found

    def sharpness(self, points: Points, motion: Array, near: Array, cell: float) -> Sharpness:
        """How well events align that moved by `motion` (4,) in tiles of nearness `near` (tile,); `cell` is in px."""
        image = self.images[cell]  # zero between calls
        parts = np.zeros(4), np.zeros(self.tiles), np.zeros((4, 4)), np.zeros((self.tiles, 4)), np.zeros(self.tiles)
        return Sharpness(_sharpness(*points, motion, near, cell, image, *parts), *parts)


def _step(found: Sharpness, near: Array, cost: Array, cost_turn: Array, mean: float) -> tuple[Array, Array]:
    """The step to the top of a parabola; the tiles' nearness is eliminated first, as each stands alone."""
    slope_near = found.slope_near - 2 * cost * (near - 1)
    own = found.scores_near / mean + 2 * cost + SMALL
    both = found.scores_both / mean
    left = both / own[:, None]
    curvature = found.scores / mean - both.T @ left
    curvature += np.diag(SMALL + 1e-3 * np.diag(found.scores) / mean + 2 * cost_turn)
    step = np.linalg.solve(curvature, found.slope - left.T @ slope_near).astype(np.float64)
    return step, (slope_near - both @ step) / own


@njit(cache=True, nogil=True, fastmath=True)
def _sharpness(
    x, y, t, side, tile, motion, near, cell, image, slope, slope_near, scores, scores_both, scores_near
):  # fmt: skip
    pitch = image.shape[2]
    flat = image.reshape(-1)
    places, shares = np.empty(len(x), np.int64), np.empty((len(x), 2))
    _cast(x, y, t, side, tile, motion, near, cell, image.shape[1], pitch, flat, places, shares)
    vx, vy, _, grow = motion
    value = 0.0
    slopes, squares = np.zeros(4), np.zeros(10)
    for k in range(len(x)):
        place = places[k]
        if place < 0:
            continue
        here, rise_u, rise_v = _rises(flat, place, pitch, shares[k, 0], shares[k, 1])
        value += here
        back = -t[k] / cell
        rise_u, rise_v, n = rise_u * back, rise_v * back, near[tile[k]]
        a, b = n * rise_u, n * rise_v
        c, d = x[k] * rise_v - y[k] * rise_u, x[k] * a + y[k] * b
        e = (vx + grow * x[k]) * rise_u + (vy + grow * y[k]) * rise_v
        slopes[0] += a
        slopes[1] += b
        slopes[2] += c
        slopes[3] += d
        _add(squares, a, b, c, d)
        slope_near[tile[k]] += 2 * e
        scores_near[tile[k]] += e * e
        scores_both[tile[k], 0] += e * a
        scores_both[tile[k], 1] += e * b
        scores_both[tile[k], 2] += e * c
        scores_both[tile[k], 3] += e * d
    _clear(flat, places, pitch)
    m = 0
    for i in range(4):
        slope[i] = 2 * slopes[i]
        for j in range(i, 4):
            scores[i, j] = scores[j, i] = squares[m]
            m += 1
    return value


@njit(cache=True, forceinline=True)
def _add(squares, a, b, c, d):
    squares[0] += a * a
    squares[1] += a * b
    squares[2] += a * c
    squares[3] += a * d
    squares[4] += b * b
    squares[5] += b * c
    squares[6] += b * d
    squares[7] += c * c
    squares[8] += c * d
    squares[9] += d * d


@njit(cache=True, nogil=True, fastmath=True)
def _cast(x, y, t, side, tile, motion, near, cell, rows, pitch, flat, places, shares):
    """The image of moved events; where each fell (-1 outside), and its distance from that cell's middle."""
    vx, vy, turn, grow = motion
    for k in range(len(x)):
        n = near[tile[k]]
        u = (x[k] - t[k] * (n * (vx + grow * x[k]) - turn * y[k])) / cell + 0.5 * pitch
        v = (y[k] - t[k] * (n * (vy + grow * y[k]) + turn * x[k])) / cell + 0.5 * rows
        i, j = np.int64(v + 0.5), np.int64(u + 0.5)
        if not (1 <= i < rows - 1 and 1 <= j < pitch - 1):
            places[k] = -1
            continue
        p, q = v - i, u - j
        place = (side[k] * rows + i) * pitch + j
        places[k], shares[k, 0], shares[k, 1] = place, p, q
        left, middle, right = 0.5 * (0.5 - q) ** 2, 0.75 - q * q, 0.5 * (0.5 + q) ** 2
        for line in range(3):
            weight = _weight(p, line)
            at = place + (line - 1) * pitch
            flat[at - 1] += weight * left
            flat[at] += weight * middle
            flat[at + 1] += weight * right


@njit(cache=True, forceinline=True)
def _rises(flat, place, pitch, p, q):
    """The image where an event fell, and its slopes to the right and up."""
    left, middle, right = 0.5 * (0.5 - q) ** 2, 0.75 - q * q, 0.5 * (0.5 + q) ** 2
    here, rise_u, rise_v = 0.0, 0.0, 0.0
    for line in range(3):
        at = place + (line - 1) * pitch
        a, b, c = flat[at - 1], flat[at], flat[at + 1]
        level = left * a + middle * b + right * c
        weight = _weight(p, line)
        here += weight * level
        rise_u += weight * ((q - 0.5) * a - 2 * q * b + (q + 0.5) * c)
        rise_v += (-2 * p if line == 1 else p + 0.5 * (line - 1)) * level
    return here, rise_u, rise_v


@njit(cache=True, forceinline=True)
def _weight(share, line):
    """A quadratic B-spline's weight of the cell before, at and after."""
    if line == 1:
        return 0.75 - share * share
    return 0.5 * (0.5 - share) ** 2 if line == 0 else 0.5 * (0.5 + share) ** 2


@njit(cache=True, nogil=True)
def _clear(flat, places, pitch):
    for place in places:
        if place >= 0:
            for line in range(-1, 2):
                at = place + line * pitch
                flat[at - 1] = flat[at] = flat[at + 1] = 0.0
