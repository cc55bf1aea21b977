"""The robot's head: sensors in, commands out; perception and control composed as they are on the robot.

It sees what sensors report and nothing else: no true pose comes in here.
"""

import math

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sim_worlds.robot import Senses
from sim_worlds.robot_config import RobotConfig
from snn_cli.controllers import controller_named
from snn_control.drive_control import pid_drive, spiking_drive
from snn_control.station_keeper import StationConfig
from snn_core.config import Config
from snn_perception.events.batch import EventBatch, make_batch
from snn_perception.motion.ground_odometer import GroundOdometer, GroundOdometerConfig, GroundVelocity
from snn_perception.motion.ground_tracker import GroundState, GroundTracker, GroundTrackerConfig
from snn_perception.motion.motion_model import load_motion_model

Array = NDArray[np.float64]


class PilotConfig(Config):
    """How the robot flies and how it measures its own motion."""

    height_m: float = Field(1.6, ge=0.3, le=100, description="height to fly at (m)")
    networks: bool = Field(False, description="spiking networks for heading and speed too, not PIDs")
    odometer: GroundOdometerConfig = Field(GroundOdometerConfig(), description="velocity over ground, from events")
    tracker: GroundTrackerConfig = Field(GroundTrackerConfig(), description="position over ground at a crawl")
    station: StationConfig = Field(StationConfig(), description="how a station is kept")


class Autopilot:
    """Three controllers, one per axis, on what the robot measures: height, heading, speed."""

    def __init__(self, robot: RobotConfig, config: PilotConfig) -> None:
        self.robot, self.config = robot, config
        self.altitude = controller_named("default", robot.dt_s, 1)[1]
        self.heading, self.speed = spiking_drive(robot.dt_s) if config.networks else pid_drive(robot.dt_s)
        self.size = robot.event_width, robot.event_height
        focal_px = 0.5 * robot.event_width / math.tan(0.5 * robot.event_fov_rad)
        self.odometer = GroundOdometer(self.size, focal_px, load_motion_model("default"), config.odometer)
        self.tracker = GroundTracker(self.size, focal_px, config.tracker, robot.event_pitch_rad)
        self.height_m, self.heading_rad = config.height_m, 0.0
        self.turned_rad = 0.0
        self.velocity: GroundVelocity | None = None

    def sense(self, senses: Senses) -> GroundVelocity | None:
        """Take in a period's senses on a way; the velocity that they tell."""
        self._feel(senses)
        self.velocity = self.odometer.measure(self._batch(senses), senses.gyro_radps, self.height_m, self.robot.dt_s)
        return self.velocity

    def sense_station(self, senses: Senses) -> GroundState | None:
        """Take in a period's senses where it stays; where it is over ground."""
        self._feel(senses)
        told = self.tracker.track(
            self._batch(senses), senses.gyro_radps, senses.accel_mps2, senses.range_m, self.robot.dt_s
        )
        self.velocity = told.velocity if told is not None else None
        return told

    def _batch(self, senses: Senses) -> EventBatch:
        """The events of a period; a camera may be silent."""
        if len(senses.events.x):
            return make_batch(*senses.events, self.size)
        none = np.zeros(0, np.uint16)
        return EventBatch(none, none, np.zeros(0, np.int64), np.zeros(0, np.bool_), *self.size)

    def _feel(self, senses: Senses) -> None:
        if math.isfinite(senses.range_m):
            self.height_m = senses.range_m
        self.turned_rad = float(senses.gyro_radps[2]) * self.robot.dt_s
        self.heading_rad += self.turned_rad

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
