"""What the robot is doing, in the few numbers that decide how much it must sense."""

from collections.abc import Mapping
from typing import NamedTuple

from pydantic import Field

from snn_control.coordination.contracts import Phase
from snn_core.config import Config

SETTLE_S = 2.0
ON_THE_WAY = 0.3  # demand of a robot that has a way to go, however calm


class SituationConfig(Config):
    """What counts as being there, and what as moving."""

    arrive_m: float = Field(0.08, gt=0, le=100, description="error below which a target is reached (m)")
    depart_m: float = Field(0.15, gt=0, le=100, description="error above which the way to it begins anew (m)")
    error_full_m: float = Field(0.5, gt=0, le=100, description="error that demands every sample (m)")
    climb_full_mps: float = Field(0.4, gt=0, le=100, description="climb that demands every sample (m/s)")
    divergence_full: float = Field(0.3, gt=0, le=100, description="divergence that demands every sample (1/s)")
    off_course_full_m: float = Field(0.8, gt=0, le=100, description="offset from a route that demands every sample (m)")
    doubt_full_m: float = Field(0.8, gt=0, le=100, description="doubt of that offset that demands every sample (m)")
    mismatch_free: float = Field(0.4, ge=0, le=1, description="mismatch of images up to which they match well")
    mismatch_full: float = Field(0.8, gt=0, le=1, description="mismatch of images that demands every sample")
    bend_full_rad: float = Field(0.5, gt=0, le=10, description="bend ahead that demands every sample (rad)")


class Course(NamedTuple):
    """What the follower of a route tells about itself; zeros where there is none."""

    off_m: float = 0.0  # distance from the route
    doubt_m: float = 0.0  # standard deviation of that distance
    bend_rad: float = 0.0  # by which the route turns within the look-ahead
    place_doubt: float = 0.0  # 0 to 1: how near it is to giving up where along the route it believes to be
    mismatch: float = 0.0  # 0 to 1: how badly what is seen matches what was taught


def read_course(values: Mapping[str, float]) -> Course:
    """The course that a report tells; what is missing or not a number is 0."""
    return Course(*(max(0.0, values.get(f"course_{name}", 0.0)) for name in Course._fields))


class Situation(NamedTuple):
    """The state of the mission now; NaN-free: what is not known is 0, a confidence 1."""

    phase: Phase = Phase.IDLE
    error_m: float = 0.0
    climb_mps: float = 0.0
    divergence: float = 0.0
    place_confidence: float = 1.0
    calm_s: float = 0.0  # how long the error has been small
    course: Course = Course()


def next_phase(before: Situation, error_m: float | None, dt_s: float, config: SituationConfig) -> tuple[Phase, float]:
    """The phase, and how long the error has been small. Where the error is not known the phase stays."""
    if error_m is None:
        return before.phase, 0.0
    calm_s = before.calm_s + dt_s if abs(error_m) < config.arrive_m else 0.0
    if abs(error_m) > config.depart_m:
        return Phase.TRANSIT, 0.0
    if before.phase is Phase.HOLD or calm_s >= SETTLE_S:
        return Phase.HOLD, calm_s
    return Phase.TRANSIT, calm_s


def height_demand(now: Situation, config: SituationConfig) -> float:
    """How much the height must be sensed, 0 to 1: far from the target, or moving towards or past it."""
    wanted = max(abs(now.error_m) / config.error_full_m, abs(now.climb_mps) / config.climb_full_mps)
    return min(1.0, max(wanted, ON_THE_WAY if now.phase is Phase.TRANSIT else 0.0))


def course_demand(now: Situation, config: SituationConfig) -> float:
    """How much the way along a route must be sensed: beside it, unsure of that, before a bend, or hardly recognised."""
    off_m, doubt_m, bend_rad, _, mismatch = now.course
    mismatched = (mismatch - config.mismatch_free) / max(config.mismatch_full - config.mismatch_free, 1e-9)
    full = max(off_m / config.off_course_full_m, doubt_m / config.doubt_full_m, bend_rad / config.bend_full_rad)
    return min(1.0, max(full, mismatched))


def place_demand(now: Situation, config: SituationConfig) -> float:
    """How much the place must be sensed: unsure, or on the way, or moving."""
    moving = min(1.0, abs(now.climb_mps) / config.climb_full_mps)
    doubt = max(1.0 - now.place_confidence, min(1.0, now.course.place_doubt), course_demand(now, config))
    return max(doubt, 0.5 * moving, ON_THE_WAY if now.phase is Phase.TRANSIT else 0.0)


def motion_demand(now: Situation, config: SituationConfig) -> float:
    """How much the image motion must be sensed: something comes nearer, or the robot moves, or must keep to a route."""
    nearing = min(1.0, abs(now.divergence) / config.divergence_full)
    moving = min(1.0, abs(now.climb_mps) / config.climb_full_mps)
    return max(nearing, moving, course_demand(now, config), ON_THE_WAY if now.phase is Phase.TRANSIT else 0.0)


def idle_demand(now: Situation, config: SituationConfig) -> float:
    """A stream without a role is always wanted whole."""
    return 1.0


DEMANDS = {
    "height": height_demand, "place": place_demand, "motion": motion_demand, "course": course_demand, "": idle_demand,
}  # fmt: skip
