"""The three axes that controllers of an airship hold: what each is, how it is sensed, what it is asked to do.

Altitude is the height of the hull's centre (m), heading the direction of the nose, counted on through full turns (rad),
speed that over ground along the hull (m/s). Each is measured with noise, in steps, sometimes late or not at all.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim_worlds.airship import AXES, AirshipParams, airship_params
from sim_worlds.course import Course, course
from sim_worlds.domain import draw_levels
from sim_worlds.weather import draw_weather
from snn_core.errors import ConfigError

Array = NDArray[np.float64]
Levels = tuple[float, float]


@dataclass(frozen=True)
class Axis:
    """One axis as a task."""

    name: str
    unit: str
    quantum: float  # step of a measurement
    noise: float  # standard deviation of a measurement
    levels: Levels  # bounds of the setpoints
    step: Levels  # sizes of a step
    trial: tuple[float, ...]  # a staircase that every controller is asked to fly
    hold_s: float


TASKS = {
    axis.name: axis
    for axis in (
        Axis("altitude", "m", 0.01, 0.002, (2.4, 4.4), (0.3, 1.0), (2.5, 3.5, 2.5, 3.0, 2.5), 40.0),
        Axis("heading", "rad", 0.001, 0.01, (-3.0, 3.0), (0.4, 2.0), (0.0, 1.57, 0.0, -0.78, 0.0), 40.0),
        Axis("speed", "m/s", 0.01, 0.02, (0.3, 1.1), (0.2, 0.4), (0.4, 0.8, 0.4, 1.0, 0.6), 40.0),
    )
}
HOLDS = 3  # of a random course

# Ranges from which each world's physics and noise are drawn, uniformly; noise is a factor on the axis' own.
RANGES: dict[str, Levels] = {
    "thrust_gain": (0.7, 1.3), "dead_time_s": (0.1, 0.45), "drag": (0.7, 1.4), "fins": (0.5, 1.5),
    "servo_s": (0.1, 0.4), "buoyancy_mps2": (-0.06, 0.06), "twist_nm": (-0.004, 0.004), "draft_std_mps": (0.0, 0.06),
}  # fmt: skip
NOISE, JITTER_S = (0.5, 2.0), (0.0, 0.1)


class AxisDomain(NamedTuple):
    """A batch of worlds in which one axis is scored: what they are, sense, ask for and meet."""

    axis: int  # index in AXES
    params: AirshipParams
    senses: Array  # (axis, 4, world): step, noise, share of lost samples, age of a sample (s)
    course: Course  # of the scored axis
    setpoint: Array  # (time, axis, world)
    weather: (
        Array  # (time, 12, world): three weathers, see `sim_worlds.weather`; their gusts blow upward, left, forward
    )


def find_axis(name: str) -> Axis:
    """The axis of that name, or a ConfigError that lists the names."""
    if name not in TASKS:
        raise ConfigError(f"unknown axis '{name}': expected one of {', '.join(TASKS)}")
    return TASKS[name]


def senses_of(count: int, noise: float | Array = 1.0, jitter_s: float | Array = 0.0) -> Array:
    """Error models of the three sensors in `count` worlds, (axis, 4, world)."""
    zero, factor = np.zeros(count), np.broadcast_to(np.asarray(noise, float), count)
    late = np.broadcast_to(np.asarray(jitter_s, float), count)
    return np.array([[zero + TASKS[name].quantum, TASKS[name].noise * factor, zero, late] for name in AXES])


def draw_axis_domain(axis: str, count: int, generator: np.random.Generator, dt_s: float) -> AxisDomain:
    """`count` random blimps, each with a random course of one axis; the other two hold a random value."""
    task, own = find_axis(axis), AXES.index(axis)
    drawn: dict[str, Any] = {name: generator.uniform(low, high, count) for name, (low, high) in RANGES.items()}
    senses = senses_of(count, generator.uniform(*NOISE, count), generator.uniform(*JITTER_S, count))
    flight = course(draw_levels(HOLDS, count, generator, task.levels, task.step), task.hold_s, dt_s)
    held = np.array([generator.uniform(*TASKS[name].levels, count) for name in AXES])
    return AxisDomain(own, airship_params(count, **drawn), senses, *_asked(flight, own, held, generator))


def trial_domain(axis: str, params: AirshipParams, generator: np.random.Generator, dt_s: float) -> AxisDomain:
    """The axis' own trial in given worlds; the others hold 2.5 m, straight ahead, 0.4 m/s."""
    task, own, count = find_axis(axis), AXES.index(axis), len(params.lag_s)
    flight = course(np.tile(np.reshape(task.trial, (-1, 1)), count), task.hold_s, dt_s)
    held = np.array([np.full(count, TASKS[name].trial[0]) for name in AXES])
    return AxisDomain(own, params, senses_of(count), *_asked(flight, own, held, generator))


def _asked(flight: Course, own: int, held: Array, generator: np.random.Generator) -> tuple[Course, Array, Array]:
    """Course, setpoints of all axes, weather."""
    steps, count = flight.setpoint_m.shape
    setpoint = np.tile(held, (steps, 1, 1))
    setpoint[:, own] = flight.setpoint_m
    weather = np.concatenate([draw_weather(steps, count, generator) for _ in AXES], axis=1)
    return flight, setpoint, weather
