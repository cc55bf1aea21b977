"""The axes of an airship as control tasks: who teaches the networks of each, and how its PIDs are tuned.

The PIDs of heading and speed are those of height in other units: where a setting says metres, radians or metres per
second stand for them. The teachers of heading and speed are rounded from a search in random worlds.
"""

from typing import Literal, NamedTuple

from snn_control.pid import PidConfig

AxisName = Literal["altitude", "heading", "speed"]


class Gain(NamedTuple):
    """Range of one number of a PID, and what counts as a step in it."""

    low: float
    high: float
    scale: float


class AxisControl(NamedTuple):
    """What differs between the controllers of one axis and another's."""

    teacher: PidConfig
    gains: dict[str, Gain]
    metres: float  # a unit of tracking error counts as so many metres when errors are weighed against effort
    quick_s: float  # a step this quick is quick enough: faster only overshoots


_ALTITUDE = {
    "kp": Gain(0.0, 60.0, 6.0),
    "ki": Gain(0.0, 6.0, 0.6),
    "kd": Gain(0.0, 90.0, 10.0),
    "derivative_filter_s": Gain(0.0, 1.5, 0.3),
    "integrate_within_m": Gain(0.05, 3.0, 0.4),
    "integral_limit": Gain(0.0, 10.0, 2.5),
}
CONTROLS: dict[str, AxisControl] = {
    "altitude": AxisControl(PidConfig(), _ALTITUDE, 1.0, 3.4),
    "heading": AxisControl(
        PidConfig(kp=8.0, ki=0.4, kd=8.0, derivative_filter_s=0.1, integrate_within_m=0.5, integral_limit=5.0),
        _ALTITUDE, 1.0, 2.7,
    ),
    "speed": AxisControl(
        PidConfig(kp=10.0, ki=3.0, kd=0.0, derivative_filter_s=0.3, integrate_within_m=1.0),
        {**_ALTITUDE, "ki": Gain(0.0, 20.0, 3.0), "kd": Gain(0.0, 40.0, 3.0)}, 2.0, 3.0,
    ),
}  # fmt: skip
