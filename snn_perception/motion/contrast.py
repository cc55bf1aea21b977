"""Contrast maximisation, the trivial but strong peer (Gallego et al. 2018): the velocity that sharpens the events most.

Events are moved back along a velocity into an image, which is blurred; where edges fall on themselves, its variance is
greatest. A grid of velocities, then steps that shrink.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_perception.events.batch import EventBatch

Array = NDArray[np.float64]
SIGMA_PX = 1.0
RINGS, SPOKES = 12, 16
FASTEST_PX_S, SLOWEST_PX_S = 1448.0, 16.0
HALVINGS = 7


def maximise_contrast(batch: EventBatch) -> tuple[float, float]:
    """(vx, vy) in px/s, y up, of the greatest variance of the blurred image of moved events."""
    time_s = (batch.t_us - batch.t_us[len(batch) // 2]) * 1e-6
    kernel = np.exp(-0.5 * (np.arange(-3, 4) / SIGMA_PX) ** 2)
    kernel /= kernel.sum()
    x, y = batch.x.astype(np.float64), -batch.y.astype(np.float64)
    y -= y.min()

    def contrast(v: Array) -> float:
        return float(_contrast(x, y, time_s, v[0], v[1], batch.width, batch.height, kernel))

    speeds = np.geomspace(SLOWEST_PX_S, FASTEST_PX_S, RINGS)
    angles = 2 * np.pi * np.arange(SPOKES) / SPOKES
    grid = [np.array([s * np.cos(a), s * np.sin(a)]) for s in speeds for a in angles]
    best = max([np.zeros(2), *grid], key=contrast)
    value, step = contrast(best), 0.2 * max(float(np.hypot(*best)), SLOWEST_PX_S)
    for _ in range(HALVINGS):
        trials = [best + step * np.array(move) for move in ((1, 0), (-1, 0), (0, 1), (0, -1))]
        values = [contrast(trial) for trial in trials]
        k = int(np.argmax(values))
        if values[k] > value:
            best, value = trials[k], values[k]
        else:
            step /= 2
    return float(best[0]), float(best[1])


@njit(cache=True, nogil=True)
def _contrast(x, y, time_s, vx, vy, width, height, kernel):
    image, blurred = np.zeros((height, width)), np.zeros((height, width))
    for k in range(len(x)):
        column, row = x[k] - vx * time_s[k], y[k] - vy * time_s[k]
        j, i = np.int64(np.floor(column)), np.int64(np.floor(row))
        if 0 <= j < width - 1 and 0 <= i < height - 1:
            q, p = column - j, row - i
            image[i, j] += (1 - p) * (1 - q)
            image[i, j + 1] += (1 - p) * q
            image[i + 1, j] += p * (1 - q)
            image[i + 1, j + 1] += p * q
    half = len(kernel) // 2
    for r in range(height):
        for c in range(width):
            for k in range(-half if c >= half else -c, (half if c + half < width else width - 1 - c) + 1):
                blurred[r, c] += kernel[half + k] * image[r, c + k]
    total, squares = 0.0, 0.0
    for c in range(width):
        for r in range(height):
            value = 0.0
            for k in range(-half if r >= half else -r, (half if r + half < height else height - 1 - r) + 1):
                value += kernel[half + k] * blurred[r + k, c]
            total += value
            squares += value * value
    size = width * height
    return squares / size - (total / size) ** 2
