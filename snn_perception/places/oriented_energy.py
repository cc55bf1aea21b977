"""Oriented energy of an image with local contrast normalisation: what the input neurons are driven by.

Signed gradients of the logarithm of brightness, shared softly among orientations and cells as in histograms of oriented
gradients (Dalal and Triggs 2005), divided by the energy around (divisive normalisation, Heeger 1992), compressed by a
square root.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_perception.places.images import Array, resize


class EnergyConfig(Config):
    """The retina and its oriented filters."""

    size_px: int = Field(64, ge=16, le=256, description="side of the square that images are resampled to (px)")
    orientations: int = Field(16, ge=4, le=64, description="directions of the brightness gradient, over a full turn")
    cells: int = Field(16, ge=4, le=64, description="rows and columns of cells that pixels are pooled into")
    phase: float = Field(0.0, ge=0, lt=1, description="rotation of all orientations (fraction of their spacing)")
    brightness_offset: float = Field(40.0, ge=1, le=255, description="added to brightness before the logarithm")
    surround_cells: int = Field(2, ge=1, le=16, description="reach of the contrast normalisation (cells)")
    contrast_floor: float = Field(1.0, gt=0, le=100, description="share of the image's mean energy in every surround")
    contrast_exponent: float = Field(0.5, ge=0, le=1, description="strength of the contrast normalisation")

    @property
    def features(self) -> int:
        """Oriented cells: orientations x rows x columns, columns varying fastest."""
        return self.orientations * self.cells * self.cells


def oriented_energies(images: NDArray, config: EnergyConfig) -> Array:
    """Energies (image, feature) of grey images (image, row, column) of any size."""
    brightness = np.log(resize(images, config.size_px, config.size_px) + np.float32(config.brightness_offset))
    pooled = np.zeros((len(images), config.orientations, config.cells, config.cells), np.float32)
    _pool_gradients(brightness, np.float32(config.phase), pooled)
    _normalise(pooled, config.surround_cells, np.float32(config.contrast_floor), np.float32(config.contrast_exponent))
    return pooled.reshape(len(images), -1)


@njit(cache=True, nogil=True)
def _pool_gradients(brightness, phase, pooled):
    """Share each pixel's gradient between two orientations and up to four cells."""
    images, size, _ = brightness.shape
    orientations, cells = pooled.shape[1], pooled.shape[2]
    for n in range(images):
        for y in range(size):
            for x in range(size):
                dx = brightness[n, y, min(x + 1, size - 1)] - brightness[n, y, max(x - 1, 0)]
                dy = brightness[n, min(y + 1, size - 1), x] - brightness[n, max(y - 1, 0), x]
                strength = np.float32(np.sqrt(dx * dx + dy * dy))
                turn = np.float32(np.arctan2(dy, dx) / (2.0 * np.pi)) * np.float32(orientations) + phase
                lower = int(np.floor(turn))
                upper_share = np.float32(turn - lower)
                row = np.float32((y + 0.5) * cells / size - 0.5)
                column = np.float32((x + 0.5) * cells / size - 0.5)
                for side in range(2):
                    share = strength * (upper_share if side else np.float32(1.0) - upper_share)
                    _add_to_cells(pooled[n, (lower + side) % orientations], row, column, share)


@njit(cache=True, nogil=True)
def _add_to_cells(cells, row, column, amount):
    """Bilinear shares; beyond the outermost centres the outermost cell takes all."""
    last = cells.shape[0] - 1
    top, left = int(np.floor(row)), int(np.floor(column))
    down, right = np.float32(row - top), np.float32(column - left)
    for i in range(2):
        for j in range(2):
            share = (down if i else np.float32(1.0) - down) * (right if j else np.float32(1.0) - right)
            cells[min(max(top + i, 0), last), min(max(left + j, 0), last)] += amount * share


@njit(cache=True, nogil=True)
def _normalise(pooled, reach, floor, exponent):
    """Divide each cell by the mean energy of the cells around it, then compress by a square root."""
    images, orientations, cells, _ = pooled.shape
    energy = np.empty((cells, cells), np.float32)
    for n in range(images):
        energy[:] = np.float32(0.0)
        for o in range(orientations):
            energy += pooled[n, o]
        least = floor * np.float32(energy.sum() / (cells * cells)) + np.float32(1e-6)
        for y in range(cells):
            for x in range(cells):
                y0, y1 = max(y - reach, 0), min(y + reach + 1, cells)
                x0, x1 = max(x - reach, 0), min(x + reach + 1, cells)
                around = np.float32(0.0)
                for i in range(y0, y1):
                    for j in range(x0, x1):
                        around += energy[i, j]
                around = (around / np.float32((y1 - y0) * (x1 - x0)) + least) ** exponent
                for o in range(orientations):
                    pooled[n, o, y, x] = np.sqrt(pooled[n, o, y, x] / around)
