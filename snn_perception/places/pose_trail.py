"""Where the robot was when an image was taken: poses by their stamps."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
KEPT = 200


class PoseTrail:
    """The newest poses, (7,) each: x, y, z in metres, then a quaternion."""

    def __init__(self) -> None:
        self.poses: deque[tuple[float, Array]] = deque(maxlen=KEPT)

    def add(self, stamp_s: float, pose: Array) -> None:
        """A pose of that time; one that is not newer, as from a clock that was set or is not told, begins anew."""
        if self.poses and stamp_s <= self.poses[-1][0]:
            self.poses.clear()
        self.poses.append((stamp_s, pose))

    @property
    def newest(self) -> Array | None:
        """The newest pose."""
        return self.poses[-1][1] if self.poses else None

    def at(self, stamp_s: float) -> Array | None:
        """The position then, between the poses around it, under the nearest attitude; the nearest pose beyond them."""
        if not self.poses:
            return None
        times, poses = np.array([time for time, _ in self.poses]), np.array([pose for _, pose in self.poses])
        found = poses[int(np.abs(times - stamp_s).argmin())].copy()
        found[:3] = [np.interp(stamp_s, times, poses[:, axis]) for axis in range(3)]
        return found
