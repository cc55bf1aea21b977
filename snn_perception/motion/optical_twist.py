"""Motion of the image in the camera's optical frame: x right, y down, z ahead."""

import numpy as np
from numpy.typing import NDArray

from snn_perception.motion.motion_estimator import Motion

UNKNOWN = 1e6  # variance of what is not observed
Array = NDArray[np.float64]


def optical_twist(motion: Motion, focal_px: tuple[float, float]) -> tuple[Array, Array]:
    """Twist (6,) and its covariance (6, 6): how the scene seems to move.

    linear x and y are the velocity on the optical axis over depth (1/s), linear z is the divergence (1/s), angular z
    the rotation (rad/s).
    """
    fx, fy = focal_px
    into = np.zeros((6, 4))
    into[0, 0], into[1, 1], into[5, 2], into[2, 3] = 1 / fx, -1 / fy, -1.0, 1.0
    values, covariance = motion.about()
    return into @ values, into @ covariance @ into.T + np.diag([0, 0, 0, UNKNOWN, UNKNOWN, 0.0])
