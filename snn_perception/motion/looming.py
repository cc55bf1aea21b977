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
EDGE_PX = 1
LAG_S = 0.12  # by which widths are old: half a window and the leak; chosen on recorded approaches


class LoomingConfig(Config):
    """How growth is judged."""

    window_s: float = Field(0.4, gt=0.05, le=10, description="time over which growth is fitted (s)")
    density: float = Field(5.0, gt=1, le=100, description="events of a cell that belongs to it, over the median cell")
    least: int = Field(6, ge=1, le=1000, description="events of such a cell at least")
    leak_s: float = Field(0.1, gt=0.01, le=10, description="time constant of a cell's memory of events (s)")
    cells: int = Field(4, ge=2, le=1000, description="such cells without which nothing is there")
    windows: int = Field(4, ge=3, le=1000, description="widths without which nothing is fitted")
    agreeing: int = Field(7, ge=1, le=100, description="forecasts of which the median counts")
    fit: float = Field(0.6, ge=0, le=1, description="correlation of 1/size with time from which it is believed")


class Looming(NamedTuple):
    """What grows; NaN where nothing does."""

    time_to_contact_s: float
    x_px: float  # its middle, from the middle of the view, right
    y_px: float  # and down
    size_px: float  # square root of the area that its events span


NOTHING = Looming(math.nan, math.nan, math.nan, math.nan)


class Side(NamedTuple):
    """How wide it was in one direction."""

    time_s: float
    width_px: float


class LoomingDetector:
    """Follows the width and height of what is denser in events than its surroundings."""

    def __init__(self, width: int, height: int, config: LoomingConfig | None = None) -> None:
        self.width, self.height = width, height
        self.config = config or LoomingConfig()
        self.sides: tuple[deque[Side], deque[Side]] = (deque(), deque())
        self.activity: NDArray[np.float64] = np.zeros((-(-height // CELL_PX), -(-width // CELL_PX)))
        self.time_s, self.contact_s = 0.0, math.nan  # of the newest window, and when contact is foreseen
        self.foreseen: deque[float] = deque(maxlen=self.config.agreeing)

    def take(self, x: NDArray, y: NDArray, time_s: float) -> Looming:
        """The events of a window that ends at `time_s`."""
        chosen = self._dense(x, y, time_s)
        if chosen is None:
            return NOTHING
        x, y = x[chosen], y[chosen]
        widths = [
            self._follow(*each, time_s) for each in zip(self.sides, (x, y), (self.width, self.height), strict=True)
        ]
        told = [self._contact_s(side, time_s) for side in self.sides]
        weight = np.array([0.0 if contact != contact else width for contact, width in zip(told, widths, strict=True)])
        if weight.any():
            self.foreseen.append(float(np.nansum(weight * np.nan_to_num(told)) / weight.sum()))
            middle = float(np.median(self.foreseen))
            self.contact_s = middle if middle - LAG_S > time_s else self.foreseen[-1]
        where = float(np.median(x)) - 0.5 * self.width, float(np.median(y)) - 0.5 * self.height
        left_s = self.contact_s - time_s - LAG_S
        return Looming(left_s if left_s > 0.0 else math.nan, *where, math.sqrt(widths[0] * widths[1]))

    def _follow(self, side: deque[Side], values: NDArray, most: int, time_s: float) -> float:
        """Remember a width, unless it is cut off by the edge of the view."""
        while side and side[0].time_s < time_s - self.config.window_s:
            side.popleft()
        low, high = np.percentile(values, (2, 98))
        width = float(high - low) + 1.0
        if low > EDGE_PX and high < most - 1 - EDGE_PX:
            side.append(Side(time_s, width))
        return width

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
        chosen = group[y // CELL_PX, x // CELL_PX]
        return np.asarray(chosen) if chosen.any() else None

    def _contact_s(self, side: deque[Side], time_s: float) -> float:
        """When 1 / width will be zero, by least squares in which a pixel weighs the same everywhere."""
        if len(side) < self.config.windows or side[-1].time_s < time_s - 0.25:
            return math.nan
        t, width = np.array(side).T
        inverse, weight = 1.0 / width, width**4
        mean_t, mean = np.average(t, weights=weight), np.average(inverse, weights=weight)
        spread, along = float(weight @ (t - mean_t) ** 2), float(weight @ ((t - mean_t) * (inverse - mean)))
        agreement = -along / math.sqrt(max(spread * float(weight @ (inverse - mean) ** 2), 1e-30))
        if agreement < self.config.fit:
            return math.nan
        return float(mean_t - mean * spread / along)


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
