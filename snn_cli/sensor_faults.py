"""What can be wrong with a range sensor, as functions from what it would say to what it says."""

from collections import deque
from collections.abc import Callable

import numpy as np

from snn_cli.patrol import Fault

Spoken = list[tuple[float, float]]


def healthy(stamp_s: float, value: float) -> Spoken:
    """Nothing is wrong."""
    return [(stamp_s, value)]


def drift(onset_s: float, rate_mps: float) -> Fault:
    """From the onset on the readings run away."""

    def say(stamp_s: float, value: float) -> Spoken:
        return [(stamp_s, value + rate_mps * max(0.0, stamp_s - onset_s))]

    return say


def stuck(onset_s: float) -> Fault:
    """From the onset on the reading of that time is repeated under new stamps."""
    frozen: list[float] = []

    def say(stamp_s: float, value: float) -> Spoken:
        if stamp_s < onset_s:
            return [(stamp_s, value)]
        frozen.append(value)
        return [(stamp_s, frozen[0])]

    return say


def delay(onset_s: float, delay_s: float, honest: bool) -> Fault:
    """From the onset on readings come late, stamped when they were taken or, dishonestly, when they come.

    The dishonest sensor leaves no gap at the onset: it says again what it said last.
    """
    waiting: deque[tuple[float, float]] = deque()
    said: list[float] = [0.0]

    def say(stamp_s: float, value: float) -> Spoken:
        waiting.append((stamp_s, value))
        late_s = delay_s if stamp_s >= onset_s else 0.0
        newest: tuple[float, float] | None = None
        while waiting and waiting[0][0] <= stamp_s - late_s + 1e-6:
            newest = waiting.popleft()
        if newest is not None:
            said[0] = newest[1]
        if honest:
            return [newest] if newest is not None else []
        return [(stamp_s, said[0])]

    return say


def noise(onset_s: float, stddev_m: float, seed: int) -> Fault:
    """From the onset on the readings are noisy."""
    generator = np.random.default_rng([seed, 9])

    def say(stamp_s: float, value: float) -> Spoken:
        extra = stddev_m * float(generator.standard_normal()) if stamp_s >= onset_s else 0.0
        return [(stamp_s, max(0.0, value + extra))]

    return say


def slow(onset_s: float, every: int) -> Fault:
    """From the onset on only each n-th reading comes."""
    count = [0]

    def say(stamp_s: float, value: float) -> Spoken:
        count[0] += stamp_s >= onset_s
        return [] if stamp_s >= onset_s and count[0] % every else [(stamp_s, value)]

    return say


def scaled(onset_s: float, factor: float) -> Fault:
    """From the onset on in another unit."""

    def say(stamp_s: float, value: float) -> Spoken:
        return [(stamp_s, value * (factor if stamp_s >= onset_s else 1.0))]

    return say


MAKERS: dict[str, Callable[[float, int], Fault]] = {
    "drift 0.05 m/s": lambda onset_s, seed: drift(onset_s, 0.05),
    "drift 0.02 m/s": lambda onset_s, seed: drift(onset_s, 0.02),
    "stuck": lambda onset_s, seed: stuck(onset_s),
    "delay 0.5 s, restamped": lambda onset_s, seed: delay(onset_s, 0.5, honest=False),
    "delay 0.5 s, honest": lambda onset_s, seed: delay(onset_s, 0.5, honest=True),
    "noise 5 cm": lambda onset_s, seed: noise(onset_s, 0.05, seed),
    "noise 2 cm": lambda onset_s, seed: noise(onset_s, 0.02, seed),
}
"""Name -> fault with its onset and a seed."""
