"""Something grows in the view of an event camera: where it is, and how long until it is here.

What approaches at a constant speed looks inversely as large as it is far: 1 / size falls along a straight line in time
and is zero at contact (Lee 1976: tau is size over its growth). The size is the spread of the events that are denser
than those around; the line is fitted over the newest windows. Time to contact is the reciprocal of the divergence.
"""

import math
from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config

CELL_PX = 4


class LoomingConfig(Config):
    """How growth is judged."""

    window_s: float = Field(0.9, gt=0.05, le=10, description="time over which growth is fitted (s)")
    density: float = Field(3.0, gt=1, le=100, description="events of a cell that belongs to it, over the median cell")
    least: int = Field(3, ge=1, le=1000, description="events of such a cell at least")
    leak_s: float = Field(0.15, gt=0.01, le=10, description="time constant of a cell's memory of events (s)")
    cells: int = Field(4, ge=2, le=1000, description="such cells without which nothing is there")
    fit: float = Field(0.85, ge=0, le=1, description="correlation of 1/size with time from which it is believed")


class Looming(NamedTuple):
    """What grows; NaN where nothing does."""

    time_to_contact_s: float
    x_px: float  # its middle, from the middle of the view, right
    y_px: float  # and down
    size_px: float  # square root of the area that its events span


NOTHING = Looming(math.nan, math.nan, math.nan, math.nan)


class LoomingDetector:
    """Follows the size of what is denser in events than its surroundings."""

    def __init__(self, width: int, height: int, config: LoomingConfig | None = None) -> None:
        self.width, self.height = width, height
        self.config = config or LoomingConfig()
        self.history: deque[tuple[float, float]] = deque()  # time, 1 / size
        self.activity: NDArray[np.float64] = np.zeros((-(-height // CELL_PX), -(-width // CELL_PX)))
        self.time_s, self.filling = 0.0, 0.0

    def reset(self) -> None:
        """Forget what was seen."""
        self.history.clear()

    def take(self, x: NDArray, y: NDArray, time_s: float) -> Looming:
        """The events of a window that ends at `time_s`."""
        config = self.config
        while self.history and self.history[0][0] < time_s - config.window_s:
            self.history.popleft()
        chosen = self._dense(x, y, time_s)
        if chosen is None:
            return NOTHING
        x, y = x[chosen], y[chosen]
        size = math.sqrt(_extent(x) * _extent(y))
        self.history.append((time_s, 1.0 / max(size, 1.0)))
        middle = float(np.median(x)) - 0.5 * self.width, float(np.median(y)) - 0.5 * self.height
        return Looming(self._time_to_contact(time_s), *middle, size)

    def _dense(self, x: NDArray, y: NDArray, time_s: float) -> NDArray[np.bool_] | None:
        """Which events lie in the largest group of cells that are denser than most; cells leak, as neurons do."""
        counts = np.zeros_like(self.activity)
        np.add.at(counts, (y // CELL_PX, x // CELL_PX), 1.0)
        self.activity = self.activity * math.exp(-max(time_s - self.time_s, 0.0) / self.config.leak_s) + counts
        self.time_s = time_s
        dense = self.activity >= max(float(self.config.least), self.config.density * float(np.median(self.activity)))
        group = _largest_group(_grown(dense), self.activity) & dense
        if group.sum() < self.config.cells:
            return None
        self.filling = float(group.mean())
        chosen = group[y // CELL_PX, x // CELL_PX]
        return np.asarray(chosen) if chosen.any() else None

    def _time_to_contact(self, time_s: float) -> float:
        if len(self.history) < 4 or time_s - self.history[0][0] < 0.4 * self.config.window_s:
            return math.nan
        t, inverse = np.array(self.history).T
        t = t - t.mean()
        slope = float(t @ inverse / (t @ t))
        agreement = -slope * math.sqrt(float(t @ t) / max(float(((inverse - inverse.mean()) ** 2).sum()), 1e-18))
        if slope >= 0.0 or agreement < self.config.fit:
            return math.nan
        return float((inverse.mean() + slope * t[-1]) / -slope)


def _extent(values: NDArray) -> float:
    """Width of what holds nearly all values."""
    low, high = np.percentile(values, (2, 98))
    return float(high - low) + 1.0


def _largest_group(dense: NDArray[np.bool_], counts: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The connected cells (also over corners) that hold most events; found by flooding from the densest one."""
    best = np.zeros_like(dense)
    left, most = dense.copy(), 0.0
    while left.any():
        seed = np.unravel_index(int(np.where(left, counts, -1.0).argmax()), left.shape)
        group = np.zeros_like(dense)
        group[seed] = True
        while True:
            grown = _grown(group) & left
            if (grown == group).all():
                break
            group = grown
        events = float(counts[group].sum())
        if events > most:
            best, most = group, events
        left &= ~group
        if counts[left].sum() <= most:
            break
    return best


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask and its neighbours."""
    padded = np.pad(mask, 1)
    rows, columns = mask.shape
    shifted = [padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3)]
    return np.asarray(np.logical_or.reduce(shifted))
