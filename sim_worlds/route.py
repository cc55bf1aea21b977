"""A route: corners joined by straight lines and bends, measured along its length."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
STEP_M = 0.05


class Station(NamedTuple):
    """A point of a route, and where it goes from there."""

    x_m: float
    y_m: float
    yaw_rad: float


class Route:
    """Points every 5 cm. Left of it is positive."""

    def __init__(self, corners_m: Sequence[tuple[float, float]], radius_m: float) -> None:
        points = _rounded(np.asarray(corners_m, float), radius_m)
        along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
        self.length_m = float(along[-1])
        self.along_m = np.arange(0.0, self.length_m, STEP_M)
        self.points_m = np.stack([np.interp(self.along_m, along, points[:, a]) for a in (0, 1)], axis=1)
        self.yaw_rad = np.unwrap(np.arctan2(*np.gradient(self.points_m, axis=0).T[::-1]))

    def at(self, along_m: float) -> Station:
        """The point so far along it; beyond its ends it goes on straight."""
        inside = min(max(along_m, 0.0), float(self.along_m[-1]))
        x, y = (float(np.interp(inside, self.along_m, self.points_m[:, a])) for a in (0, 1))
        yaw = float(np.interp(inside, self.along_m, self.yaw_rad))
        beyond = along_m - inside
        return Station(x + beyond * math.cos(yaw), y + beyond * math.sin(yaw), yaw)

    def beside(self, along_m: float, left_m: float) -> Station:
        """The point `left_m` to the left of the one so far along it."""
        here = self.at(along_m)
        return Station(
            here.x_m - left_m * math.sin(here.yaw_rad), here.y_m + left_m * math.cos(here.yaw_rad), here.yaw_rad
        )

    def nearest(self, x_m: float, y_m: float) -> tuple[float, float]:
        """How far along it the nearest point is, and how far to the left of it we are."""
        offset = np.array([x_m, y_m]) - self.points_m
        k = int(np.argmin((offset**2).sum(axis=1)))
        yaw = self.yaw_rad[k]
        return float(self.along_m[k]), float(offset[k, 1] * math.cos(yaw) - offset[k, 0] * math.sin(yaw))


def _rounded(corners: Array, radius_m: float) -> Array:
    """The corners with arcs instead of the inner ones, as many points."""
    points = [corners[:1]]
    for before, corner, after in zip(corners[:-2], corners[1:-1], corners[2:], strict=True):
        back, ahead = before - corner, after - corner
        shorter = min(np.hypot(*back), np.hypot(*ahead))
        back, ahead = back / np.hypot(*back), ahead / np.hypot(*ahead)
        half = 0.5 * math.acos(min(max(float(back @ ahead), -1.0), 1.0))
        if half > 0.499 * math.pi:
            continue
        cut = min(radius_m / math.tan(half), 0.49 * shorter)
        middle = corner + (back + ahead) / np.hypot(*(back + ahead)) * cut / math.cos(half)
        start, end = corner + back * cut - middle, corner + ahead * cut - middle
        first, turn = math.atan2(start[1], start[0]), math.atan2(start[0] * end[1] - start[1] * end[0], start @ end)
        angles = first + np.linspace(0.0, turn, 24)
        points.append(middle + np.hypot(*start) * np.stack([np.cos(angles), np.sin(angles)], axis=1))
    return np.concatenate([*points, corners[-1:]])
