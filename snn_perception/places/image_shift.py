"""By how much the camera must turn for an image to match another: what a robot that follows a taught route steers by.

Horizontal gradients of the logarithm of brightness, divided by the gradients around, so that light and season matter
little; correlated over shifts to both sides, row by row. The ground, where shadows, leaves and snow lie, is left out.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_perception.places.images import Images

Array = NDArray[np.float64]
COLUMNS = 80
BAND = (0.1, 0.68)  # rows that count, shares of the height
AROUND = 4  # pixels to each side that gradients are compared with
MOST = 2.0  # of a normalised gradient
MOST_ACROSS, MOST_DOWN = 24, 5  # pixels of the reduced image


class Shift(NamedTuple):
    """What a comparison says."""

    pixels: float  # of the reduced image by which the view must move to the right to match; NaN where nothing matches
    correlation: float  # at that shift, -1 to 1
    columns: int  # of the reduced image
    rows: int  # by which it looks too low

    def turn_rad(self, focal: float) -> float:
        """Angle to turn to the left for the view to match; focal length as a share of the image's width."""
        return float(-np.arctan(self.pixels / (focal * self.columns)))


def outline(image: Images) -> Array:
    """What is compared of an image (row, column): normalised gradients of its reduced middle rows."""
    step = max(min(image.shape[1] // COLUMNS, image.shape[0]), 1)
    rows, columns = image.shape[0] // step, image.shape[1] // step
    small = image[: rows * step, : columns * step].reshape(rows, step, columns, step).mean(axis=(1, 3))
    bright = np.log(small[round(BAND[0] * rows) : max(round(BAND[1] * rows), 1)] + 12.0)
    change = np.zeros_like(bright)
    change[:, 1:-1] = bright[:, 2:] - bright[:, :-2]
    size = np.sqrt(_around(change**2)) + 0.03
    return np.clip(change / size, -MOST, MOST)


def packed(outlined: Array) -> NDArray[np.int8]:
    """An outline in one byte a pixel; correlation does not mind the scale."""
    return np.rint(outlined * (127.0 / MOST)).astype(np.int8)


def _around(values: Array) -> Array:
    """Mean over a square around each pixel."""
    for axis in (0, 1):
        padded = np.pad(values, [(AROUND + 1, AROUND) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
        sums = np.cumsum(padded, axis=axis)
        reach = 2 * AROUND + 1
        values = (
            np.take(sums, range(reach, sums.shape[axis]), axis) - np.take(sums, range(sums.shape[axis] - reach), axis)
        ) / reach
    return values


@njit(cache=True, nogil=True)
def _correlations(query, reference, across, down):
    """Correlation at shifts and row moves from the first to the last of each pair: query(x), reference(x + d)."""
    rows, columns = query.shape
    found = np.empty((down[1] - down[0] + 1, across[1] - across[0] + 1))
    for j in range(down[0], down[1] + 1):
        for d in range(across[0], across[1] + 1):
            product = mine = theirs = 1e-9
            for row in range(max(0, -j), min(rows, rows - j)):
                for x in range(max(0, -d), min(columns, columns - d)):
                    a, b = query[row, x], reference[row + j, x + d]
                    product += a * b
                    mine += a * a
                    theirs += b * b
            found[j - down[0], d - across[0]] = product / np.sqrt(mine * theirs)
    return found


def shift_between(query: Array, reference: Array) -> Shift:
    """The shift by which two outlines of one shape match best, with a fraction from a parabola through the best three.

    Up to `MOST_ACROSS` pixels to each side, and `MOST_DOWN` up or down, because a robot pitches.
    """
    across, down = (-MOST_ACROSS, MOST_ACROSS), (-MOST_DOWN, MOST_DOWN)
    matches = _correlations(query, reference, across, down)
    row = int(matches.max(axis=1).argmax())
    found, columns = matches[row], query.shape[1]
    best = int(found.argmax())
    if best in (0, len(found) - 1):
        return Shift(float("nan"), float(found[best]), columns, row + down[0])
    left, top, right = found[best - 1 : best + 2]
    bend = left - 2.0 * top + right
    part = 0.5 * (left - right) / bend if bend < 0.0 else 0.0
    # the query shows at x what the reference shows at x + shift: the camera looks too far to the right
    return Shift(-(best + across[0] + float(part)), float(top), columns, row + down[0])
