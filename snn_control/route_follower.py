"""Following a taught route without a map of the ground: where along it, how far beside it, how far off its heading.

    s' = (u cos g - v sin g)      along the route, from event motion (u forward, v left), g = e - drift when taught
    y' = (u sin g + v cos g)      to the left of it
    e' = w - turn of the route    heading relative to the one taught, w from the gyro

corrected by two observations: the place recognised (s), and the turn by which the image would match what was seen there
when taught, which is -(e + y / parallax). The second alone cannot tell e from y; that y grows with e tells them apart,
by a Kalman filter of the two (Kalman 1960) that begins with what is known of the start. The route is then steered to as
an aircraft tracks a line: a heading towards it, minus the drift angle.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_control.taught_route import SLOWEST_MPS, TaughtRoute
from snn_core.config import Config

Array = NDArray[np.float64]
WARNED_S = 3.0  # how early a bend is reported
BEND_M = 1.5  # to each side, over which the route's bend is taken


class FollowerConfig(Config):
    """Gains of the observer and of the steering."""

    speed_mps: float = Field(0.8, gt=0, le=5, description="speed along the route (m/s)")
    parallax_m: float = Field(9.0, gt=0, le=1000, description="distance of what the image's shift is seen on (m)")
    start_rad: float = Field(0.05, ge=0, le=3, description="standard deviation of the heading at the start (rad)")
    start_m: float = Field(0.15, ge=0, le=100, description="standard deviation of the offset at the start (m)")
    turn_noise_rad: float = Field(0.08, gt=0, le=10, description="deviation of a turn observed, as if alone (rad)")
    heading_walk: float = Field(0.006, ge=0, le=1, description="growth of the heading's doubt (rad per root of s)")
    offset_walk_m: float = Field(0.06, ge=0, le=10, description="growth of the offset's doubt (m per root of s)")
    place_gain: float = Field(0.15, ge=0, le=1, description="share of a place observed that corrects the position")
    most_surprise_rad: float = Field(
        0.1, gt=0, le=3, description="a turn observed counts as no more than this off (rad)"
    )
    bend_per_m: float = Field(0.08, gt=0, le=10, description="bend in which a turn observed counts half (rad/m)")
    doubt_rad: float = Field(0.35, gt=0, le=3, description="turns farther off than this are left out (rad)")
    gate_m: float = Field(3.0, gt=0, le=1000, description="places farther than this from the estimate are doubted (m)")
    insistence: int = Field(10, ge=1, le=100, description="doubted places in a row, of one mind, that are believed")
    look_ahead_s: float = Field(1.2, ge=0, le=20, description="how early the route's turns are steered (s)")
    approach_m: float = Field(1.8, gt=0, le=100, description="offset that is approached at 45 degrees (m)")
    most_approach_rad: float = Field(0.5, gt=0, le=1.5, description="steepest approach (rad)")
    drift_gain: float = Field(1.0, ge=0, le=2, description="share of the drift angle that is steered against")
    silence_s: float = Field(3.0, gt=0, le=100, description="without event motion for so long the robot stops (s)")


class Steering(NamedTuple):
    """What the lower controllers are asked for."""

    turn_rad: float  # to the left of the present heading
    speed_mps: float


class RouteFollower:
    """Position, offset and heading relative to a taught route, and where to steer."""

    def __init__(self, route: TaughtRoute, config: FollowerConfig, start_m: float = 0.0) -> None:
        self.route, self.config = route, config
        self.along_m, self.left_m, self.heading_rad = start_m, 0.0, 0.0
        self.drift_rad, self.silent_s = 0.0, 0.0
        self.relocated = 0
        self.covariance: Array = np.diag([config.start_rad**2, config.start_m**2])  # of heading and offset
        self.doubted: list[float] = []

    def move(self, velocity_mps: tuple[float, float] | None, turned_rad: float, dt_s: float) -> None:
        """Dead reckoning over one period: velocity forward and left, or none where the events told nothing.

        Without one the robot is taken to fly on as fast as it should, until it is lost; then it is taken to stand.
        """
        self.silent_s = 0.0 if velocity_mps is not None else self.silent_s + dt_s
        assumed = 0.0 if self.lost else self.config.speed_mps
        forward, left = velocity_mps if velocity_mps is not None else (assumed, 0.0)
        off = self.heading_rad - self.route.drift_at(self.along_m) * (velocity_mps is not None)
        c, s = math.cos(off), math.sin(off)
        before = self.route.heading_at(self.along_m)
        self.along_m = min(max(self.along_m + (forward * c - left * s) * dt_s, -2.0), self.route.length_m + 2.0)
        self.left_m += (forward * s + left * c) * dt_s
        self.heading_rad += turned_rad - (self.route.heading_at(self.along_m) - before)
        self._forget(forward * dt_s, dt_s)
        drift = math.atan2(left, max(forward, SLOWEST_MPS))
        self.drift_rad += min(dt_s / 0.5, 1.0) * (drift - self.drift_rad)

    def see_turn(self, turn_rad: float, along_m: float) -> None:
        """The image would match what was taught so far along the route if we turned that much to the left."""
        taught_turn = self.route.heading_at(along_m) - self.route.heading_at(self.along_m)
        surprise = turn_rad - taught_turn + self.heading_rad + self.left_m / self.config.parallax_m
        config = self.config
        if abs(surprise) > config.doubt_rad:
            return
        surprise = min(max(surprise, -config.most_surprise_rad), config.most_surprise_rad)
        bend = (self.route.heading_at(along_m + BEND_M) - self.route.heading_at(along_m - BEND_M)) / (2.0 * BEND_M)
        noise2 = config.turn_noise_rad**2 * (1.0 + (bend / config.bend_per_m) ** 2)
        seen = np.array([1.0, 1.0 / config.parallax_m])
        along = self.covariance @ seen
        gain = along / (seen @ along + noise2)
        self.heading_rad -= float(gain[0]) * surprise
        self.left_m -= float(gain[1]) * surprise
        self.covariance = self.covariance - np.outer(gain, along)

    def _forget(self, forward_m: float, dt_s: float) -> None:
        """The uncertainty of heading and offset after a way flown."""
        step = np.array([[1.0, 0.0], [forward_m, 1.0]])
        grown = self.config.heading_walk**2 * dt_s, self.config.offset_walk_m**2 * dt_s
        self.covariance = step @ self.covariance @ step.T + np.diag(grown)

    def see_place(self, along_m: float) -> None:
        """We are at a place that was taught so far along the route."""
        config, surprise = self.config, along_m - self.along_m
        if abs(surprise) <= config.gate_m:
            self.along_m += config.place_gain * surprise
            self.doubted.clear()
            return
        if self.doubted and abs(along_m - self.doubted[-1]) > config.gate_m:
            self.doubted.clear()
        self.doubted.append(along_m)
        if len(self.doubted) >= config.insistence:
            self.along_m, self.relocated = along_m, self.relocated + 1
            self.doubted.clear()

    def doubt(self, turned_rad: float, moved_m: float) -> None:
        """It may have turned and moved by so much unseen (standard deviations)."""
        self.covariance = self.covariance + np.diag([turned_rad**2, moved_m**2])

    @property
    def lost(self) -> bool:
        """Whether event motion has been silent for too long to fly on."""
        return self.silent_s > self.config.silence_s

    def report(self) -> dict[str, float]:
        """What it tells of itself, by the names that the coordinator knows."""
        config, route = self.config, self.route
        ahead_m = self.along_m + WARNED_S * config.speed_mps
        return {
            "course_off_m": abs(self.left_m), "course_doubt_m": math.sqrt(max(float(self.covariance[1, 1]), 0.0)),
            "course_bend_rad": abs(route.heading_at(ahead_m) - route.heading_at(self.along_m)),
            "course_place_doubt": len(self.doubted) / config.insistence,
        }  # fmt: skip

    def steer(self) -> Steering:
        """Where to steer now."""
        config = self.config
        ahead = self.route.heading_at(self.along_m + config.look_ahead_s * config.speed_mps)
        bend = ahead - self.route.heading_at(self.along_m)
        approach = -math.atan2(self.left_m, config.approach_m)
        limited = min(max(approach, -config.most_approach_rad), config.most_approach_rad)
        drift = config.drift_gain * (self.drift_rad - self.route.drift_at(self.along_m))
        turn = bend + limited - self.heading_rad - drift
        return Steering(turn, 0.0 if self.lost else config.speed_mps)
