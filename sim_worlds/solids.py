"""Boxes to hit: distance from a point, and the range down to what lies below."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]


@njit(cache=True)
def box_distance(centre: Array, half: Array, yaw: float, point: Array) -> float:
    """Distance from a point (3,) to a box that is turned about the vertical; negative inside."""
    c, s = math.cos(yaw), math.sin(yaw)
    x, y, z = point[0] - centre[0], point[1] - centre[1], point[2] - centre[2]
    dx, dy, dz = abs(c * x + s * y) - half[0], abs(c * y - s * x) - half[1], abs(z) - half[2]
    outside = math.sqrt(max(dx, 0.0) ** 2 + max(dy, 0.0) ** 2 + max(dz, 0.0) ** 2)
    return outside + min(max(dx, dy, dz), 0.0)


@njit(cache=True)
def clearance(centre_m: Array, half_m: Array, yaw_rad: Array, point_m: Array, ceiling_m: float) -> float:
    """Distance from a point to the nearest box, the floor or the ceiling (0 = none)."""
    nearest = point_m[2]
    if ceiling_m > 0.0:
        nearest = min(nearest, ceiling_m - point_m[2])
    for k in range(len(yaw_rad)):
        nearest = min(nearest, box_distance(centre_m[k], half_m[k], yaw_rad[k], point_m))
    return nearest


@njit(cache=True)
def down_range(centre_m: Array, half_m: Array, yaw_rad: Array, point_m: Array) -> float:
    """Distance down to the top of what is below a point, or to the floor at height 0."""
    top = 0.0
    for k in range(len(yaw_rad)):
        c, s = math.cos(yaw_rad[k]), math.sin(yaw_rad[k])
        x, y = point_m[0] - centre_m[k, 0], point_m[1] - centre_m[k, 1]
        if abs(c * x + s * y) <= half_m[k, 0] and abs(c * y - s * x) <= half_m[k, 1]:
            height = centre_m[k, 2] + half_m[k, 2]
            if height <= point_m[2]:
                top = max(top, height)
    return point_m[2] - top
