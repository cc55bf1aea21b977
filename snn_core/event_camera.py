"""An event camera's pixels: each sends an event whenever its log intensity has moved by its threshold since the last.

Between two images the log intensity is taken to move along a straight line, so that events get the time of their
crossing (ESIM, Rebecq et al. 2018). Thresholds differ from pixel to pixel and between ON and OFF. After an event a
pixel is held in reset for its refractory time and remembers what it sees when that ends. What it remembers leaks away,
which brings ON events; shot noise brings both, at random, and resets the pixel too (v2e, Hu et al. 2021).
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config

SMALLEST_THRESHOLD = 0.02  # log units
LINEAR_BELOW = 20.0  # of 255: darker pixels answer in proportion to brightness, not to its logarithm
NEVER_US = -1e18
OFF, ON = 0, 1


class EventCameraConfig(Config):
    """Constants of the pixels."""

    threshold: float = Field(0.2, ge=0.02, le=5, description="mean step of log intensity that makes an event")
    mismatch: float = Field(0.03, ge=0, le=1, description="standard deviation of thresholds between pixels")
    refractory_us: float = Field(100.0, ge=0, le=1e6, description="silence of a pixel after an event (us)")
    leak_hz: float = Field(0.1, ge=0, le=1000, description="ON events of a still pixel that leak brings (Hz)")
    noise_hz: float = Field(0.5, ge=0, le=10000, description="events of a pixel that shot noise brings (Hz)")


class PixelEvents(NamedTuple):
    """Events in the order of time; y counts rows downwards."""

    x: NDArray[np.int64]
    y: NDArray[np.int64]
    t_us: NDArray[np.int64]
    on: NDArray[np.bool_]


def log_intensity(grey: NDArray, gamma: float = 1.0) -> NDArray[np.float64]:
    """What a pixel makes of brightness 0 to 255: its logarithm, but a line through zero in the dark (v2e's lin-log).

    gamma: 1 where grey values are in proportion to light; about 2.2 where they were encoded for a display.
    """
    if grey.dtype == np.uint8:
        return log_intensity(np.arange(256.0), gamma)[grey]
    value = 255.0 * (np.asarray(grey, np.float64) / 255.0) ** gamma
    return np.where(
        value <= LINEAR_BELOW, value * (np.log(LINEAR_BELOW) / LINEAR_BELOW), np.log(np.maximum(value, 1.0))
    )


class EventCamera:
    """Pixels with their memory; images of log intensity in, events out."""

    def __init__(self, width: int, height: int, config: EventCameraConfig, rng: np.random.Generator) -> None:
        self.config, self.rng = config, rng
        drawn = rng.normal(config.threshold, config.mismatch, (2, height, width))
        self.thresholds = np.maximum(drawn, SMALLEST_THRESHOLD)  # (OFF or ON, row, column)
        self.seen: NDArray[np.float64] | None = None  # log intensity of the last image
        self.level: NDArray[np.float64] = np.zeros((height, width))  # what each pixel remembers
        self.last_us = np.full((height, width), NEVER_US)
        self.time_us = 0.0

    def see(self, image: NDArray[np.float64], t_us: float) -> PixelEvents:
        """The events between the last image (row, column) of log intensity and this one; the first brings none.

        Raises:
            ValueError: an image of another size, or a time that is not later than the last.
        """
        if image.shape != self.level.shape:
            raise ValueError(f"expected an image of shape {self.level.shape}, found {image.shape}")
        if self.seen is None:
            self.level = image.astype(np.float64)
            nothing = np.zeros(0, np.int64)
            found = PixelEvents(nothing, nothing, nothing, np.zeros(0, np.bool_))
        elif t_us <= self.time_us:
            raise ValueError(f"expected a time after {self.time_us} us, found {t_us}")
        else:
            found = self._cross(self.seen, image, t_us - self.time_us)
        self.seen, self.time_us = image.astype(np.float64), t_us
        return found

    def _cross(self, before: NDArray[np.float64], after: NDArray[np.float64], span_us: float) -> PixelEvents:
        leaked = self.config.leak_hz * self.config.threshold * span_us * 1e-6
        noise = self._noise(span_us)
        room = _room(before, after, leaked, self.level, self.thresholds) + len(noise[0])
        x, y, on = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.bool_)
        t = np.empty(room, np.float64)
        n = _step(
            before, after, leaked, self.time_us, span_us, self.level, self.last_us, self.thresholds,
            self.config.refractory_us, *noise, x, y, t, on,
        )  # fmt: skip
        since = np.rint(t[:n]).astype(np.uint16 if span_us < 2**16 - 1 else np.int64)  # short numbers sort faster
        order = np.argsort(since, kind="stable")
        t_us = since[order].astype(np.int64) + round(self.time_us)
        return PixelEvents(x[:n][order], y[:n][order], t_us, on[:n][order])

    def _noise(self, span_us: float) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
        """Pixel, time and polarity of the shot noise of a step, pixel by pixel."""
        count = self.rng.poisson(self.config.noise_hz * span_us * 1e-6 * self.level.size)
        pixel, t = self.rng.integers(0, self.level.size, count), self.rng.uniform(0, span_us, count)
        order = np.lexsort((t, pixel))
        return pixel[order], t[order], self.rng.random(count) < 0.5


@njit(cache=True, nogil=True)
def _room(before, after, leaked, level, thresholds):
    """At most so many events without noise."""
    total = np.int64(0)
    for row in range(after.shape[0]):
        for column in range(after.shape[1]):
            moved = after[row, column] - before[row, column] + leaked
            ahead = before[row, column] + moved - level[row, column]
            threshold = thresholds[np.int64(moved > 0), row, column]
            total += np.int64(max(abs(ahead), abs(moved)) / threshold) + 1
    return total


@njit(cache=True, nogil=True)
def _step(
    before, after, leaked, from_us, span_us, level, last_us, thresholds, refractory_us, noise_pixel, noise_t, noise_on,
    x, y, t, on,
):  # fmt: skip
    """Writes the events of a step, with their time from its beginning, and returns how many; moves the pixels on.

    The leak is counted as a rise of the image, and taken from the levels at the end.
    """
    n, drawn, columns = 0, 0, after.shape[1]
    for row in range(after.shape[0]):
        for column in range(columns):
            first = drawn
            while drawn < len(noise_pixel) and noise_pixel[drawn] == row * columns + column:
                drawn += 1
            start, moved = before[row, column], after[row, column] - before[row, column] + leaked
            remembered, down, up = level[row, column], thresholds[OFF, row, column], thresholds[ON, row, column]
            held = last_us[row, column] + refractory_us - from_us
            if drawn > first or held > 0.0 or not remembered - down < start + moved < remembered + up:
                m, remembered = _fire(
                    start, moved, remembered, down, up, held, span_us, refractory_us, noise_t[first:drawn],
                    noise_on[first:drawn], n, t, on,
                )  # fmt: skip
                for k in range(n, m):
                    x[k], y[k] = column, row
                if m > n:
                    last_us[row, column] = from_us + t[m - 1]
                n = m
            level[row, column] = remembered - leaked
    return n


@njit(cache=True, nogil=True)
def _fire(
    start, moved, remembered, down, up, held, span_us, refractory_us, noise_t, noise_on, n, t, on
):  # fmt: skip
    """Events of one pixel, written from place `n` on: the place behind the last, and the level that it remembers."""
    now, noise = 0.0, np.int64(0)
    if held > 0.0:
        now, remembered = held, start + moved * (held / span_us)
    while now <= span_us:
        while noise < len(noise_t) and noise_t[noise] < now:  # a pixel in reset sends no noise either
            noise += 1
        target = remembered + up if moved > 0.0 else remembered - down
        at = max((target - start) / moved * span_us, now) if moved != 0.0 else np.inf
        by_noise = noise < len(noise_t) and noise_t[noise] < at
        if by_noise:
            at = noise_t[noise]
        if at > span_us:
            break
        t[n], on[n] = at, noise_on[noise] if by_noise else moved > 0.0
        n += 1
        now = at + refractory_us
        remembered = target if refractory_us == 0.0 and not by_noise else start + moved * (now / span_us)
        noise += np.int64(by_noise)
    return n, remembered
