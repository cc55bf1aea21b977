"""How far a loop is from failing: what counts as a failure, and the search for the level at which it begins."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn_core.metrics import OSCILLATION_S, hold_bounds

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
MOST = 0.5  # a level fails when more than this share of its seeds does
SECTIONS = 16  # levels flown at once; each round narrows the search by that much


def swing_m(error_m: Array) -> Array:
    """Half of peak to peak, over the first axis."""
    return np.ptp(error_m, axis=0) / 2.0


def stray_m(error_m: Array) -> Array:
    """Largest distance from the setpoint, over the first axis."""
    return np.abs(error_m).max(axis=0)


class Criterion(NamedTuple):
    """A failure: a measure of the error over the last 30 s of a hold, in any hold, above a limit."""

    name: str
    measure: Callable[[Array], Array]
    limit_m: float
    words: str  # what is measured

    @property
    def text(self) -> str:
        """The criterion in words."""
        limits = f"above {100.0 * self.limit_m:.0f} cm over the last {OSCILLATION_S:.0f} s of any hold"
        return f"{self.words} {limits}, in more than half of the seeds"

    def met(self, setpoint_m: Array, height_m: Array, dt_s: float) -> Flags:
        """Which worlds fail, (world,); setpoint (time,), height (time, world)."""
        error = setpoint_m[:, None] - height_m
        late = round(OSCILLATION_S / dt_s)
        holds = [self.measure(error[max(a, b - late) : b]) for a, b in hold_bounds(setpoint_m)]
        return np.max(holds, axis=0) > self.limit_m


OSCILLATION = Criterion("oscillation", swing_m, 0.25, "half of peak to peak")
INSTABILITY = Criterion("instability", stray_m, 0.50, "largest error")


def first_failure(fails: Callable[[Array], Flags], start: float, limit: float, tolerance: float) -> float:
    """The level at which failing begins, to `tolerance`, seen from `start`; inf if not up to `limit`.

    fails: (level,) -> (level,), each level on its own. Levels are tried SECTIONS at a time between the last that holds
    and the first that fails; `start` comes back where that one fails already. A band of failing levels narrower than
    (limit - start) / SECTIONS may be missed.
    """
    levels = np.linspace(start, limit, SECTIONS + 1, dtype=np.float64)
    failing = fails(levels)
    if not failing.any():
        return math.inf
    while (first := int(np.argmax(failing))) > 0 and levels[first] - levels[first - 1] > tolerance:
        levels = np.linspace(levels[first - 1], levels[first], SECTIONS + 1, dtype=np.float64)
        failing = np.array([False, *fails(levels[1:-1]), True])
    return float(levels[first])
