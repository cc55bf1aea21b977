"""Faults of a clock: what it shows while the world's time runs on evenly."""

from collections.abc import Callable

from snn_core.errors import ConfigError

ClockFault = Callable[[float, float], float]
"""(true time, time since the fault began) -> what the clock shows."""

CLOCK_FAULTS: dict[str, ClockFault] = {
    "forward": lambda true_s, since_s: true_s + 60.0,
    "backward": lambda true_s, since_s: true_s - 60.0,
    "paused": lambda true_s, since_s: true_s - since_s,
    "slow": lambda true_s, since_s: true_s - 0.9 * since_s,  # a tenth of real time
}


def right_clock(true_s: float, since_s: float) -> float:
    """The time."""
    return true_s


def clock_fault(name: str) -> ClockFault:
    """The fault of that name; ConfigError where there is none."""
    if name not in CLOCK_FAULTS:
        raise ConfigError(f"unknown clock fault '{name}': expected one of {', '.join(CLOCK_FAULTS)}")
    return CLOCK_FAULTS[name]
