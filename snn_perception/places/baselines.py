"""What recognition without a network reaches: patch-normalised differences, and histograms of oriented gradients."""

from collections.abc import Callable

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_perception.places.images import Array, resize
from snn_perception.places.patch_normalisation import patch_normalise

SAD_SIDE_PX, SAD_PATCH_PX = 28, 7
HOG_SIDE_PX, HOG_CELL_PX, HOG_BINS = 64, 8, 9
HOG_CLIP = 0.2


def sad(references: NDArray, queries: NDArray) -> Array:
    """Negative mean absolute difference (place, query) of patch-normalised 28 x 28 images."""
    a, b = (
        patch_normalise(resize(x, SAD_SIDE_PX, SAD_SIDE_PX), SAD_PATCH_PX).reshape(len(x), -1)
        for x in (references, queries)
    )
    out = np.empty((len(a), len(b)), np.float32)
    _mean_differences(a, b, out)
    return out


@njit(cache=True, nogil=True)
def _mean_differences(a, b, out):
    for i in range(len(a)):
        for j in range(len(b)):
            total = np.float32(0.0)
            for k in range(a.shape[1]):
                total += abs(a[i, k] - b[j, k])
            out[i, j] = -total / np.float32(a.shape[1])


def hog(references: NDArray, queries: NDArray) -> Array:
    """Cosine (place, query) of HOG descriptors, each traverse centred by its own mean, so that its season goes."""
    a, b = (hog_descriptors(x) for x in (references, queries))
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    a, b = (x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9) for x in (a, b))
    return np.asarray(a @ b.T, np.float32)


def hog_descriptors(images: NDArray) -> Array:
    """Dalal and Triggs 2005: 9 unsigned orientations, 8 px cells of a 64 px image, 2 x 2 blocks, L2-Hys."""
    grey = resize(images, HOG_SIDE_PX, HOG_SIDE_PX)
    dy, dx = np.gradient(grey, axis=(1, 2))
    strength, turn = np.hypot(dx, dy), (np.arctan2(dy, dx) % np.pi) / np.pi * HOG_BINS - 0.5
    lower = np.floor(turn).astype(int)
    share = turn - lower
    cells = HOG_SIDE_PX // HOG_CELL_PX
    histogram = np.zeros((len(images), cells, cells, HOG_BINS), np.float32)
    for o in range(HOG_BINS):
        part = strength * ((lower % HOG_BINS == o) * (1 - share) + ((lower + 1) % HOG_BINS == o) * share)
        histogram[..., o] = part.reshape(-1, cells, HOG_CELL_PX, cells, HOG_CELL_PX).sum(axis=(2, 4))
    corners = (histogram[:, i : i + cells - 1, j : j + cells - 1] for i in (0, 1) for j in (0, 1))
    blocks = np.concatenate(list(corners), axis=3)
    blocks = np.minimum(_unit(blocks), HOG_CLIP)
    return _unit(blocks).reshape(len(images), -1)


def _unit(blocks: Array) -> Array:
    return np.asarray(blocks / np.sqrt((blocks**2).sum(axis=-1, keepdims=True) + 1e-6), np.float32)


BASELINES: dict[str, Callable[[NDArray, NDArray], Array]] = {"sad": sad, "hog": hog}
