"""Where a robot that hardly moves is over ground, by events that look down: no drift while it sees what it saw before.

The gyro tells which events are from tilting and turning, which a hovering robot does more than it moves. Each period
the events are laid on the map of the ground that those before them drew (`ground_map`), and a Kalman filter (1960) of
position and velocity takes over by how much they lie beside what it foretold, and how fast they say that it moved. Few
events where the map knows of contrast are no silence: they tell that it stands still.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_perception.events.batch import EventBatch
from snn_perception.motion.attitude import Attitude
from snn_perception.motion.ground_map import Glimpse, GroundMap, Reading, sight
from snn_perception.motion.ground_odometer import GroundVelocity

Array = NDArray[np.float64]
NEAR, FAR = 1, 3  # cells to each side that events are laid on: at first, and where nothing fits there
PARTS = 6  # of a period that are looked at one by one, at most
TRIAL_RAD = 0.02  # to each side that events are turned
SURPRISE = 16.0  # square of a correction over its deviation that is no longer believed
RIGHT_ANGLE = 0.5 * math.pi
TINY = 1e-10


class GroundTrackerConfig(Config):
    """How position over ground is measured."""

    cell_m: float = Field(0.025, gt=0, le=10, description="side of a cell of the ground's map, about a pixel (m)")
    cells: int = Field(256, ge=32, le=4096, description="cells along a side of the map")
    ridge_m: float = Field(0.007, gt=0, le=1, description="step that draws a cell by half (m)")
    noise: float = Field(12.0, gt=0, le=1e6, description="variance of a pixel's events around what steps foretell")
    wander: float = Field(0.03, gt=0, le=10, description="growth of the velocity's doubt (m/s per root of s)")
    heading_walk: float = Field(0.003, ge=0, le=1, description="growth of the heading's doubt (rad per root of s)")
    level_s: float = Field(5.0, gt=0, le=1000, description="time in which gravity levels the attitude (s)")
    height_s: float = Field(0.3, ge=0, le=10, description="time constant of the height (s)")
    lost_m: float = Field(0.15, gt=0, le=10, description="deviation of the position beyond which a new map begins (m)")
    min_events: int = Field(20, ge=1, le=1_000_000, description="events without which a period tells nothing")
    most_events: float = Field(2.0, gt=0, le=100, description="events of a pixel in a period that count")


class GroundState(NamedTuple):
    """Where the robot is: level axes from where it began, x ahead and y left of its first heading."""

    position_m: tuple[float, float]
    heading_rad: float
    velocity: GroundVelocity  # in its own axes


class GroundTracker:
    """Position and velocity of each period, from its events; it begins at rest."""

    def __init__(
        self, size: tuple[int, int], focal_px: float, config: GroundTrackerConfig, pitch_rad: float = RIGHT_ANGLE
    ) -> None:
        """Size is (width, height) of the event camera in pixels; the pitch is how far it looks down."""
        self.config, self.size = config, size
        self.directions = _directions(size, focal_px, pitch_rad)
        self.attitude = Attitude(config.level_s)
        self.map = self._blank()
        self.lost = 0  # how often it had to begin anew
        self.height_m = math.nan
        self.before: Array | None = None  # where pixels saw the ground at the end of the last period
        self.state: Array = np.zeros(4)  # x, y, and their rates
        self.covariance: Array = np.diag([TINY, TINY, 1e-6, 1e-6])
        self.heading_doubt = TINY  # variance of the heading, rad^2

    def track(
        self, batch: EventBatch, gyro_radps: Array, accel_mps2: Array, height_m: float, dt_s: float
    ) -> GroundState | None:
        """Where the robot is after a period, or none where it brought no events, or where it lost the ground.

        It begins anew then, as if at rest: what it drifted meanwhile it will not know.

        Args:
            batch: the events of the period.
            gyro_radps: (3,) turning rates at its end, about forward, left, up.
            accel_mps2: (3,) specific force there.
            height_m: range straight down from the body; not finite where it is not known.
            dt_s: length of the period.
        """
        if not self._measure_height(height_m, dt_s):
            self.attitude.turn(gyro_radps, accel_mps2, dt_s)
            return None
        begins = self.before is None
        parts = self._parts(batch, gyro_radps, accel_mps2, dt_s)
        if begins:
            return self._told()
        self._foretell(dt_s)
        if len(batch) < self.config.min_events:
            return None
        if self.covariance[0, 0] + self.covariance[1, 1] > self.config.lost_m**2:
            self._begin_anew()
            return None
        believed: Array = np.linalg.inv(self.covariance[2:, 2:] * dt_s**2 + TINY * np.eye(2)).astype(np.float64)
        self._correct(self._placed(parts, dt_s), believed, dt_s)
        parts = self._headed(parts, believed, dt_s)
        self.map.draw(self._placed(parts, dt_s))
        self.map.follow(self.state[:2])
        return self._told()

    def _blank(self) -> GroundMap:
        return GroundMap(self.config.cell_m, self.config.cells, self.config.ridge_m**2)

    def _begin_anew(self) -> None:
        self.map, self.lost = self._blank(), self.lost + 1
        self.map.follow(self.state[:2])
        self.state[2:] = 0.0
        self.covariance = np.diag([TINY, TINY, 1e-2, 1e-2])

    def _measure_height(self, height_m: float, dt_s: float) -> bool:
        if math.isfinite(height_m):
            keep = self.config.height_s / (self.config.height_s + dt_s) if math.isfinite(self.height_m) else 0.0
            self.height_m = height_m if keep == 0.0 else keep * self.height_m + (1.0 - keep) * height_m
        return math.isfinite(self.height_m)

    def _parts(self, batch: EventBatch, gyro_radps: Array, accel_mps2: Array, dt_s: float) -> list[Glimpse]:
        """The period in parts in which what pixels see moves by little, as seen from the robot's foot."""
        before_radps, most = self.attitude.gyro, self.config.most_events
        turning = np.abs(0.5 * (before_radps + gyro_radps))
        moves_m = (self.height_m * max(turning.max(), turning[:2].sum()) + np.hypot(*self.state[2:])) * dt_s
        count = min(max(math.ceil(float(moves_m) / self.config.cell_m), 1), PARTS)
        end_us = batch.t_us[-1] if len(batch) else 0
        cuts = np.searchsorted(batch.t_us, end_us - np.arange(count - 1, 0, -1) * round(dt_s * 1e6 / count)).tolist()
        parts = []
        for k, (first, last) in enumerate(zip([0, *cuts], [*cuts, len(batch)], strict=True)):
            gyro = before_radps + (gyro_radps - before_radps) * ((k + 1) / count)
            axes, now = self.attitude.turn(gyro, accel_mps2, dt_s / count), np.empty((*self.size[::-1], 2))
            sight(axes, self.directions, self.height_m * axes[2, 2], now)
            before, self.before = self.before, now
            if before is not None:
                signed = np.clip(_signed(batch.take(slice(first, last))), -most, most)
                parts.append(Glimpse(signed, 0.5 * (before + now), now - before, 1.0 / count))
        return parts

    def _placed(self, parts: list[Glimpse], dt_s: float) -> list[Glimpse]:
        """The parts of a period where the robot is believed to have been, with the steps that it made."""
        step = self.state[2:] * dt_s
        ago = [1.0 - (k + 0.5) * part.share for k, part in enumerate(parts)]
        return [
            Glimpse(signed, seen + (self.state[:2] - back * step), tilted + share * step, share)
            for (signed, seen, tilted, share), back in zip(parts, ago, strict=True)
        ]

    def _foretell(self, dt_s: float) -> None:
        ahead, noise = np.eye(4), self.config.wander**2
        ahead[0, 2] = ahead[1, 3] = dt_s
        grown = np.kron([[dt_s**3 / 3.0, dt_s**2 / 2.0], [dt_s**2 / 2.0, dt_s]], noise * np.eye(2))
        self.state = ahead @ self.state
        self.covariance = ahead @ self.covariance @ ahead.T + grown

    def _headed(self, parts: list[Glimpse], believed: Array, dt_s: float) -> list[Glimpse]:
        """Take over by how much the events are turned on the map; the parts, turned so."""
        trials = [[_turned(part, turn) for part in parts] for turn in (-TRIAL_RAD, 0.0, TRIAL_RAD)]
        right, now, left = (
            _likelihood(self.map.read(self._placed(trial, dt_s), np.zeros((1, 2)))[0], believed, self.config.noise)
            for trial in trials
        )
        self.heading_doubt += self.config.heading_walk**2 * dt_s
        bend = 2.0 * now - left - right
        if bend < 1e-3 or abs(left - right) > 2.0 * bend:
            return parts
        turn, spread = 0.5 * (left - right) / bend * TRIAL_RAD, TRIAL_RAD**2 / bend
        gain = self.heading_doubt / (self.heading_doubt + spread)
        self.heading_doubt *= 1.0 - gain
        self.attitude.head(gain * turn)
        if self.before is not None:
            self.before = _about_foot(self.before, gain * turn)
        return [_turned(part, gain * turn) for part in parts]

    def _correct(self, glimpses: list[Glimpse], believed: Array, dt_s: float) -> None:
        """Take over where the events lie on the map, then how fast they moved there."""
        for reach in (NEAR, FAR):
            readings = self.map.read(glimpses, _around(reach) * self.config.cell_m)
            fits = np.array([_likelihood(reading, believed, self.config.noise) for reading in readings])
            found = _peak(fits.reshape(2 * reach + 1, -1), self.config.cell_m)
            if found is not None:
                break
        best, velocity = readings[int(fits.argmax())], self.state[2:].copy()
        if found is not None:
            self._update(0, *found)
        if np.linalg.eigvalsh(best.weight)[0] > self.config.noise:
            rate: Array = np.linalg.solve(best.weight, best.slope).astype(np.float64) / dt_s
            spread: Array = np.linalg.inv(best.weight).astype(np.float64) * (self.config.noise / dt_s**2)
            self._update(2, rate - (self.state[2:] - velocity), spread)

    def _update(self, first: int, surprise: Array, spread: Array) -> None:
        """Kalman's, for two numbers of the state from `first` on."""
        seen = np.eye(4)[first : first + 2]
        total = seen @ self.covariance @ seen.T + spread
        if surprise @ np.linalg.solve(total, surprise) > SURPRISE:
            return
        gain = np.linalg.solve(total, seen @ self.covariance).T
        self.state = self.state + gain @ surprise
        left = (np.eye(4) - gain @ seen) @ self.covariance
        self.covariance = 0.5 * (left + left.T)

    def _told(self) -> GroundState:
        x, y, rate_x, rate_y = self.state.tolist()
        c, s = math.cos(self.attitude.heading_rad), math.sin(self.attitude.heading_rad)
        velocity = GroundVelocity(c * rate_x + s * rate_y, c * rate_y - s * rate_x)
        return GroundState((x, y), self.attitude.heading_rad, velocity)


def _signed(batch: EventBatch) -> Array:
    """Events of each pixel, ON minus OFF, (row, column)."""
    signed = np.zeros((batch.height, batch.width))
    np.add.at(signed, (batch.y, batch.x), np.where(batch.on, 1.0, -1.0))
    return signed


def _about_foot(points_m: Array, turn_rad: float) -> Array:
    """Points (row, column, 2) turned to the left about the robot's foot."""
    c, s = math.cos(turn_rad), math.sin(turn_rad)
    return points_m @ np.array([[c, s], [-s, c]])


def _turned(part: Glimpse, turn_rad: float) -> Glimpse:
    return part._replace(seen_m=_about_foot(part.seen_m, turn_rad), step_m=_about_foot(part.step_m, turn_rad))


def _around(reach: int) -> Array:
    """Cells up to `reach` to each side, (cell, 2)."""
    side = np.arange(-reach, reach + 1)
    return np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1).reshape(-1, 2)


def _directions(size: tuple[int, int], focal_px: float, pitch_rad: float) -> Array:
    """Where pixels look, (row, column, 3) along forward, left, up of the body."""
    right, down = np.meshgrid(*(np.arange(n) - 0.5 * (n - 1) for n in size))
    c, s = math.cos(pitch_rad), math.sin(pitch_rad)
    return np.ascontiguousarray(np.stack([focal_px * c - down * s, -right, -focal_px * s - down * c], axis=-1))


def _likelihood(reading: Reading, believed: Array, noise: float) -> float:
    """Logarithm of the events' likelihood at a place, over all velocities around the one foretold."""
    slope = reading.slope / noise
    return float(-0.5 * (reading.misfit / noise - slope @ np.linalg.solve(reading.weight / noise + believed, slope)))


def _peak(fits: Array, cell_m: float) -> tuple[Array, Array] | None:
    """Offset (2,) of the top of log likelihoods (x, y) and its covariance, by a parabola; none without a top inside."""
    i, j = np.unravel_index(int(fits.argmax()), fits.shape)
    if not (0 < i < len(fits) - 1 and 0 < j < len(fits) - 1):
        return None
    near = fits[i - 1 : i + 2, j - 1 : j + 2]
    slope = 0.5 * np.array([near[2, 1] - near[0, 1], near[1, 2] - near[1, 0]])
    bend_x, bend_y = near[2, 1] - 2.0 * near[1, 1] + near[0, 1], near[1, 2] - 2.0 * near[1, 1] + near[1, 0]
    twist = 0.25 * (near[2, 2] - near[2, 0] - near[0, 2] + near[0, 0])
    bend = -np.array([[bend_x, twist], [twist, bend_y]])
    if np.linalg.eigvalsh(bend)[0] < 1e-3:
        return None
    part = np.linalg.solve(bend, slope)
    if np.abs(part).max() > 1.5:
        return None
    middle = np.array([i, j]) - len(fits) // 2
    return (middle + part) * cell_m, np.linalg.inv(bend) * cell_m**2
