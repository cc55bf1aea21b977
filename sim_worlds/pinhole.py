"""A pinhole camera without distortion, as camera drivers describe it."""

import math


def camera_matrices(rows: int, columns: int, fov_rad: float) -> tuple[list[float], list[float]]:
    """Intrinsic (9) and projection (12) matrix, row by row; `fov_rad` is the horizontal field of view."""
    focal, x, y = 0.5 * columns / math.tan(0.5 * fov_rad), 0.5 * columns, 0.5 * rows
    intrinsic = [focal, 0.0, x, 0.0, focal, y, 0.0, 0.0, 1.0]
    return intrinsic, [focal, 0.0, x, 0.0, 0.0, focal, y, 0.0, 0.0, 0.0, 1.0, 0.0]
