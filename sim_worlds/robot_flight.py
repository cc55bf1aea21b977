"""The whole robot in a scene, stepped by whoever keeps the time; what the node runs, without ROS."""

from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sim_worlds.driver import MotorDriver
from sim_worlds.robot import Robot, Senses
from sim_worlds.robot_config import RobotConfig
from sim_worlds.robot_faults import FaultConfig, FaultInjector
from sim_worlds.scene import open_scene
from sim_worlds.scene_config import load_condition, load_scene
from snn_core.event_camera import EventCameraConfig
from snn_core.signals import Command, Health, Level, Verdict, health

START_S = 1.0  # ROS reads a time of zero as "no time yet"
AXES = ("altitude", "heading", "speed")
PLACE = ("scene", "condition", "seed", "along_m", "left_m", "turned_rad", "start_height_m")
AIR = ("buoyancy_mps2", "wind_x_mps", "wind_y_mps", "draft_mps")
AT_RESET = frozenset(PLACE + AIR)  # what a flight that starts over may change


class RobotFlightConfig(FaultConfig):
    """A scene, a robot, and where it begins."""

    scene: str = Field("street", description="scene, by its name or a .yaml file")
    condition: str = Field("summer", description="condition that it is seen in")
    seed: int = Field(1, ge=0, le=2**31 - 1, description="seed of weather, sensors and what has been moved")
    along_m: float = Field(3.0, ge=0, le=10000, description="where on the scene's route it begins (m)")
    left_m: float = Field(0.0, ge=-100, le=100, description="how far to the left of it it begins (m)")
    turned_rad: float = Field(0.0, ge=-3.2, le=3.2, description="how far to the left of its direction it begins (rad)")
    start_height_m: float = Field(1.6, ge=0.3, le=100, description="height at the start (m)")
    dt_s: float = Field(0.1, ge=0.02, le=1, description="period of all sensors and commands (s)")
    frame_s: float = Field(0.02, ge=0.01, le=0.1, description="time between two pictures for the event camera (s)")
    width: int = Field(160, ge=8, le=1024, description="width of the camera (px)")
    height: int = Field(120, ge=8, le=1024, description="height of the camera (px)")
    fov_rad: float = Field(1.2, gt=0.1, le=2.5, description="horizontal field of view of both cameras (rad)")
    event_width: int = Field(96, ge=8, le=1024, description="width of the event camera (px)")
    event_height: int = Field(72, ge=8, le=1024, description="height of the event camera (px)")
    event_pitch_rad: float = Field(0.0, ge=-1.6, le=1.6, description="how far the event camera looks down (rad)")
    event_threshold: float = Field(0.08, ge=0.02, le=5, description="step of log intensity that makes an event")
    buoyancy_mps2: float = Field(0.0, ge=-1, le=1, description="buoyancy, negative = heavy (m/s^2)")
    wind_x_mps: float = Field(0.0, ge=-5, le=5, description="mean wind along the world's x (m/s)")
    wind_y_mps: float = Field(0.0, ge=-5, le=5, description="mean wind along the world's y (m/s)")
    draft_mps: float = Field(0.02, ge=0, le=1, description="standard deviation of the drafts (m/s)")
    lidar_noise_m: float = Field(0.002, ge=0, le=10, description="standard deviation of a range (m)")
    lidar_dropout: float = Field(0.0, ge=0, le=1, description="share of ranges that never arrive")
    lidar_max_m: float = Field(12.0, gt=0, le=1000, description="farthest that the lidar sees (m)")
    driver_timeout_s: float = Field(0.2, ge=0.01, le=10, description="age of a command that stops its motors (s)")

    def robot(self) -> RobotConfig:
        """The robot that these parameters describe."""
        own = set(RobotConfig.model_fields) & set(type(self).model_fields)
        return RobotConfig(
            **{name: getattr(self, name) for name in own}, event_fov_rad=self.fov_rad,
            wind_mps=(self.wind_x_mps, self.wind_y_mps), events=EventCameraConfig(threshold=self.event_threshold),
        )  # fmt: skip

    def check_place(self) -> None:
        """Raise a ConfigError that lists what there is where the scene or the condition is unknown."""
        load_scene(self.scene)
        load_condition(self.condition)


class Pose(NamedTuple):
    """Where the robot truly is: for odometry and tf of the simulation."""

    position_m: NDArray[np.float64]  # (3,)
    attitude: NDArray[np.float64]  # (4,) w, x, y, z
    velocity_mps: NDArray[np.float64]  # (3,) along the hull's axes
    spin_radps: NDArray[np.float64]  # (3,)


class RobotFlight:
    """A flight that can start over; its time never runs backwards.

    Raises:
        SnnError: the scene or the condition cannot be used.
    """

    def __init__(self, config: RobotFlightConfig) -> None:
        self.config = config
        self.drivers = {axis: MotorDriver(config.driver_timeout_s) for axis in AXES}
        self.counts: Counter[Verdict] = Counter()
        self.ticks = 0
        self.opened: tuple[str, str, int] | None = None  # scene, condition and seed
        self.reset()

    def reset(self) -> None:
        """At rest at the start, motors off, in the condition that is configured now."""
        config = self.config
        wanted = config.scene, config.condition, config.seed
        if self.opened != wanted:
            self.scene, self.opened = open_scene(*wanted), wanted
        here = self.scene.route.beside(config.along_m, config.left_m)
        start = (here.x_m, here.y_m, config.start_height_m, here.yaw_rad + config.turned_rad)
        self.scene.move(0.0)
        self.robot, self.faults = Robot(self.scene, config.robot(), config.seed, start), FaultInjector()
        for driver in self.drivers.values():
            driver.reset()

    @property
    def now_s(self) -> float:
        """Simulated time."""
        return START_S + self.ticks * self.config.dt_s

    def offer(self, axis: str, command: Command) -> bool:
        """Give the motors of an axis a command; whether it was computed for this instant."""
        verdict = self.drivers[axis].offer(command, self.now_s)
        self.counts[verdict] += 1
        return verdict is Verdict.OK and command.stamp_s > self.now_s - 0.5 * self.config.frame_s

    def advance(self) -> Senses:
        """Fly one period; commands that are too old do not drive."""
        driven = [d.value() if d.remaining_s(self.now_s) > 0.0 else 0.0 for d in self.drivers.values()]
        senses = self.robot.advance(np.array(driven) * (not self.config.dead_motors))
        self.ticks += 1
        return self.faults.take(senses._replace(time_s=self.now_s), self.config)

    def pose(self) -> Pose:
        """The truth."""
        state = self.robot.state
        return Pose(state.position_m[0], state.attitude[0], state.velocity_mps[0], state.spin_radps[0])

    def health(self, extra: dict[str, int]) -> Health:
        """State of the flight and of the motor drivers."""
        truth = self.robot.truth()
        off = [axis for axis, driver in self.drivers.items() if driver.remaining_s(self.now_s) <= 0.0]
        faults = [name for name in FaultConfig.model_fields if getattr(self.config, name)]
        complaints = [
            (truth.clearance_m <= 0.0, Level.ERROR, "the hull touches something"),
            ("altitude" in off, Level.WARN, "altitude motors off, no command that is young enough"),
            (bool(faults), Level.WARN, f"faults on purpose: {', '.join(faults)}"),
        ]
        values: dict[str, float | int | str] = {f"command_{verdict.value}": n for verdict, n in self.counts.items()}
        values |= {**extra, "time_s": self.now_s, "clearance_m": truth.clearance_m, "axes_off": ", ".join(off)}
        return health([(level, text) for holds, level, text in complaints if holds], values, "flying")
