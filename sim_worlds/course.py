"""What a batch of flights is asked to do, and when what of it is scored."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn_core.metrics import OSCILLATION_S, OVERSHOOT_WINDOW_S, STEADY_S

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Course(NamedTuple):
    """A staircase for each world; all step at the same times, so that one clock tells what counts."""

    setpoint_m: Array  # (time, world)
    opens: Flags  # (time,) first step of a hold, but not of the first hold
    beyond: Flags  # (time,) within the window after a step in which overshoot counts
    swings: Flags  # (time,) at the end of a hold, where oscillation counts
    steady: Flags  # (time,) the last seconds of a hold, where the steady-state error counts
    closes: Flags  # (time,) last step of a hold


def course(levels_m: Array, hold_s: float, dt_s: float) -> Course:
    """Hold each level, (hold, world) metres, for the same time."""
    levels_m = np.atleast_2d(levels_m)
    hold = round(hold_s / dt_s)
    since = np.tile(np.arange(hold), len(levels_m))
    later = np.arange(len(since)) >= hold
    return Course(
        np.repeat(levels_m, hold, axis=0),
        (since == 0) & later,
        (since < round(OVERSHOOT_WINDOW_S / dt_s)) & later,
        since >= hold - round(OSCILLATION_S / dt_s),
        since >= hold - round(STEADY_S / dt_s),
        since == hold - 1,
    )
