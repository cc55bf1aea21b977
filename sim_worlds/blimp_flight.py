"""One blimp in flight: physics, lidar and motor driver together, stepped by whoever keeps the time."""

import math
from collections import Counter
from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from sim_worlds.blimp import SUBSTEP_S, blimp_at, blimp_params, blimp_step
from sim_worlds.driver import MotorDriver
from sim_worlds.lidar import LidarParams, measure
from sim_worlds.trials import find_trial
from sim_worlds.weather import draw_sample
from snn_core.config import Config
from snn_core.signals import Command, Health, Level, Verdict, health

START_S = 1.0  # ROS reads a time of zero as "no time yet"


class FlightConfig(Config):
    """A world, its sensor, and what it is asked to do."""

    world: Literal["tudelft_2021", "tudelft_2023"] = Field("tudelft_2023", description="identified blimp")
    trial: Literal["", "steps", "step", "hover"] = Field("", description="staircase of targets, empty = none")
    buoyancy_mps2: float = Field(0.0, ge=-1, le=1, description="buoyancy, negative = heavy (m/s^2)")
    seed: int = Field(1, ge=0, le=2**31 - 1, description="seed of drafts and sensor noise")
    start_height_m: float = Field(0.5, ge=0, le=100, description="height at the start where no trial sets it (m)")
    dt_s: float = Field(0.1, ge=0.01, le=1, description="time between two readings (s)")
    driver_timeout_s: float = Field(0.2, ge=0.01, le=10, description="age of a command that stops the motors (s)")
    lidar_noise_m: float = Field(0.002, ge=0, le=10, description="standard deviation of a reading (m)")
    lidar_quantum_m: float = Field(0.01, ge=0, le=10, description="step of the readings (m)")
    lidar_dropout: float = Field(0.0, ge=0, le=1, description="share of readings that never arrive")
    lidar_jitter_s: float = Field(0.0, ge=0, le=1, description="age that a reading may have when it arrives (s)")
    lidar_max_m: float = Field(12.0, gt=0, le=1000, description="farthest that the sensor sees (m)")


class FlightStep(NamedTuple):
    """One period of a flight: what held at its beginning, and the command that was flown in it."""

    time_s: float
    target_m: float
    height_m: float
    command: float


class BlimpFlight:
    """A flight that can start over; the same seed flies the same flight. Its time never runs backwards."""

    def __init__(self, config: FlightConfig) -> None:
        self.config = config
        self.driver = MotorDriver(config.driver_timeout_s)
        self.lidar = LidarParams(
            config.lidar_quantum_m, config.lidar_noise_m, config.lidar_dropout, config.lidar_jitter_s
        )
        self.params = blimp_params(config.world, buoyancy_mps2=config.buoyancy_mps2)
        self.ticks = 0
        self.counts: Counter[Verdict] = Counter()
        self.targets_m = find_trial(config.trial).setpoint_series(config.dt_s) if config.trial else np.empty(0)
        blimp_step(blimp_at(0.0), self.params, np.zeros(1), np.zeros(1), SUBSTEP_S)  # compiles it before time counts
        self.reset()

    def reset(self) -> None:
        """At rest at the starting height, motors off, the trial from its beginning."""
        self.driver.reset()
        self.generator = np.random.default_rng(self.config.seed)
        self.state = blimp_at(float(self.targets_m[0]) if len(self.targets_m) else self.config.start_height_m)
        self.steps = 0

    @property
    def now_s(self) -> float:
        """Simulated time."""
        return START_S + self.ticks * self.config.dt_s

    @property
    def height_m(self) -> float:
        """True height of the blimp."""
        return float(self.state.height_m[0])

    @property
    def climb_mps(self) -> float:
        """True vertical speed, up positive."""
        return float(self.state.climb_mps[0])

    @property
    def target_m(self) -> float:
        """What the trial asks for now, after its end what it asked for last; NaN without a trial."""
        return float(self.targets_m[min(self.steps, len(self.targets_m) - 1)]) if len(self.targets_m) else math.nan

    @property
    def finished(self) -> bool:
        """Whether the trial has been flown to its end."""
        return 0 < len(self.targets_m) <= self.steps

    def sense(self) -> float:
        """A reading of the lidar in metres: NaN where it was lost, +Inf beyond its reach."""
        sample = draw_sample(1, self.generator)
        seen = float(measure(self.state.height_m, self.state.climb_mps, self.lidar, sample)[0])
        return math.inf if seen > self.config.lidar_max_m else seen

    def offer(self, command: Command) -> bool:
        """Give the motor driver a command; whether it was computed for this instant, so that the flight may go on."""
        verdict = self.driver.offer(command, self.now_s)
        self.counts[verdict] += 1
        return verdict is Verdict.OK and command.stamp_s > self.now_s - 0.5 * SUBSTEP_S

    def advance(self) -> FlightStep:
        """Fly one period; the motors stop within it if the command runs out within it."""
        dt_s = self.config.dt_s
        driven_s = min(dt_s, round(self.driver.remaining_s(self.now_s) / SUBSTEP_S) * SUBSTEP_S)
        step = FlightStep(self.now_s, self.target_m, self.height_m, self.driver.value() if driven_s > 0.0 else 0.0)
        for command, duration_s in ((step.command, driven_s), (0.0, dt_s - driven_s)):
            if duration_s > 0.5 * SUBSTEP_S:
                blimp_step(self.state, self.params, np.array([command]), self.generator.standard_normal(1), duration_s)
        self.steps += 1
        self.ticks += 1
        return step

    def health(self, extra: dict[str, int]) -> Health:
        """State of the flight and of the motor driver; `extra` values are passed on."""
        off = self.driver.remaining_s(self.now_s) <= 0.0
        complaints = [(Level.WARN, "motors off, no command that is young enough")] if off else []
        values: dict[str, float | int | str] = {f"command_{verdict.value}": n for verdict, n in self.counts.items()}
        values |= {**extra, "time_s": self.now_s, "height_m": self.height_m, "climb_mps": self.climb_mps}
        return health(complaints, values, "flying")
