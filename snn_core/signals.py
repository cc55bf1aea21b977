"""Plain values that layers and nodes exchange, and the names that judgements of them go by."""

from dataclasses import dataclass, field
from enum import Enum, IntEnum

NEWTONS_PER_COMMAND = 0.0232  # of a tenth of full thrust, and newton metres of a moment; nodes may be told another


class Verdict(str, Enum):
    """What became of one message; everything but `OK` is refused, counted and shown under this name."""

    OK = "ok"
    NO_STAMP = "no_stamp"
    STALE = "stale"
    FUTURE = "future"
    DUPLICATE = "duplicate"
    OUT_OF_ORDER = "out_of_order"
    NON_FINITE = "non_finite"
    NO_RETURN = "no_return"  # REP-117: +Inf, nothing within the sensor's reach
    TOO_CLOSE = "too_close"  # REP-117: -Inf, something nearer than the sensor can measure
    NEGATIVE = "negative"
    OUT_OF_RANGE = "out_of_range"
    BAD_LIMITS = "bad_limits"
    JUMP = "jump"
    WRONG_FRAME = "wrong_frame"


@dataclass(frozen=True)
class AltitudeReading:
    """A measured height with the limits that its sensor states."""

    height_m: float
    stamp_s: float
    min_m: float = 0.0
    max_m: float = float("inf")


@dataclass(frozen=True)
class Command:
    """A vertical command, -10 to 10 tenths of the drivetrain's range, and when it was computed."""

    value: float
    stamp_s: float


@dataclass(frozen=True)
class Drive:
    """Commands along the ground, -10 to 10 tenths of the drivetrain's range, and when they were computed."""

    ahead: float
    turn: float  # to the left
    stamp_s: float


class Level(IntEnum):
    """Severity, numbered as in diagnostic_msgs."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


@dataclass(frozen=True)
class Health:
    """What a part reports about itself: one line and exact counters."""

    level: Level
    message: str
    values: dict[str, float | int | str] = field(default_factory=dict)


def health(complaints: list[tuple[Level, str]], values: dict[str, float | int | str], fine: str = "ok") -> Health:
    """A report as severe as its worst complaint, worst first."""
    ordered = sorted(complaints, key=lambda complaint: -complaint[0])
    level = ordered[0][0] if ordered else Level.OK
    return Health(level, "; ".join(text for _, text in ordered) or fine, values)
