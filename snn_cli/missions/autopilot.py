"""The robot's head: sensors in, commands out; perception and control composed as they are on the robot.

It sees what sensors report and nothing else: no true pose comes in here. What is sensed, and who holds the height,
is the coordinator's decision.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sim_worlds.robot import Senses
from sim_worlds.robot_config import RobotConfig
from snn_cli.missions.mission_streams import GROUND, mission_streams
from snn_cli.missions.scoring import SensorUse, sensor_use
from snn_control.altitude_loop import LoopConfig
from snn_control.coordination.contracts import Contracts
from snn_control.coordination.coordination_config import CoordinationConfig
from snn_control.coordination.journal import Event
from snn_control.coordination.ladder import Rung
from snn_control.coordination.lifecycle import NodeState
from snn_control.coordination.snapshot import NodeReport, Sample
from snn_control.coordination.streams import CLIMB, HEADING, HEIGHT, MOTION, TURNING
from snn_control.drive_control import pid_drive, spiking_drive
from snn_control.flight_deck import FlightDeck
from snn_control.station_keeper import StationConfig
from snn_core.config import Config
from snn_core.signals import AltitudeReading, Level
from snn_perception.events.batch import EventBatch, make_batch
from snn_perception.motion.ground_odometer import GroundOdometer, GroundOdometerConfig, GroundVelocity
from snn_perception.motion.ground_tracker import GroundState, GroundTracker, GroundTrackerConfig
from snn_perception.motion.motion_model import load_motion_model

Array = NDArray[np.float64]
HIGHEST_M = 100.0
DIVERGENCE_S = 0.5  # over which it is smoothed before it may call for more sensing


class PilotConfig(Config):
    """How the robot flies and how it measures its own motion."""

    height_m: float = Field(1.6, ge=0.3, le=100, description="height to fly at (m)")
    networks: bool = Field(False, description="spiking networks for heading and speed too, not PIDs")
    adapt: bool = Field(True, description="sense what the coordinator asks for; false = at fixed, nominal rates")
    odometer: GroundOdometerConfig = Field(GroundOdometerConfig(), description="velocity over ground, from events")
    tracker: GroundTrackerConfig = Field(GroundTrackerConfig(), description="position over ground at a crawl")
    station: StationConfig = Field(StationConfig(), description="how a station is kept")


class Autopilot:
    """Three controllers, one per axis, on what the robot measures: height, heading, speed.

    In each period `sense` takes in the senses, whatever else looks asks `due`, tells what it found by `heard` and about
    itself by `report`, and `command` decides.
    """

    def __init__(self, robot: RobotConfig, config: PilotConfig, streams: Contracts | None = None) -> None:
        self.robot, self.config = robot, config
        self.streams = streams or mission_streams(GROUND)
        periods_s = dict.fromkeys((name for name, c in self.streams.items() if c.role), robot.dt_s)
        self.deck = FlightDeck(
            self.streams, CoordinationConfig(adapt=config.adapt), periods_s, LoopConfig(target_max_m=HIGHEST_M)
        )
        self.heading, self.speed = spiking_drive(robot.dt_s) if config.networks else pid_drive(robot.dt_s)
        self.size = robot.event_width, robot.event_height
        focal_px = 0.5 * robot.event_width / math.tan(0.5 * robot.event_fov_rad)
        self.odometer = GroundOdometer(self.size, focal_px, load_motion_model("default"), config.odometer)
        self.tracker = GroundTracker(self.size, focal_px, config.tracker, robot.event_pitch_rad)
        self.height_m, self.heading_rad = config.height_m, 0.0
        self.turned_rad = 0.0
        self.gyro_rad, self.turning_radps = 0.0, 0.0  # the gyro added up; how fast it turns, by event motion
        self.gyro_known = self.gyro_lost = False
        self.velocity: GroundVelocity | None = None
        self.decided: Sequence[Event] = ()  # by the coordinator in the newest period
        self.measured_s = 0.0  # when the velocity was
        self.divergence = 0.0  # of the ground, smoothed (1/s)
        self.now_s = 0.0
        self._samples: list[Sample] = []
        self._reports: list[NodeReport] = []
        self._readings: list[AltitudeReading] = []

    def sense(self, senses: Senses) -> GroundVelocity | None:
        """Take in a period's senses; the velocity that they tell, or the one before where none was asked for."""
        self.now_s, self._samples, self._reports, self._readings = senses.time_s, [], [], []
        if self.due(HEIGHT) and not math.isnan(senses.range_m):
            self._readings = [AltitudeReading(senses.range_m, self.now_s, 0.0, self.robot.lidar_max_m)]
            self.heard(HEIGHT, senses.range_m)
            self.height_m = senses.range_m if math.isfinite(senses.range_m) else self.height_m
        if self.due(MOTION):
            self._measure(senses)
        else:
            self.odometer.gyro = senses.gyro_radps
        self._turn(float(senses.gyro_radps[2]) * self.robot.dt_s)
        return self.velocity

    def sense_station(self, senses: Senses) -> GroundState | None:
        """The same where it stays; where it is over ground. Events are to be sampled in every period then."""
        self.sense(senses)
        range_m = self._readings[0].height_m if self._readings else math.nan
        gyro_radps = senses.gyro_radps.copy()
        if self.gyro_lost:
            gyro_radps[2] = self.turning_radps
        told = self.tracker.track(self._batch(senses), gyro_radps, senses.accel_mps2, range_m, self.robot.dt_s)
        self.velocity = told.velocity if told is not None else None
        return told

    def _batch(self, senses: Senses) -> EventBatch:
        """The events of a period; a camera may be silent."""
        if len(senses.events.x):
            return make_batch(*senses.events, self.size)
        none = np.zeros(0, np.uint16)
        return EventBatch(none, none, np.zeros(0, np.int64), np.zeros(0, np.bool_), *self.size)

    def _turn(self, by_gyro_rad: float) -> None:
        """Heading by the gyro; where event motion contradicts it, by that, without what the gyro had made up."""
        self.gyro_rad += by_gyro_rad
        self.heard(HEADING, self.gyro_rad)
        trusted, monitor = self.trusted(HEADING), self.deck.coordinator.monitors[HEADING]
        lost = self.gyro_known and not trusted
        self.turned_rad = self.turning_radps * self.robot.dt_s if lost else by_gyro_rad
        if lost and not self.gyro_lost:
            self.turned_rad -= monitor.gap
        self.gyro_known, self.gyro_lost = self.gyro_known or trusted, lost
        self.heading_rad += self.turned_rad

    def _measure(self, senses: Senses) -> None:
        """Velocity, and what the image of the ground says of climb and turn: it grows when the robot sinks."""
        passed_s, self.measured_s = self.now_s - self.measured_s, self.now_s
        if not len(senses.events.x):
            self.velocity = None
            return
        batch = make_batch(*senses.events, self.size)
        self.velocity = self.odometer.measure(batch, senses.gyro_radps, self.height_m, passed_s)
        divergence = self.odometer.divergence_per_s
        if not math.isnan(divergence):
            self.divergence += min(1.0, passed_s / DIVERGENCE_S) * (divergence - self.divergence)
            self.heard(MOTION, self.divergence)
            self.heard(CLIMB, -divergence * self.height_m)
            self.turning_radps = -self.odometer.rotation_radps
            self.heard(TURNING, self.turning_radps)

    def due(self, stream: str) -> bool:
        """Whether a stream is to be sampled in this period."""
        return self.deck.sensing.due(stream, self.now_s)

    def heard(self, stream: str, value: float) -> None:
        """A sample of a stream."""
        self._samples.append(Sample(stream, self.now_s, value))

    @property
    def reporting(self) -> bool:
        """Whether parts of the robot tell about themselves in this period."""
        return self.deck.reporting(self.now_s)

    def report(self, part: str, values: Mapping[str, float]) -> None:
        """What a part tells about itself."""
        self._reports.append(NodeReport(part, Level.OK, NodeState.ACTIVE, values))

    def trusted(self, stream: str) -> bool:
        """Whether a stream may be flown by."""
        return self.deck.coordinator.trusts[stream].usable

    def sensor_use(self) -> SensorUse:
        """How much was sensed so far."""
        return sensor_use(self.streams, self.deck.sensing.duties())

    @property
    def helpless(self) -> bool:
        """Whether it must not go on: nobody is fit to hold the height, or the gyro that holds the heading lies."""
        nobody = self.deck.coordinator.opinion and self.deck.coordinator.ladder.rung is Rung.NEUTRAL
        return nobody or self.gyro_lost

    def command(self, senses: Senses, height_m: float, turn_rad: float, speed_mps: float) -> Array:
        """Commands (altitude, heading, speed) towards a height, a heading `turn_rad` to the left, and a speed."""
        self.decided = self.deck.decide(self.now_s, self._samples, height_m, self._reports).events
        lift = self.deck.steer(self.now_s, self._readings, height_m).value
        forward = self.velocity.forward_mps if self.velocity is not None else math.nan
        heading, speed_mps = np.array([self.heading_rad]), 0.0 if self.helpless else speed_mps
        turn = self.heading(heading + turn_rad, heading)[0]
        return np.array([lift, turn, self.speed(np.array([speed_mps]), np.array([forward]))[0]])
