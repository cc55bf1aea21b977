"""Something grows in the view of an event camera: where it is, and how long until it is here.

Time to contact is the reciprocal of the growth rate (Lee 1976). Growth is searched in the newest events of the regions
that are denser in events than the rest (`expansion`), which needs no outline: what fills the view still grows. What
grows is followed; each window foretells when contact will be; these are averaged, weighted by their
certainty, and older ones fade.
"""

import math
from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_perception.motion.active_regions import CELL_PX, Region, RegionFinder, spanned
from snn_perception.motion.expansion import Aged, Expansion, ExpansionFinder, aged

Array = NDArray[np.float64]
SLOWEST_PER_S = 0.05  # growth that is believed
PATIENT = 4  # times `lost_s` after which the surest is lost
SOONEST_S = 0.3  # as if contact were never nearer, where something is divided by the time that is left


class LoomingConfig(Config):
    """How growth is judged."""

    leak_s: float = Field(0.3, gt=0.01, le=10, description="time constant of a cell's memory of events (s)")
    least: float = Field(6.0, ge=1, le=1000, description="events of a dense cell at least")
    density: float = Field(5.0, gt=1, le=100, description="events of a dense cell, over the median cell")
    regions: int = Field(3, ge=1, le=100, description="regions that are followed or looked at")
    dim: float = Field(0.05, ge=0, le=1, description="events of a cell that belongs to it, over its most active cell")
    correction: float = Field(0.3, ge=0, le=1, description="share of the way from where it should be to where it is")
    budget: int = Field(1000, ge=50, le=100_000, description="events of a search at most")
    fewest: int = Field(30, ge=2, le=1000, description="events without which nothing is searched")
    share: float = Field(0.8, gt=0.05, le=1, description="span of events that is searched, over the time to contact")
    shortest_s: float = Field(0.3, gt=0.05, le=10, description="that span at least (s)")
    longest_s: float = Field(2.0, gt=0.05, le=10, description="that span at most (s)")
    unknown_s: float = Field(1.5, gt=0.05, le=10, description="that span while nothing is followed (s)")
    inside: float = Field(1.0, ge=0, le=10, description="how far from its middle it may grow about, over half its side")
    least_px_s: float = Field(
        12.0, ge=0, le=1000, description="size times time to contact at least; flickering pixels have less (px s)"
    )
    sure_gain: float = Field(0.07, gt=0, le=10, description="gain of sharpness from which growth is believed")
    blur: float = Field(0.02, gt=0, le=1, description="relative error of a growth whose gain is 1")
    fading: float = Field(0.8, ge=0, lt=1, description="weight of a foretelling that a window later is left of it")
    agreeing: int = Field(3, ge=1, le=100, description="foretellings without which none is told")
    most_spread: float = Field(0.25, gt=0, le=10, description="spread of foretellings, over the time left, at most")
    lost_s: float = Field(0.35, gt=0, le=100, description="time without a foretelling after which it is lost (s)")


class Looming(NamedTuple):
    """What grows; NaN where nothing does."""

    time_to_contact_s: float
    x_px: float  # its middle, from the middle of the view, right
    y_px: float  # and down
    size_px: float  # square root of the area of the region


NOTHING = Looming(math.nan, math.nan, math.nan, math.nan)


class Followed:
    """Something that grows: its region, and when contact is foretold."""

    def __init__(self, region: Region, time_s: float) -> None:
        self.region, self.time_s, self.found_s = region, time_s, time_s
        self.precision, self.contact_s, self.count = 0.0, math.nan, 0
        self.spread_s2 = 0.0
        self.motion = Expansion(0.0, 0.0, 0.0, 0.0)

    def foretell(self, motion: Expansion, time_s: float, config: LoomingConfig) -> None:
        """Take in the growth of a window."""
        told_s = 1.0 / motion.growth_per_s
        precision = 1.0 / (min(config.blur / motion.gain, 0.5) * told_s) ** 2
        before = self.precision * config.fading
        self.precision = before + precision
        share, apart_s = precision / self.precision, time_s + told_s - (self.contact_s if before else time_s + told_s)
        self.contact_s = time_s + told_s - (1.0 - share) * apart_s
        self.spread_s2 = (1.0 - share) * (self.spread_s2 + share * apart_s**2)
        self.motion, self.found_s, self.count = motion, time_s, self.count + 1

    def moved(self, time_s: float) -> Region:
        """Where its region is now."""
        span, left_s = time_s - self.time_s, self.contact_s - self.time_s
        fresh = self.time_s == self.found_s
        left, top, right, bottom = self.region
        shift = span * np.array([self.motion.ux_px_s, self.motion.uy_px_s]) if fresh else np.zeros(2)
        middle = 0.5 * np.array([left + right, top + bottom]) + shift
        half = 0.5 * (1.0 + span / max(left_s, SOONEST_S)) * np.array([right - left, bottom - top])
        return Region(*(middle - half).tolist(), *(middle + half).tolist())

    def spread(self, time_s: float) -> float:
        """Standard deviation of the foretellings, over the time that is left."""
        return math.sqrt(self.spread_s2) / max(self.contact_s - time_s, SOONEST_S)


class LoomingDetector:
    """Finds and follows what grows."""

    def __init__(self, width: int, height: int, config: LoomingConfig | None = None) -> None:
        self.width, self.height, self.config = width, height, config or LoomingConfig()
        c = self.config
        self.regions = RegionFinder(width, height, c.leak_s, c.least, c.density)
        self.finder = ExpansionFinder(width, height)
        self.windows: deque[tuple[NDArray, NDArray, Array, NDArray]] = deque()  # x, y, time (s), brighter
        self.followed: list[Followed] = []

    def take(self, x: NDArray, y: NDArray, t_us: NDArray, on: NDArray, time_s: float) -> Looming:
        """The events of a window that ends at `time_s`; all arrays (event,)."""
        regions = self.regions.take(x, y, time_s)
        self._remember(x, y, t_us, on, time_s)
        for followed in self.followed:
            self._follow(followed, time_s)
        self._forget(time_s)
        self._look(regions, time_s)
        return self._told(time_s)

    def _remember(self, x: NDArray, y: NDArray, t_us: NDArray, on: NDArray, time_s: float) -> None:
        stride = max(1, -(-len(x) // self.config.budget))
        self.windows.append((x[::stride], y[::stride], t_us[::stride] * 1e-6, on[::stride]))
        while len(self.windows[0][2]) == 0 or self.windows[0][2][-1] < time_s - self.config.longest_s:
            self.windows.popleft()
            if not self.windows:
                break

    def _forget(self, time_s: float) -> None:
        """What does not grow any more, and the newer where two have become one."""
        kept: list[Followed] = []
        for followed in sorted(self.followed, key=lambda each: -each.count):
            patience_s = self.config.lost_s * min(followed.count, PATIENT)
            fresh = time_s - followed.found_s < patience_s and followed.contact_s > time_s
            if fresh and not any(followed.region.meets(k.region) for k in kept):
                kept.append(followed)
        self.followed = kept

    def _look(self, regions: list[Region], time_s: float) -> None:
        """Begin to follow regions that grow."""
        new = [region for region in regions if not any(region.meets(each.region) for each in self.followed)]
        for region in new[: max(self.config.regions - len(self.followed), 0)]:
            events = self._events(self.regions.within(region, self.config.dim), self.config.unknown_s, time_s)
            motion = None if events is None else self.finder.find(events)
            if motion is not None and self._sure(motion, region):
                self.followed.append(Followed(region, time_s))
                self.followed[-1].foretell(motion, time_s, self.config)

    def _follow(self, followed: Followed, time_s: float) -> None:
        """See where it is now, and how it grows there."""
        region, followed.time_s = followed.moved(time_s), time_s
        cells = self.regions.within(region, self.config.dim)
        if cells.any():
            region = region.towards(spanned(cells), self.config.correction)
        low, high = np.maximum(region[:2], 0.0), np.minimum(region[2:], [self.width, self.height])
        followed.region = Region(*low.tolist(), *high.tolist())
        left_s = max(followed.contact_s - time_s, self.config.shortest_s)
        span_s = min(max(self.config.share * left_s, self.config.shortest_s), self.config.longest_s)
        events = self._events(cells, span_s, time_s)
        motion = None if events is None else self.finder.find(events, (1.0 / left_s,))
        if motion is not None and self._sure(motion, followed.region):
            followed.foretell(motion, time_s, self.config)

    def _events(self, cells: NDArray[np.bool_], span_s: float, time_s: float) -> Aged | None:
        """Those of some cells in the newest span."""
        if not self.windows:
            return None
        x, y, t, on = (np.concatenate(part) for part in zip(*self.windows, strict=True))
        chosen = cells[y // CELL_PX, x // CELL_PX] & (t > time_s - span_s)
        if np.count_nonzero(chosen) < self.config.fewest:
            return None
        return aged(x[chosen], y[chosen], time_s - t[chosen], on[chosen], self.config.budget)

    def _sure(self, motion: Expansion, region: Region) -> bool:
        """Whether a region grows for sure, about a point within it: what does not will miss."""
        growth, ux, uy, gain = motion
        half = 0.5 * (region.right - region.left), 0.5 * (region.bottom - region.top)
        aside = max(abs(u) / (self.config.inside * h + CELL_PX) for u, h in zip((ux, uy), half, strict=True))
        large = 2.0 * math.sqrt(max(half[0] * half[1], 0.0)) >= self.config.least_px_s * growth
        return large and gain >= self.config.sure_gain and growth > max(aside, SLOWEST_PER_S)

    def _told(self, time_s: float) -> Looming:
        """What will be here first, of what is foretold often and alike."""
        told = [
            each for each in self.followed
            if each.contact_s > time_s and each.count >= self.config.agreeing
            and each.spread(time_s) < self.config.most_spread
        ]  # fmt: skip
        if not told:
            return NOTHING
        first = min(told, key=lambda each: each.contact_s)
        left, top, right, bottom = first.region
        return Looming(
            first.contact_s - time_s, 0.5 * (left + right - self.width), 0.5 * (top + bottom - self.height),
            math.sqrt(max(right - left, 0.0) * max(bottom - top, 0.0)),
        )  # fmt: skip
