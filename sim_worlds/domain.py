"""Domain randomisation: worlds and courses drawn at random, as a robot's maker would meet them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim_worlds.blimp import BlimpParams
from sim_worlds.course import Course, course
from sim_worlds.lidar import LidarParams
from sim_worlds.perturbations import Condition, perturbed
from sim_worlds.weather import draw_weather

Array = NDArray[np.float64]

# Factors of `sim_worlds.perturbations` and the ranges from which each world's level is drawn, uniformly.
RANGES = {
    "buoyancy": (-0.12, 0.12),
    "thrust_gain": (0.7, 1.3),
    "dead_time": (0.0, 0.6),
    "drag": (0.7, 1.4),
    "servo": (0.1, 0.4),
    "draft": (0.0, 0.015),
    "lidar_noise": (0.0, 0.02),
    "jitter": (0.0, 0.1),
}
HOLDS, HOLD_S = 3, 40.0
STEP_M = (0.3, 1.0)
LEVELS_M = (0.4, 2.4)


class Domain(NamedTuple):
    """A batch of worlds with what each of them asks for and meets."""

    params: BlimpParams
    lidar: LidarParams
    course: Course
    weather: Array  # (time, 4, world)


def draw_conditions(count: int, generator: np.random.Generator) -> list[Condition]:
    """Random levels of every factor of RANGES, one set per world."""
    levels = {name: generator.uniform(low, high, count) for name, (low, high) in RANGES.items()}
    return [{name: float(level[w]) for name, level in levels.items()} for w in range(count)]


def draw_levels(
    holds: int, count: int, generator: np.random.Generator,
    within: tuple[float, float] = LEVELS_M, step_size: tuple[float, float] = STEP_M,
) -> Array:  # fmt: skip
    """Random staircases within bounds, (hold, world) metres; a step that would leave them turns round."""
    low, high = within
    levels = np.empty((holds, count))
    levels[0] = generator.uniform(low + 0.1 * (high - low), high - 0.2 * (high - low), count)
    for k in range(1, holds):
        step = generator.uniform(*step_size, count) * generator.choice([-1.0, 1.0], count)
        there = levels[k - 1] + step
        levels[k] = np.where((there < low) | (there > high), levels[k - 1] - step, there)
    return levels


def draw_domain(world: str, count: int, generator: np.random.Generator, dt_s: float) -> Domain:
    """`count` random relatives of a world, each with a course and weather of its own."""
    params, lidar = perturbed(world, draw_conditions(count, generator))
    flight = course(draw_levels(HOLDS, count, generator), HOLD_S, dt_s)
    return Domain(params, lidar, flight, draw_weather(len(flight.setpoint_m), count, generator))
