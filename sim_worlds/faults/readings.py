"""Faults of a height sensor, between the sensor and whoever reads it: what arrives instead of what was measured.

The names are those of PX4's failure injection (off, stuck, garbage, wrong, slow, delayed, intermittent), and the ways
in which a message can be bad.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from snn_core.errors import ConfigError
from snn_core.signals import AltitudeReading

Fault = Callable[[AltitudeReading | None, float], list[AltitudeReading]]
"""(what was measured now, if anything; time now) -> what arrives now. Called at every instant, it keeps its memory."""


class Sizes(NamedTuple):
    """How large faults are; the defaults are those of the fault suite."""

    bias_m: float = 0.5
    drift_mps: float = 0.05
    slow_factor: int = 3
    delay_s: float = 0.5
    loss: float = 0.5
    burst: int = 8  # mean length of a burst of losses, samples


def healthy(reading: AltitudeReading | None, now_s: float) -> list[AltitudeReading]:
    """Everything arrives as it was measured."""
    return [reading] if reading is not None else []


def _off(generator: np.random.Generator, sizes: Sizes) -> Fault:
    return lambda reading, now_s: []


def _changed(change: Callable[[AltitudeReading], AltitudeReading]) -> Callable[[np.random.Generator, Sizes], Fault]:
    """A fault that changes every reading in the same way."""

    def make(generator: np.random.Generator, sizes: Sizes) -> Fault:
        return lambda reading, now_s: [change(reading)] if reading is not None else []

    return make


def _height(value: float) -> Callable[[np.random.Generator, Sizes], Fault]:
    return _changed(lambda reading: replace(reading, height_m=value))


def _stamp(change: Callable[[float], float]) -> Callable[[np.random.Generator, Sizes], Fault]:
    return _changed(lambda reading: replace(reading, stamp_s=change(reading.stamp_s)))


def _stuck(generator: np.random.Generator, sizes: Sizes) -> Fault:
    first: list[float] = []

    def fault(reading: AltitudeReading | None, now_s: float) -> list[AltitudeReading]:
        if reading is None:
            return []
        first.append(reading.height_m)
        return [replace(reading, height_m=first[0])]

    return fault


def _garbage(generator: np.random.Generator, sizes: Sizes) -> Fault:
    def fault(reading: AltitudeReading | None, now_s: float) -> list[AltitudeReading]:
        return [replace(reading, height_m=float(generator.uniform(-5.0, 50.0)))] if reading is not None else []

    return fault


def _wrong(generator: np.random.Generator, sizes: Sizes) -> Fault:
    """A drift that grows until it is the bias."""
    began: list[float] = []

    def fault(reading: AltitudeReading | None, now_s: float) -> list[AltitudeReading]:
        began.append(now_s)
        if reading is None:
            return []
        return [replace(reading, height_m=reading.height_m + min(sizes.bias_m, sizes.drift_mps * (now_s - began[0])))]

    return fault


def _slow(generator: np.random.Generator, sizes: Sizes) -> Fault:
    count = iter(range(2**62))

    def fault(reading: AltitudeReading | None, now_s: float) -> list[AltitudeReading]:
        return [reading] if reading is not None and next(count) % sizes.slow_factor == 0 else []

    return fault


def _held(release: Callable[[list[tuple[float, AltitudeReading]], float, Sizes], int]) -> Callable[..., Fault]:
    """A fault that keeps readings back: `release` says how many of those that wait arrive now."""

    def make(generator: np.random.Generator, sizes: Sizes) -> Fault:
        waiting: list[tuple[float, AltitudeReading]] = []

        def fault(reading: AltitudeReading | None, now_s: float) -> list[AltitudeReading]:
            if reading is not None:
                waiting.append((now_s, reading))
            count = release(waiting, now_s, sizes)
            arriving, waiting[:count] = [item for _, item in waiting[:count]], []
            return arriving

        return fault

    return make


_delayed = _held(lambda waiting, now_s, sizes: sum(now_s - t >= sizes.delay_s - 1e-9 for t, _ in waiting))


def _out_of_order(generator: np.random.Generator, sizes: Sizes) -> Fault:
    """Readings arrive in swapped pairs."""
    kept: list[AltitudeReading] = []

    def fault(reading: AltitudeReading | None, now_s: float) -> list[AltitudeReading]:
        if reading is None:
            return []
        kept.append(reading)
        return [kept.pop(), kept.pop()] if len(kept) == 2 else []

    return fault


def _intermittent(generator: np.random.Generator, sizes: Sizes) -> Fault:
    """Bursts of losses (Gilbert's two-state channel); `loss` is the share that is lost in the long run."""
    leave = 1.0 / sizes.burst
    enter = min(1.0, leave * sizes.loss / max(1e-9, 1.0 - sizes.loss))
    losing = [False]

    def fault(reading: AltitudeReading | None, now_s: float) -> list[AltitudeReading]:
        if reading is None:
            return []
        losing[0] = generator.random() < (1.0 - leave if losing[0] else enter)
        return [] if losing[0] else [reading]

    return fault


def _duplicate(generator: np.random.Generator, sizes: Sizes) -> Fault:
    return lambda reading, now_s: [reading, reading] if reading is not None else []


READING_FAULTS: dict[str, Callable[[np.random.Generator, Sizes], Fault]] = {
    "off": _off,
    "stuck": _stuck,
    "garbage": _garbage,
    "wrong": _wrong,
    "slow": _slow,
    "delayed": _delayed,
    "intermittent": _intermittent,
    "nan": _height(math.nan),
    "inf": _height(math.inf),
    "minus_inf": _height(-math.inf),
    "negative": _height(-0.5),
    "beyond_max": _height(13.0),
    "min_above_max": _changed(lambda reading: replace(reading, min_m=2.0, max_m=1.0)),
    "huge": _height(1e308),
    "denormal": _height(5e-324),
    "centimetres": _changed(lambda reading: replace(reading, height_m=reading.height_m * 100.0, max_m=1200.0)),
    "zero_stamp": _stamp(lambda stamp_s: 0.0),
    "future_hour": _stamp(lambda stamp_s: stamp_s + 3600.0),
    "future_years": _stamp(lambda stamp_s: stamp_s + 1e9),
    "old_stamp": _stamp(lambda stamp_s: max(0.001, stamp_s - 30.0)),
    "out_of_order": _out_of_order,
    "duplicate": _duplicate,
}


def reading_fault(name: str, generator: np.random.Generator, sizes: Sizes | None = None) -> Fault:
    """A fresh fault of that name; ConfigError where there is none."""
    if name not in READING_FAULTS:
        raise ConfigError(f"unknown fault '{name}': expected one of {', '.join(READING_FAULTS)}")
    return READING_FAULTS[name](generator, sizes or Sizes())
