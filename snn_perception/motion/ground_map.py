"""A map of the ground that events draw and are read by: how much brighter it gets along x and along y.

A pixel whose line of sight moved by a step s over the ground sends n = g . s more events that tell of brighter than of
darker, g the gradient there of the logarithm of brightness, over the pixel's threshold (Kim et al. 2014; Gehrig et
al. 2020). Known steps draw g, cell by cell, by ridge regression. Where g is drawn, the events of a period tell the step
by least squares, and how well they fit tells where on the map they were seen.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]
ROLL = 8  # a map follows the robot in steps of an eighth of its side


class Glimpse(NamedTuple):
    """Events of a part of a period, and the ground that they came from."""

    signed: Array  # (row, column) events of each pixel, ON minus OFF
    seen_m: Array  # (row, column, 2) what it saw; NaN where it saw no ground
    step_m: Array  # (row, column, 2) by which that moved
    share: float  # of the period


class Reading(NamedTuple):
    """How the events of a period fit at one place of the map, summed over the pixels."""

    misfit: float  # of the events that the steps foretell, squared
    slope: Array  # (2,) of what fits by a further step in the period
    weight: Array  # (2, 2) its curvature


class GroundMap:
    """Square cells around a robot; what lies farther away is forgotten."""

    def __init__(self, cell_m: float, cells: int, ridge_m2: float) -> None:
        """The square of a step that draws a cell by half is the ridge."""
        self.cell_m, self.cells, self.ridge_m2 = cell_m, cells, ridge_m2
        self.corner: NDArray[np.int64] = np.full(2, -(cells // 2), np.int64)  # of the map, in cells from the origin
        self.gradient: Array = np.zeros((cells, cells, 2))  # (cell along x, along y, component), events per metre
        self.steps: Array = np.zeros((cells, cells, 3))  # sums of x x, x y, y y of the steps
        self.events: Array = np.zeros((cells, cells, 2))  # sums of events times step

    def follow(self, position_m: Array) -> None:
        """Keep a position (2,) near the middle."""
        away = np.floor(position_m / self.cell_m).astype(np.int64) - self.corner - self.cells // 2
        stride = self.cells // ROLL
        shift = (np.abs(away) >= stride) * away
        if not shift.any():
            return
        self.corner = self.corner + shift
        for layer in (self.gradient, self.steps, self.events):
            moved = np.roll(layer, tuple(-shift), axis=(0, 1))
            for axis, cells in enumerate(shift.tolist()):
                new = slice(self.cells - cells, None) if cells > 0 else slice(0, -cells)
                moved[(slice(None),) * axis + (new,)] = 0.0
            layer[...] = moved

    def read(self, glimpses: list[Glimpse], offsets_m: Array) -> list[Reading]:
        """How the glimpses of a period fit, had they been seen somewhat elsewhere: offsets (offset, 2)."""
        found = np.zeros((len(offsets_m), 6))
        for glimpse in glimpses:
            _read(*glimpse, offsets_m, self.gradient, self.corner * self.cell_m, self.cell_m, found)
        return [Reading(s, np.array([x, y]), np.array([[xx, xy], [xy, yy]])) for s, x, y, xx, xy, yy in found.tolist()]

    def draw(self, glimpses: list[Glimpse]) -> None:
        """Learn from glimpses whose place and steps are known."""
        corner = self.corner * self.cell_m
        for signed, seen, step, _ in glimpses:
            _draw(signed, seen, step, self.gradient, self.steps, self.events, corner, self.cell_m, self.ridge_m2)


@njit(cache=True, nogil=True)
def sight(axes: Array, directions: Array, height_m: float, found: Array) -> None:
    """Where pixels that look along directions (row, column, 3) of the body see the ground, from the robot's foot."""
    for i in range(directions.shape[0]):
        for j in range(directions.shape[1]):
            d = directions[i, j]
            down = -(axes[2, 0] * d[0] + axes[2, 1] * d[1] + axes[2, 2] * d[2])
            scale = height_m / down if down > 0.1 else np.nan
            found[i, j, 0] = scale * (axes[0, 0] * d[0] + axes[0, 1] * d[1] + axes[0, 2] * d[2])
            found[i, j, 1] = scale * (axes[1, 0] * d[0] + axes[1, 1] * d[1] + axes[1, 2] * d[2])


@njit(cache=True, nogil=True)
def _read(signed, seen, step, part, offsets, gradient, corner, cell, found):
    last = gradient.shape[0] - 1
    for k in range(len(offsets)):
        misfit = cx = cy = xx = xy = yy = 0.0
        for i in range(signed.shape[0]):
            for j in range(signed.shape[1]):
                u = (seen[i, j, 0] + offsets[k, 0] - corner[0]) / cell
                v = (seen[i, j, 1] + offsets[k, 1] - corner[1]) / cell
                gx = gy = 0.0
                if 0.0 <= u < last and 0.0 <= v < last:
                    a, b = np.int64(u), np.int64(v)
                    p, q = u - a, v - b
                    for c in range(2):
                        for d in range(2):
                            share = (p if c else 1.0 - p) * (q if d else 1.0 - q)
                            gx += share * gradient[a + c, b + d, 0]
                            gy += share * gradient[a + c, b + d, 1]
                    rest = signed[i, j] - gx * step[i, j, 0] - gy * step[i, j, 1]
                else:
                    rest = signed[i, j]
                misfit += rest * rest
                cx += gx * rest
                cy += gy * rest
                xx += gx * gx
                xy += gx * gy
                yy += gy * gy
        squared = part * part
        sums = found[k]
        sums[0] += misfit
        sums[1] += part * cx
        sums[2] += part * cy
        sums[3] += squared * xx
        sums[4] += squared * xy
        sums[5] += squared * yy


@njit(cache=True, nogil=True)
def _draw(signed, seen, step, gradient, steps, events, corner, cell, ridge):
    cells = gradient.shape[0]
    for i in range(signed.shape[0]):
        for j in range(signed.shape[1]):
            u, v = (seen[i, j, 0] - corner[0]) / cell + 0.5, (seen[i, j, 1] - corner[1]) / cell + 0.5
            if not (0.0 <= u < cells and 0.0 <= v < cells):
                continue
            a, b = np.int64(u), np.int64(v)
            x, y = step[i, j]
            steps[a, b, 0] += x * x
            steps[a, b, 1] += x * y
            steps[a, b, 2] += y * y
            events[a, b, 0] += signed[i, j] * x
            events[a, b, 1] += signed[i, j] * y
            xx, xy, yy = steps[a, b, 0] + ridge, steps[a, b, 1], steps[a, b, 2] + ridge
            size = xx * yy - xy * xy
            gradient[a, b, 0] = (yy * events[a, b, 0] - xy * events[a, b, 1]) / size
            gradient[a, b, 1] = (xx * events[a, b, 1] - xy * events[a, b, 0]) / size
