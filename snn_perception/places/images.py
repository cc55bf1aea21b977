"""Grey images of any size, checked, and their resampling to the size that a network sees."""

from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.errors import DataError

Images = NDArray[np.uint8]  # (image, row, column)
Array = NDArray[np.float32]
LARGEST_SIDE_PX = 8192
SMALLEST_SIDE_PX = 8
KEPT_SIDE_PX = 640  # of images of a recording; networks look at far fewer
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


def to_grey(image: NDArray, source: str = "image") -> Images:
    """One image (row, column), (row, column, 1), RGB or RGBA as grey uint8 (row, column).

    Raises:
        DataError: another shape or type, an empty or a giant image; the message names `source`.
    """
    if image.dtype == np.bool_:
        image = image.astype(np.uint8) * np.uint8(255)
    if image.dtype != np.uint8:
        raise DataError(f"{source}: expected uint8 pixels, found {image.dtype}; scale the values to 0..255 first")
    if image.ndim == 3 and image.shape[2] in (1, 3, 4):
        colours = image[..., :3].astype(np.float32)
        image = np.rint(colours @ LUMA).astype(np.uint8) if image.shape[2] > 1 else image[..., 0]
    if image.ndim != 2:
        raise DataError(f"{source}: expected an image (row, column) or RGB, found shape {image.shape}")
    check_size(image.shape[0], image.shape[1], source)
    return np.ascontiguousarray(image)


def check_size(height: int, width: int, source: str) -> None:
    """Refuse a size that no camera image for this purpose has, before memory is taken for it.

    Raises:
        DataError: a side is too short or too long.
    """
    if min(height, width) < SMALLEST_SIDE_PX or max(height, width) > LARGEST_SIDE_PX:
        raise DataError(
            f"{source}: expected sides of {SMALLEST_SIDE_PX} to {LARGEST_SIDE_PX} px, found {width} x {height}; "
            "resize or crop the images"
        )


@lru_cache(maxsize=64)
def resampling(source_px: int, target_px: int) -> tuple[NDArray[np.int64], Array]:
    """Linear interpolation, widened where it shrinks so that nothing aliases: first source pixel (target,), weights.

    Weights (target, tap) sum to 1; a tap beyond the image has the weight 0.
    """
    scale = source_px / target_px
    centres = (np.arange(target_px) + 0.5) * scale - 0.5
    reach = max(scale, 1.0)
    first = np.maximum(np.ceil(centres - reach), 0).astype(np.int64)
    taps = first[:, None] + np.arange(int(2 * reach) + 1)[None]
    weights = np.where(taps < source_px, np.maximum(0.0, 1.0 - np.abs(taps - centres[:, None]) / reach), 0.0)
    return first, (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def resize(images: NDArray, height_px: int, width_px: int) -> Array:
    """Images (image, row, column) resampled to (image, height, width), float32."""
    out = np.empty((len(images), height_px, width_px), np.float32)
    vertical, horizontal = resampling(images.shape[1], height_px), resampling(images.shape[2], width_px)
    _resize(images, *vertical, *horizontal, out)
    return out


def shrink(image: Images) -> Images:
    """An image (row, column) whose longer side has at most 640 px, so that long recordings fit into memory."""
    height, width = image.shape
    scale = KEPT_SIDE_PX / max(height, width)
    if scale >= 1.0:
        return image
    smaller = resize(image[None], max(round(height * scale), 1), max(round(width * scale), 1))[0]
    return np.rint(smaller).clip(0, 255).astype(np.uint8)


@njit(cache=True, nogil=True)
def _resize(images, top, rows, left, columns, out):
    """Rows first: each row of the result is a weighted sum of whole rows, then columns are gathered from it."""
    height, width = images.shape[1], images.shape[2]
    line = np.empty(width, np.float32)
    for n in range(len(images)):
        for y in range(out.shape[1]):
            line[:] = np.float32(0.0)
            for k in range(min(rows.shape[1], height - top[y])):
                for x in range(width):
                    line[x] += rows[y, k] * np.float32(images[n, top[y] + k, x])
            for x in range(out.shape[2]):
                total = np.float32(0.0)
                for k in range(min(columns.shape[1], width - left[x])):
                    total += columns[x, k] * line[left[x] + k]
                out[n, y, x] = total
