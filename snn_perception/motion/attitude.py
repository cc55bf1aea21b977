"""Attitude from gyro and accelerometer: the gyro turns it, gravity slowly levels it (Mahony et al. 2008)."""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Attitude:
    """Which way a body is turned; its heading counts from where it began."""

    def __init__(self, level_s: float) -> None:
        """Level_s is the time in which what accelerations tell counts as much as what turns add up to (s)."""
        self.level_s = level_s
        self.axes: Array | None = None  # (3, 3) forward, left and up of the body at the start, from axes of the body
        self.gyro: Array = np.zeros(3)

    def turn(self, gyro_radps: Array, accel_mps2: Array, dt_s: float) -> Array:
        """Body axes (forward, left, up) to level ones, (3, 3), at the end of a period; the first call levels only.

        Args:
            gyro_radps: (3,) turning rates at its end.
            accel_mps2: (3,) specific force there; at rest (0, 0, 9.81).
            dt_s: length of the period.
        """
        up = accel_mps2 / np.linalg.norm(accel_mps2)
        if self.axes is None:
            ahead = np.array([1.0, 0.0, 0.0]) - up[0] * up
            ahead /= np.linalg.norm(ahead)
            self.axes = np.array([ahead, np.cross(up, ahead), up])
        else:
            self.axes = self.axes @ rotation(0.5 * (self.gyro + gyro_radps) * dt_s)
            tilt = np.asarray(np.cross(self.axes @ up, (0.0, 0.0, 1.0)), np.float64)
            self.axes = rotation(min(dt_s / self.level_s, 1.0) * tilt) @ self.axes
        self.gyro = gyro_radps
        return self.axes

    def head(self, left_rad: float) -> None:
        """Correct the heading: it was so far to the left of what turns added up to."""
        if self.axes is not None:
            self.axes = rotation(np.array([0.0, 0.0, left_rad])) @ self.axes

    @property
    def heading_rad(self) -> float:
        """To the left of the first one."""
        return 0.0 if self.axes is None else math.atan2(self.axes[1, 0], self.axes[0, 0])


def rotation(turn_rad: Array) -> Array:
    """The matrix (3, 3) of a turn about an axis (3,), as long as the angle (Rodrigues 1840)."""
    x, y, z = turn_rad
    angle = max(math.sqrt(x * x + y * y + z * z), 1e-12)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + math.sin(angle) / angle * cross + (1.0 - math.cos(angle)) / angle**2 * cross @ cross)
