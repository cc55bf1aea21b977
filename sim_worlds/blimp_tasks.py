"""Tasks for learners: batches of airships with what is asked of them, seen as numbers and paid in rewards.

Each row draws its blimp, its course and its weather from a generator of its own when its episode begins, so that a
row of many is the same flight as one alone. What the numbers of an observation are stands beside each task.
"""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from sim_worlds.airship import AXES, airship_at, airship_params
from sim_worlds.airship_flight import airship_step
from sim_worlds.axes import NOISE, RANGES, TASKS
from sim_worlds.domain import draw_levels

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
DT_S = 0.1
LIMIT = 10.0


class Outcome(NamedTuple):
    """What one step of every row comes to."""

    observation: NDArray[np.float32]  # (row, number)
    reward: Array  # (row,)
    terminated: Flags  # (row,): touched something, or arrived
    truncated: Flags  # (row,): out of time


class Task(Protocol):
    """What an environment asks of a task."""

    high: NDArray[np.float32]  # (number,) bounds of the observation, either sign
    actions: int  # of -1 to 1 each

    def begin(self, row: int, generator: np.random.Generator) -> None:
        """Start a new episode of a row."""

    def observe(self) -> NDArray[np.float32]:
        """What every row sees now."""

    def step(self, action: Array) -> Outcome:
        """0.1 s under actions (row, action)."""


class Bodies:
    """The airships of a batch, with random physics, their weather and their senses."""

    def __init__(self, rows: int, steps: int) -> None:
        self.rows, self.steps = rows, steps
        self.params = airship_params(rows)
        self.state = airship_at(np.zeros(3), count=rows)
        self.draws = np.zeros((steps + 1, 2 * len(AXES), rows))  # noise of three sensors, gusts along three axes
        self.noise = np.ones(rows)
        self.k = np.zeros(rows, int)  # steps since the episode began

    def begin(self, row: int, position_m: Array, heading_rad: float, generator: np.random.Generator) -> None:
        """A new blimp, at rest."""
        for name, (low, high) in RANGES.items():
            getattr(self.params, name)[row] = generator.uniform(low, high)
        self.noise[row] = generator.uniform(*NOISE)
        self.draws[:, :, row] = generator.standard_normal(self.draws.shape[:2])
        fresh = airship_at(position_m, heading_rad)
        for mine, new in zip(self.state, fresh, strict=True):
            mine[row] = new[0]
        self.k[row] = 0

    def measure(self) -> Array:
        """Height, heading (-pi to pi) and forward speed as the sensors tell them, (axis, row)."""
        state, rows = self.state, np.arange(self.rows)
        value = np.array([state.motion[:, 2], state.heading_rad, state.motion[:, 7]])
        tasks = [TASKS[name] for name in AXES]
        draws = self.draws[np.minimum(self.k, self.steps), : len(AXES), rows].T
        seen = value + np.array([[task.noise] for task in tasks]) * self.noise * draws
        quantum = np.array([[task.quantum] for task in tasks])
        return np.asarray(np.round(seen / quantum) * quantum)

    def fly(self, command: Array) -> None:
        """0.1 s under commands (row, axis)."""
        gust = self.draws[np.minimum(self.k, self.steps), len(AXES) :, np.arange(self.rows)]
        airship_step(self.state, self.params, np.clip(command, -LIMIT, LIMIT), np.ascontiguousarray(gust), DT_S)
        self.k += 1


class AltitudeTask:
    """Hold a height that steps twice a minute; the other motors are off.

    Observation: error to the target (m), climb from the measurements (m/s), the error summed (m s, within 3), the
    command before (-1 to 1). Action: command of the lift motors over 10. Reward per step: 1 on target, half at 10 cm,
    less a twentieth of the change of the action. An episode lasts 60 s; the floor or 6 m end it.
    """

    actions = 1
    steps, holds = 600, 3
    levels, step_size, ceiling_m, floor_m = (1.2, 3.6), (0.3, 1.0), 6.0, 0.35
    half_m, effort = 0.1, 0.05

    def __init__(self, rows: int = 1) -> None:
        self.high = np.array([6.0, 3.0, 3.0, 1.0], np.float32)
        self.bodies = Bodies(rows, self.steps)
        self.courses = np.zeros((self.holds, rows))
        self.measured_m, self.climb_mps, self.summed, self.action = np.zeros((4, rows))

    @property
    def target_m(self) -> Array:
        """What is asked for now, (row,)."""
        hold = np.minimum(self.bodies.k * self.holds // self.steps, self.holds - 1)
        return np.asarray(self.courses[hold, np.arange(self.bodies.rows)])

    @property
    def height_m(self) -> Array:
        """True height, (row,)."""
        return self.bodies.state.motion[:, 2]

    def begin(self, row: int, generator: np.random.Generator) -> None:
        self.courses[:, row] = draw_levels(self.holds, 1, generator, self.levels, self.step_size)[:, 0]
        self.bodies.begin(row, np.array([0.0, 0.0, self.courses[0, row]]), 0.0, generator)
        self.measured_m[row] = self.bodies.measure()[0, row]
        self.climb_mps[row] = self.summed[row] = self.action[row] = 0.0

    def observe(self) -> NDArray[np.float32]:
        error = self.target_m - self.measured_m
        seen = np.stack([error, self.climb_mps, self.summed, self.action], axis=1)
        return np.clip(seen, -self.high, self.high).astype(np.float32)

    def step(self, action: Array) -> Outcome:
        u = np.clip(action[:, 0], -1.0, 1.0)
        command = np.zeros((self.bodies.rows, len(AXES)))
        command[:, 0] = LIMIT * u
        self.bodies.fly(command)
        measured = self.bodies.measure()[0]
        self.climb_mps = 0.5 * self.climb_mps + 0.5 * (measured - self.measured_m) / DT_S
        self.measured_m = measured
        self.summed = np.clip(self.summed + DT_S * (self.target_m - measured), -3.0, 3.0)
        error, change = self.target_m - self.height_m, np.abs(u - self.action)
        self.action = u
        reward = 1.0 / (1.0 + (error / self.half_m) ** 2) - self.effort * change
        out = (self.height_m < self.floor_m) | (self.height_m > self.ceiling_m)
        return Outcome(self.observe(), np.where(out, -1.0, reward), out, (self.bodies.k >= self.steps) & ~out)
