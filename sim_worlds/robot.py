"""The whole robot in a scene: the blimp that flies, and what its sensors report each period."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim_worlds.airship import airship_at, airship_params
from sim_worlds.airship_flight import airship_step
from sim_worlds.lidar import LidarParams, measure
from sim_worlds.renderer import Array, Renderer, lens
from sim_worlds.robot_config import RobotConfig
from sim_worlds.scene import Scene
from sim_worlds.weather import draw_sample
from snn_core.event_camera import EventCamera

UPWARD = np.array([0.0, 0.0, 9.81])  # what an accelerometer at rest reports
DARKEST = 8.0  # grey level added before the logarithm: what the event camera's pixels see of darkness


class Events(NamedTuple):
    """Events of one period, sorted by time."""

    x: NDArray[np.int64]
    y: NDArray[np.int64]
    t_us: NDArray[np.int64]
    on: NDArray[np.bool_]


class Senses(NamedTuple):
    """What the sensors report at the end of a period."""

    time_s: float
    range_m: float  # NaN where the lidar's sample was lost, inf beyond its reach
    image: NDArray[np.uint8]  # (row, column)
    events: Events
    gyro_radps: Array  # (3,) forward, left, up
    accel_mps2: Array  # (3,) specific force; at rest (0, 0, 9.81)


class Truth(NamedTuple):
    """What only a referee may know."""

    time_s: float
    position_m: Array  # (3,)
    yaw_rad: float
    velocity_mps: Array  # (3,) along the world's axes
    clearance_m: float  # between hull and the nearest thing; negative in contact


class Robot:
    """A flight: `advance` takes commands (altitude, heading, speed), -10 to 10, and returns what is sensed."""

    def __init__(self, scene: Scene, config: RobotConfig, seed: int, start: tuple[float, float, float, float]) -> None:
        """Start is x, y, z (m) and yaw (rad); the robot is at rest there."""
        self.scene, self.config = scene, config
        self.rng = np.random.default_rng([seed, 2])
        self.params = airship_params(
            buoyancy_mps2=config.buoyancy_mps2, wind_x_mps=config.wind_mps[0], wind_y_mps=config.wind_mps[1],
            draft_std_mps=config.draft_mps,
        )  # fmt: skip
        self.state = airship_at(np.array(start[:3]), start[3])
        self.eye = Renderer(lens(config.width, config.height, config.fov_rad))
        self.pixels = Renderer(
            lens(config.event_width, config.event_height, config.event_fov_rad), 40.0, config.event_blur_px
        )
        self.event_camera = EventCamera(config.event_width, config.event_height, config.events, self.rng)
        self.bias = self.rng.normal(0.0, config.gyro_bias_radps, 3)
        self.lidar = LidarParams(config.lidar_quantum_m, config.lidar_noise_m, config.lidar_dropout)
        self.ticks = 0
        self.before: Array = np.zeros(3)

    @property
    def time_s(self) -> float:
        """Simulated time."""
        return self.ticks * self.config.dt_s

    def body_axes(self) -> Array:
        """Rows forward, left, up of the hull in the world, (3, 3)."""
        w, x, y, z = self.state.attitude[0]
        return np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)],
                [2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)],
                [2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)],
            ]
        )

    def advance(self, commands: Array) -> Senses:
        """Fly one period under constant commands (3,)."""
        config, frames = self.config, max(1, round(self.config.dt_s / self.config.frame_s))
        seen = []
        command = np.clip(np.asarray(commands, float), -10.0, 10.0).reshape(1, 3)
        for frame in range(1, frames + 1):
            airship_step(self.state, self.params, command, self.rng.standard_normal((1, 3)), config.dt_s / frames)
            time_s = self.time_s + frame * config.dt_s / frames
            self.scene.move(time_s)
            seen.append(self.event_camera.see(self._log_intensity(), round(time_s * 1e6)))
        self.ticks += 1
        events = Events(*(np.concatenate(part) for part in zip(*seen, strict=True)))
        return Senses(
            self.time_s, self._range(), self.image(), events,
            self.state.spin_radps[0] + self.bias + self.rng.normal(0.0, config.gyro_noise_radps, 3), self._accel(),
        )  # fmt: skip

    def _log_intensity(self) -> Array:
        body, scene = self.body_axes(), self.scene
        eye = np.ascontiguousarray(self.state.position_m[0] + self.config.event_ahead_m * body[0])
        axes = camera_of(body, self.config.event_pitch_rad)
        picture = self.pixels.see_grey(scene.quads, scene.atlas, scene.atmosphere, eye, axes)
        return np.log(picture + DARKEST)

    def colours(self) -> Array:
        """What the camera sees now, (row, column, 3), before exposure."""
        axes = camera_of(self.body_axes(), 0.0)
        return self.eye.see(self.scene.quads, self.scene.atlas, self.scene.atmosphere, self._centre(), axes)

    def image(self) -> NDArray[np.uint8]:
        """What the camera sees now, exposed and with noise."""
        config, scene = self.config, self.scene
        axes = camera_of(self.body_axes(), 0.0)
        picture = self.eye.see_grey(scene.quads, scene.atlas, scene.atmosphere, self._centre(), axes)
        exposed = picture * (config.exposure * 255.0 / max(float(picture.mean()), 1.0))
        noisy = exposed + self.rng.normal(0.0, config.image_noise, picture.shape)
        return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)

    def _centre(self) -> Array:
        return np.ascontiguousarray(self.state.position_m[0])

    def _range(self) -> float:
        up = self.body_axes()[2]
        height = self.scene.range_down_m(self._centre()) / max(float(up[2]), 0.2)
        sample = draw_sample(1, self.rng)
        seen = float(measure(np.array([height]), self.state.climb_mps, self.lidar, sample)[0])
        return math.inf if seen > self.config.lidar_max_m else seen

    def _accel(self) -> Array:
        velocity = self.truth_velocity()
        change, self.before = (velocity - self.before) / self.config.dt_s, velocity
        force = self.body_axes() @ (change + UPWARD)
        return np.asarray(force + self.rng.normal(0.0, self.config.accel_noise_mps2, 3))

    def truth_velocity(self) -> Array:
        """Velocity of the hull's centre along the world's axes, (3,)."""
        return np.asarray(self.state.velocity_mps[0] @ self.body_axes())

    def truth(self) -> Truth:
        """For scoring: nothing that flies may look at it."""
        axes, centre, config = self.body_axes(), self._centre(), self.config
        line = [centre + share * config.half_length_m * axes[0] for share in (-1.0, 0.0, 1.0)]
        gap = min(self.scene.clearance_m(np.ascontiguousarray(point)) for point in line) - config.radius_m
        return Truth(self.time_s, centre.copy(), float(self.state.heading_rad[0]), self.truth_velocity(), gap)


def camera_of(body: Array, pitch_rad: float) -> Array:
    """Rows right, down, forward of a camera on a hull (rows forward, left, up) that looks `pitch_rad` down."""
    forward = math.cos(pitch_rad) * body[0] - math.sin(pitch_rad) * body[2]
    return np.array([-body[1], np.cross(forward, -body[1]), forward])
