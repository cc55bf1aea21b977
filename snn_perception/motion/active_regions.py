"""Where in the view events are dense: groups of cells that remember them for a while, as leaky neurons do."""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

CELL_PX = 4
REACH = 1  # cells apart that still belong together
Array = NDArray[np.float64]


class Region(NamedTuple):
    """A rectangle of the view in px: from (left, top) to before (right, bottom)."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Region") -> bool:
        """Whether they overlap."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def towards(self, other: "Region", share: float) -> "Region":
        """Part of the way to another."""
        return Region(*(a + share * (b - a) for a, b in zip(self, other, strict=True)))


class RegionFinder:
    """Cells of a sensor, with the events of each, leaking."""

    def __init__(self, width: int, height: int, leak_s: float, least: float, density: float) -> None:
        """A cell is dense with `least` events, and `density` times as many as half of the cells have."""
        self.shape = -(-height // CELL_PX), -(-width // CELL_PX)
        self.leak_s, self.least, self.density = leak_s, least, density
        self.activity: Array = np.zeros(self.shape)
        self.time_s = 0.0

    def take(self, x: NDArray, y: NDArray, time_s: float) -> list[Region]:
        """Events of a window that ends at `time_s`: the regions, the one with most events first."""
        cells = y.astype(np.int64) // CELL_PX * self.shape[1] + x.astype(np.int64) // CELL_PX
        counts = np.bincount(cells, minlength=self.activity.size).reshape(self.shape)
        self.activity = self.activity * math.exp(-max(time_s - self.time_s, 0.0) / self.leak_s) + counts
        self.time_s = time_s
        dense = self.activity >= max(self.least, self.density * float(np.median(self.activity)))
        boxes, events, sizes = _groups(dense, self.activity)
        order = [k for k in np.argsort(-events, kind="stable") if sizes[k] > 1]
        boxes[:, 2:] += 1
        return [Region(*map(float, CELL_PX * box)) for box in boxes[order]]

    def within(self, region: Region, share: float) -> NDArray[np.bool_]:
        """Active cells (row, column) of a region: with `least` events and a share of those of its most active cell."""
        rows, columns = (CELL_PX * (np.arange(n) + 0.5) for n in self.shape)
        margin = 0.5 * CELL_PX
        inside = np.outer(
            (rows >= region.top - margin) & (rows < region.bottom + margin),
            (columns >= region.left - margin) & (columns < region.right + margin),
        )
        activity = np.where(inside, self.activity, 0.0)
        return np.asarray(activity >= max(self.least, share * float(activity.max())))


def spanned(cells: NDArray[np.bool_]) -> Region:
    """The smallest region around cells (row, column), of which there is at least one."""
    rows, columns = np.flatnonzero(cells.any(axis=1)), np.flatnonzero(cells.any(axis=0))
    edges = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return Region(*(float(CELL_PX * edge) for edge in edges))


@njit(cache=True, nogil=True)
def _groups(dense, activity):
    """Cells that are at most `REACH` apart: left, top, right and bottom cell, events, and cells of each group."""
    rows, columns = dense.shape
    most = dense.sum()
    boxes, events, sizes = np.zeros((most, 4), np.int64), np.zeros(most), np.zeros(most, np.int64)
    left, waiting, n = dense.copy(), np.empty((rows * columns, 2), np.int64), 0
    for row in range(rows):
        for column in range(columns):
            if not left[row, column]:
                continue
            boxes[n] = column, row, column, row
            left[row, column] = False
            waiting[0, 0], waiting[0, 1], count = row, column, 1
            while count > 0:
                count -= 1
                i, j = waiting[count]
                events[n] += activity[i, j]
                sizes[n] += 1
                boxes[n] = min(boxes[n, 0], j), min(boxes[n, 1], i), max(boxes[n, 2], j), max(boxes[n, 3], i)
                for p in range(max(i - REACH, 0), min(i + REACH + 1, rows)):
                    for q in range(max(j - REACH, 0), min(j + REACH + 1, columns)):
                        if left[p, q]:
                            left[p, q] = False
                            waiting[count, 0], waiting[count, 1], count = p, q, count + 1
            n += 1
    return boxes[:n], events[:n], sizes[:n]
