"""An event camera's pixels: each sends an event whenever its log intensity has moved by its threshold since the last.

Between two samples the log intensity is taken to move along a straight line, so that events get the time of their
crossing (ESIM, Rebecq et al. 2018). Thresholds differ from pixel to pixel and between ON and OFF; a pixel is silent
for its refractory time; leak brings ON events, shot noise both (v2e, Hu et al. 2021).
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config

SMALLEST_THRESHOLD = 0.02
MOST_PER_SAMPLE = 64  # events of a pixel between two samples; more would be a fault of the input


class EventCameraConfig(Config):
    """Constants of the pixels."""

    threshold: float = Field(0.2, ge=0.02, le=5, description="mean step of log intensity that makes an event")
    mismatch: float = Field(0.03, ge=0, le=1, description="standard deviation of thresholds between pixels")
    refractory_us: float = Field(100.0, ge=0, le=1e6, description="silence of a pixel after an event (us)")
    leak_hz: float = Field(0.1, ge=0, le=1000, description="ON events of a pixel that leak brings (Hz)")
    noise_hz: float = Field(0.5, ge=0, le=10000, description="events of a pixel that shot noise brings (Hz)")


Events = tuple[NDArray, NDArray, NDArray, NDArray]  # x, y, t_us, on


class EventCamera:
    """Pixels with their memory; frames or textures in, events out, sorted by time."""

    def __init__(self, width: int, height: int, config: EventCameraConfig, rng: np.random.Generator) -> None:
        self.config, self.rng = config, rng
        drawn = rng.normal(config.threshold, config.mismatch, (2, height, width))
        self.thresholds = np.maximum(drawn, SMALLEST_THRESHOLD)  # OFF, ON
        self.level: NDArray[np.float64] | None = None  # log intensity of each pixel's last event
        self.seen: NDArray[np.float64] = np.zeros((height, width))
        self.last_us = np.full((height, width), -1e18)
        self.time_us = 0.0

    def see(self, log_intensity: NDArray[np.float64], t_us: float) -> Events:
        """The events between the last image (row, column) and this one; the first image brings none."""
        if self.level is None:
            self.level, self.seen, self.time_us = log_intensity.copy(), log_intensity.copy(), t_us
            return _sorted(*(np.zeros(0, kind) for kind in (np.int64, np.int64, np.float64, np.bool_)))
        self._leak(t_us)
        found = crossings(
            self.seen, log_intensity, self.time_us, t_us, self.level, self.last_us, self.thresholds,
            self.config.refractory_us,
        )  # fmt: skip
        noise = self._noise(self.time_us, t_us)
        self.seen, self.time_us = log_intensity.copy(), t_us
        return _sorted(*(np.concatenate(pair) for pair in zip(found, noise, strict=True)))

    def _leak(self, t_us: float) -> None:
        """A leaking pixel forgets brightness: it will soon find the scene brighter than it remembers."""
        if self.level is not None:
            self.level -= self.config.leak_hz * (t_us - self.time_us) * 1e-6 * self.thresholds[1]

    def _noise(self, from_us: float, to_us: float) -> Events:
        height, width = self.seen.shape
        count = self.rng.poisson(self.config.noise_hz * (to_us - from_us) * 1e-6 * width * height)
        x, y = self.rng.integers(0, width, count), self.rng.integers(0, height, count)
        return x, y, self.rng.uniform(from_us, to_us, count), self.rng.random(count) < 0.5


def _sorted(x: NDArray, y: NDArray, t_us: NDArray, on: NDArray) -> Events:
    order = np.argsort(t_us, kind="stable")
    return x[order], y[order], np.rint(t_us[order]).astype(np.int64), on[order]


def crossings(
    before: NDArray, after: NDArray, from_us: float, to_us: float, level: NDArray, last_us: NDArray,
    thresholds: NDArray, refractory_us: float,
) -> Events:  # fmt: skip
    """Events of images (row, column) of log intensity; `level` and `last_us` are moved on."""
    room = int(np.minimum(np.abs(after - level) / thresholds.min(axis=0) + 2, MOST_PER_SAMPLE).sum())
    x, y = np.empty(room, np.int64), np.empty(room, np.int64)
    t, on = np.empty(room, np.float64), np.empty(room, np.bool_)
    n = _cross(before, after, from_us, to_us, level, last_us, thresholds, refractory_us, x, y, t, on)
    return x[:n], y[:n], t[:n], on[:n]


@njit(cache=True, nogil=True)
def _cross(before, after, from_us, to_us, level, last_us, thresholds, refractory_us, x, y, t, on):
    n = 0
    for row in range(after.shape[0]):
        for column in range(after.shape[1]):
            slope = after[row, column] - before[row, column]
            for _ in range(MOST_PER_SAMPLE):
                up = after[row, column] > level[row, column]
                step = thresholds[1, row, column] if up else -thresholds[0, row, column]
                target = level[row, column] + step
                if (after[row, column] < target) if up else (after[row, column] > target):
                    break
                share = (target - before[row, column]) / slope if slope != 0.0 else 0.0
                time = from_us + min(max(share, 0.0), 1.0) * (to_us - from_us)
                level[row, column] = target
                if time - last_us[row, column] >= refractory_us and n < len(x):
                    x[n], y[n], t[n], on[n] = column, row, time, up
                    last_us[row, column] = time
                    n += 1
    return n
