"""Velocity over ground from events that look down, the height, and a gyro that says how the camera tilted.

v = -y' h / f + q h forward, x' h / f - p h to the left: flow of the ground (Gibson 1950), less what pitch and roll
rates bring.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_perception.events.batch import EventBatch
from snn_perception.motion.motion_estimator import MotionConfig, MotionEstimator, centre_px, moved_to
from snn_perception.motion.motion_model import MotionModel

Array = NDArray[np.float64]
UNKNOWN_AT_FIRST = 1.0  # (m/s)^2, variance of the velocity before the first period
AHEAD_AND_LEFT = np.array([[0.0, -1.0], [1.0, 0.0]])  # of flow right and up


class GroundFlowConfig(Config):
    """What becomes of the flow of the ground."""

    flow_smoothing_s: float = Field(0.3, ge=0, le=10, description="time constant of the measured velocity (s)")
    fastest_mps: float = Field(4.0, gt=0, le=100, description="what is faster is an error (m/s)")
    slow_mps: float = Field(
        0.3,
        ge=0,
        le=10,
        description="below this the ground makes few events, and what is not sure stays as it was (m/s)",
    )


class GroundOdometerConfig(GroundFlowConfig):
    """How velocity over ground is measured."""

    motion: MotionConfig = Field(MotionConfig.model_construct(budget=300, align=7000), description="event motion")


class GroundVelocity(NamedTuple):
    """Motion of the robot over ground, in its own axes."""

    forward_mps: float
    left_mps: float


class GroundFlow(NamedTuple):
    """Flow of the ground."""

    velocity_px_s: tuple[float, float]  # right, up
    covariance: Array  # (2, 2) of them


class GroundOdometer:
    """Velocity of each period, from its events.

    Flow slower than the slowest neurons of the layer is believed too, where it is sure. Where events come but tell
    nothing sure, as they do from a robot that hardly moves, a low velocity stays as it was.
    """

    def __init__(
        self, size: tuple[int, int], focal_px: float, model: MotionModel, config: GroundOdometerConfig
    ) -> None:
        """Size is (width, height) of the event camera in pixels."""
        self.config, self.size, self.focal_px = config, size, focal_px
        self.estimator = MotionEstimator(*size, model, config.motion)
        self.velocity: GroundVelocity | None = None
        self.covariance: Array = UNKNOWN_AT_FIRST * np.eye(2)  # of the velocity told last, as the events say
        self.gyro: Array = np.zeros(3)
        self.rotation_radps = self.divergence_per_s = math.nan  # of the newest image, NaN where it did not tell

    def configure(self, config: GroundOdometerConfig) -> None:
        """Take over new settings."""
        self.config = config
        self.estimator.configure(config.motion)

    def reset(self) -> None:
        """Forget events and velocity, as after a jump of the camera's clock."""
        self.estimator.reset()
        self.velocity, self.covariance = None, UNKNOWN_AT_FIRST * np.eye(2)

    def measure(self, batch: EventBatch, gyro_radps: Array, height_m: float, dt_s: float) -> GroundVelocity | None:
        """Smoothed velocity, or none where the events of the period do not tell.

        Args:
            batch: the events of the period.
            gyro_radps: (3,) turning rates at its end, about forward, left, up.
            height_m: above what the camera sees.
            dt_s: length of the period.
        """
        tilted = 0.5 * (self.gyro + gyro_radps)  # over the period
        self.gyro, self.rotation_radps, self.divergence_per_s = gyro_radps, math.nan, math.nan
        if len(batch.x) < self.config.motion.min_events:
            return None
        flow = self._flow_px_s(batch, float(tilted[2]))
        before = self.velocity or GroundVelocity(0.0, 0.0)
        if flow is None:
            self.covariance = np.maximum(self.covariance, self.config.slow_mps**2 / 3.0 * np.eye(2))
            return before if math.hypot(*before) < self.config.slow_mps else None
        scale = height_m / self.focal_px
        vx, vy = flow.velocity_px_s
        forward, left = -vy * scale + tilted[1] * height_m, vx * scale - tilted[0] * height_m
        if not max(abs(forward), abs(left)) <= self.config.fastest_mps:  # nor what is no number
            return None
        keep = self.config.flow_smoothing_s / (self.config.flow_smoothing_s + dt_s)
        now = (keep * b + (1.0 - keep) * n for b, n in zip(before, (forward, left), strict=True))
        self.velocity = GroundVelocity(*now)
        turned = scale * AHEAD_AND_LEFT
        self.covariance = keep**2 * self.covariance + (1.0 - keep) ** 2 * turned @ flow.covariance @ turned.T
        return self.velocity

    def _flow_px_s(self, batch: EventBatch, turning_radps: float) -> GroundFlow | None:
        """Flow right and up below the robot, where it is sure.

        It is sure where the events are; what lies between there and the middle is the turn that the gyro knows better.
        """
        judged = self.estimator.judge(batch)
        if judged is None or self.estimator.confidence(judged) < self.config.motion.min_confidence:
            return None
        right, up = centre_px(batch)
        moved = moved_to((right, up))
        vx, vy, self.rotation_radps, self.divergence_per_s = (moved @ judged.motion).tolist()
        below = vx - turning_radps * up, vy + turning_radps * right
        return GroundFlow(below, (moved @ judged.covariance @ moved.T)[:2, :2])
