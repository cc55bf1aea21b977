"""Filters of events: broken pixels, refractory time, background activity, flicker. Each returns what it kept."""

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_perception.events.batch import EventBatch

NEVER = np.int64(-(2**62))
FLICKER_HZ = (90.0, 130.0)  # lamps on 50 and 60 Hz mains brighten twice a period


class FilterConfig(Config):
    """Which events are believed; zero switches a filter off."""

    hot_factor: float = Field(
        0.0, ge=0, le=1000, description="pixels this many times busier than the busy ones are hot"
    )
    refractory_us: int = Field(0, ge=0, le=1_000_000, description="silence of a pixel after an event (us)")
    background_us: int = Field(
        0, ge=0, le=10_000_000, description="an event without a neighbour this young is noise (us)"
    )
    flicker_share: float = Field(
        0.0, ge=0, le=1, description="share of a pixel's intervals at 90 to 130 Hz that masks it"
    )


def filter_events(batch: EventBatch, config: FilterConfig) -> EventBatch:
    """The events that pass every filter; what each removed is counted in `faults`."""
    for name, keep in (
        ("hot", lambda b: ~hot_pixels(b, config.hot_factor)[b.y, b.x] if config.hot_factor else None),
        ("flicker", lambda b: ~flickering(b, config.flicker_share)[b.y, b.x] if config.flicker_share else None),
        ("refractory", lambda b: refractory(b, config.refractory_us) if config.refractory_us else None),
        ("background", lambda b: supported(b, config.background_us) if config.background_us else None),
    ):
        kept = keep(batch)
        if kept is not None:
            batch = batch.take(kept).counted(**{name: int(np.count_nonzero(~kept))})
    return batch


def hot_pixels(batch: EventBatch, factor: float) -> NDArray[np.bool_]:
    """Mask (row, column) of pixels with more than `factor` times the 95th percentile of the active pixels' events."""
    counts = np.bincount(batch.y.astype(np.int64) * batch.width + batch.x, minlength=batch.width * batch.height)
    active = counts[counts > 0]
    limit = factor * np.percentile(active, 95) if len(active) else np.inf
    return (counts > limit).reshape(batch.height, batch.width)


def flickering(batch: EventBatch, share: float) -> NDArray[np.bool_]:
    """Mask (row, column) of pixels that mostly brighten at the rate of lamps; at least eight intervals count."""
    inside, total = _intervals(
        batch.x, batch.y, batch.t_us, batch.on, batch.width, batch.height, 1e6 / FLICKER_HZ[1], 1e6 / FLICKER_HZ[0]
    )
    return (total >= 8) & (inside > share * total)


def refractory(batch: EventBatch, silence_us: int) -> NDArray[np.bool_]:
    """Which events come at least `silence_us` after the last one kept of their pixel."""
    return _refractory(batch.x, batch.y, batch.t_us, batch.width, batch.height, silence_us)


def supported(batch: EventBatch, support_us: int) -> NDArray[np.bool_]:
    """Which events have one of the eight neighbours active within `support_us` before them (Delbruck 2008)."""
    return _supported(batch.x, batch.y, batch.t_us, batch.width, batch.height, support_us)


@njit(cache=True, nogil=True)
def _refractory(x, y, t, width, height, silence_us):
    last = np.full((height, width), NEVER)
    keep = np.zeros(len(t), np.bool_)
    for k in range(len(t)):
        if t[k] - last[y[k], x[k]] >= silence_us:
            keep[k] = True
            last[y[k], x[k]] = t[k]
    return keep


@njit(cache=True, nogil=True)
def _supported(x, y, t, width, height, support_us):
    last = np.full((height + 2, width + 2), NEVER)
    keep = np.zeros(len(t), np.bool_)
    for k in range(len(t)):
        row, column = np.int64(y[k]) + 1, np.int64(x[k]) + 1
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                if (dy or dx) and t[k] - last[row + dy, column + dx] <= support_us:
                    keep[k] = True
        last[row, column] = t[k]
    return keep


@njit(cache=True, nogil=True)
def _intervals(x, y, t, on, width, height, shortest_us, longest_us):
    """For each pixel: intervals between first ON events after OFF ones, how many are of that length, and all."""
    rise = np.full((height, width), NEVER)
    dark = np.ones((height, width), np.bool_)
    inside, total = np.zeros((height, width), np.int64), np.zeros((height, width), np.int64)
    for k in range(len(t)):
        row, column = y[k], x[k]
        if on[k] and dark[row, column]:
            if rise[row, column] != NEVER:
                total[row, column] += 1
                interval = t[k] - rise[row, column]
                inside[row, column] += shortest_us <= interval <= longest_us
            rise[row, column] = t[k]
        dark[row, column] = not on[k]
    return inside, total
