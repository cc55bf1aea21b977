"""What attitudes, unit quaternions (x, y, z, w) as ROS writes them, say about heading and climb."""

import math
from typing import NamedTuple


class Attitude(NamedTuple):
    """Turns a vector from the body's axes (forward, left, up) into the world's."""

    x: float
    y: float
    z: float
    w: float

    @property
    def sound(self) -> bool:
        """Whether it is one: finite, of length one."""
        size = sum(value * value for value in self)
        return math.isfinite(size) and abs(size - 1.0) <= 0.1

    @property
    def yaw_rad(self) -> float:
        """Heading, to the left of the world's x axis; NaN where it is no attitude."""
        x, y, z, w = self
        return math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z)) if self.sound else math.nan

    def climb_mps(self, forward_mps: float, left_mps: float, up_mps: float) -> float:
        """Vertical part of a velocity along the body's axes; without an attitude the body is taken to be level."""
        if not self.sound:
            return up_mps
        x, y, z, w = self
        ahead, across = 2.0 * (x * z - w * y), 2.0 * (y * z + w * x)
        return ahead * forward_mps + across * left_mps + (1.0 - 2.0 * (x * x + y * y)) * up_mps
