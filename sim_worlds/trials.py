"""Trials: what a flight is asked to do, as data."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snn_core.errors import ConfigError


@dataclass(frozen=True)
class Trial:
    """A staircase of height setpoints, each held for the same time; the flight starts at the first one."""

    name: str
    setpoints_m: tuple[float, ...]
    hold_s: float

    def setpoint_series(self, dt_s: float) -> NDArray[np.float64]:
        """Setpoint at every control step, (time,) metres."""
        return np.repeat(np.asarray(self.setpoints_m), round(self.hold_s / dt_s))


TRIALS = {
    trial.name: trial
    for trial in (
        Trial("steps", (0.5, 1.5, 0.5, 1.0, 0.5), 70.0),
        Trial("step", (0.5, 1.5), 70.0),
        Trial("hover", (1.0,), 140.0),
    )
}


def find_trial(name: str) -> Trial:
    """The trial of that name, or a ConfigError that lists the names."""
    if name not in TRIALS:
        raise ConfigError(f"unknown trial '{name}': expected one of {', '.join(TRIALS)}")
    return TRIALS[name]
