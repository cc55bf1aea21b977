"""The robot's head: sensors in, commands out; perception and control composed as they are on the robot.

It sees what sensors report and nothing else: no true pose comes in here.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sim_worlds.robot import Senses
from sim_worlds.robot_config import RobotConfig
from snn_cli.controllers import controller_named
from snn_control.pid import Pid, PidConfig
from snn_control.spiking_pid import SpikingPid
from snn_core.config import Config
from snn_perception.events.batch import make_batch
from snn_perception.motion.motion_estimator import MotionConfig, MotionEstimator, centre_px, moved_to
from snn_perception.motion.motion_model import load_motion_model

Array = NDArray[np.float64]
HEADING_PID = PidConfig(
    kp=10, ki=0.5, kd=12, integral_limit=5, integrate_within_m=1.0, derivative_filter_s=0.1
)  # fmt: skip
FASTEST_MPS = 4.0  # what is faster is an error
SLOW_MPS = 0.3  # below which the ground makes so few events that windows may tell nothing
SPEED_PID = PidConfig(kp=8, ki=2.5, kd=0, integral_limit=9, integrate_within_m=1.0)


class PilotConfig(Config):
    """How the robot flies and how it measures its own motion."""

    height_m: float = Field(1.6, ge=0.3, le=100, description="height to fly at (m)")
    flow_smoothing_s: float = Field(0.3, ge=0, le=10, description="time constant of the measured velocity (s)")
    networks: bool = Field(False, description="spiking networks for heading and speed too, not PIDs")
    motion: MotionConfig = Field(MotionConfig.model_construct(budget=300, align=7000), description="event motion")


class Velocity(NamedTuple):
    """Motion of the robot over ground, in its own axes."""

    forward_mps: float
    left_mps: float


class Odometer:
    """Velocity over ground from events that look down, the height, and the gyro that says how the camera tilted.

    v = -y' h / f + q h forward, x' h / f - p h to the left: flow of the ground, less what pitch and roll rates bring.
    Flow slower than the slowest neurons of the layer is believed too, where it is sure. Where events come but tell
    nothing sure, as they do from a robot that hardly moves, a low velocity stays as it was.
    """

    def __init__(self, robot: RobotConfig, pilot: PilotConfig) -> None:
        self.robot, self.pilot = robot, pilot
        size = robot.event_width, robot.event_height
        self.estimator = MotionEstimator(*size, load_motion_model("default"), pilot.motion)
        self.focal_px = 0.5 * robot.event_width / math.tan(0.5 * robot.event_fov_rad)
        self.velocity: Velocity | None = None
        self.gyro: Array = np.zeros(3)

    def measure(self, senses: Senses, height_m: float) -> Velocity | None:
        """Smoothed velocity, or none where the events of the period do not tell."""
        if len(senses.events.x) < self.pilot.motion.min_events:
            self.gyro = senses.gyro_radps
            return None
        flow = self._flow_px_s(senses)
        tilted = 0.5 * (self.gyro + senses.gyro_radps)  # over the period
        self.gyro = senses.gyro_radps
        before = self.velocity or Velocity(0.0, 0.0)
        if flow is None:
            return before if math.hypot(*before) < SLOW_MPS else None
        scale = height_m / self.focal_px
        forward, left = -flow[1] * scale + tilted[1] * height_m, flow[0] * scale - tilted[0] * height_m
        if max(abs(forward), abs(left)) > FASTEST_MPS:
            return None
        keep = self.pilot.flow_smoothing_s / (self.pilot.flow_smoothing_s + self.robot.dt_s)
        self.velocity = Velocity(*(keep * b + (1.0 - keep) * n for b, n in zip(before, (forward, left), strict=True)))
        return self.velocity

    def _flow_px_s(self, senses: Senses) -> tuple[float, float] | None:
        """Flow right and up where the events of the period are, where it is sure."""
        batch = make_batch(*senses.events, (self.robot.event_width, self.robot.event_height))
        judged = self.estimator.judge(batch)
        if judged is None or self.estimator.confidence(judged) < self.pilot.motion.min_confidence:
            return None
        vx, vy, *_ = (moved_to(centre_px(batch)) @ judged.motion).tolist()
        return vx, vy


class Autopilot:
    """Three controllers, one per axis, on what the robot measures: height, heading, speed."""

    def __init__(self, robot: RobotConfig, config: PilotConfig) -> None:
        self.robot, self.config = robot, config
        self.altitude = controller_named("default", robot.dt_s, 1)[1]
        self.heading, self.speed = _heading_and_speed(robot.dt_s, config.networks)
        self.odometer = Odometer(robot, config)
        self.height_m, self.heading_rad = config.height_m, 0.0
        self.turned_rad = 0.0
        self.velocity: Velocity | None = None

    def sense(self, senses: Senses) -> Velocity | None:
        """Take in a period's senses; the velocity that they tell."""
        if math.isfinite(senses.range_m):
            self.height_m = senses.range_m
        self.turned_rad = float(senses.gyro_radps[2]) * self.robot.dt_s
        self.heading_rad += self.turned_rad
        self.velocity = self.odometer.measure(senses, self.height_m)
        return self.velocity

    def command(self, senses: Senses, height_m: float, turn_rad: float, speed_mps: float) -> Array:
        """Commands (altitude, heading, speed) towards a height, a heading `turn_rad` to the left, and a speed."""
        seen = np.array([senses.range_m if math.isfinite(senses.range_m) else math.nan])
        forward = self.velocity.forward_mps if self.velocity is not None else math.nan
        heading = np.array([self.heading_rad])
        return np.array(
            [
                self.altitude(np.array([height_m]), seen)[0],
                self.heading(heading + turn_rad, heading)[0],
                self.speed(np.array([speed_mps]), np.array([forward]))[0],
            ]
        )


def _heading_and_speed(dt_s: float, networks: bool) -> tuple[Pid | SpikingPid, Pid | SpikingPid]:
    if not networks:
        return Pid(HEADING_PID, dt_s), Pid(SPEED_PID, dt_s)
    return controller_named("default", dt_s, 1, "heading")[1], controller_named("default", dt_s, 1, "speed")[1]
