"""Patch normalisation by box filters: brightness in deviations of its neighbourhood (Milford and Wyeth 2012)."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.errors import ConfigError
from snn_perception.places.images import Array

FLAT = 1e-6  # variance below which a patch says nothing


def patch_normalise(images: NDArray, patch_px: int) -> Array:
    """(x - mean) / deviation over the window of `patch_px` around each pixel, cut at the edges, clipped to -1..1.

    Images (image, row, column); where a window is flat the result is 0.

    Raises:
        ConfigError: `patch_px` is even, so that no pixel is in the middle.
    """
    if patch_px < 3 or patch_px % 2 == 0:
        raise ConfigError(f"patch_px: expected an odd number from 3, got {patch_px}")
    out = np.empty(images.shape, np.float32)
    _normalise(np.ascontiguousarray(images, np.float32), patch_px // 2, out)
    return out


@njit(cache=True, nogil=True)
def _normalise(images, reach, out):
    """Sums over windows are differences of an integral image, in double precision."""
    count, height, width = images.shape
    total = np.zeros((height + 1, width + 1), np.float64)
    squares = np.zeros((height + 1, width + 1), np.float64)
    for n in range(count):
        for y in range(height):
            for x in range(width):
                value = np.float64(images[n, y, x])
                total[y + 1, x + 1] = value + total[y, x + 1] + total[y + 1, x] - total[y, x]
                squares[y + 1, x + 1] = value * value + squares[y, x + 1] + squares[y + 1, x] - squares[y, x]
        for y in range(height):
            top, bottom = max(y - reach, 0), min(y + reach + 1, height)
            for x in range(width):
                left, right = max(x - reach, 0), min(x + reach + 1, width)
                area = (bottom - top) * (right - left)
                mean = (total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left]) / area
                power = squares[bottom, right] - squares[top, right] - squares[bottom, left] + squares[top, left]
                variance = power / area - mean * mean
                deviation = (images[n, y, x] - mean) / np.sqrt(variance) if variance > FLAT else 0.0
                out[n, y, x] = min(max(deviation, -1.0), 1.0)
