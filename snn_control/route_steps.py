"""What a route loop is told, what it decides each period, and what state it is in."""

from enum import Enum
from typing import NamedTuple

from snn_core.signals import Drive


class RouteState(str, Enum):
    """What the robot does with its route."""

    IDLE = "idle"
    TEACHING = "teaching"
    FOLLOWING = "following"
    ARRIVED = "arrived"
    LOST = "lost"


class RoutePose(NamedTuple):
    """Where the robot believes to be, relative to the route."""

    along_m: float
    left_m: float
    heading_rad: float  # to the left of the taught one
    forward_mps: float  # NaN where not measured


class RouteStep(NamedTuple):
    """What one step decided."""

    stamp_s: float
    drives: dict[str, Drive]  # by owner; none: somebody else flies, or nobody
    place_due: bool = False  # a place is to be taught here


class Seen(NamedTuple):
    """An observation that waits for a step; the turn is NaN where a place was recognised."""

    stamp_s: float
    along_m: float
    turn_rad: float


class Measured(NamedTuple):
    """A velocity, and how long it held."""

    forward_mps: float
    left_mps: float
    lasted_s: float


def mean_velocity(measured: list[Measured]) -> tuple[float, float] | None:
    """Mean over time; none of none."""
    total_s = sum(m.lasted_s for m in measured)
    if not total_s:
        return None
    forward, left = (sum(m[axis] * m.lasted_s for m in measured) / total_s for axis in (0, 1))
    return forward, left
