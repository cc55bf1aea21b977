"""Local motion as a picture: the hue of a tile is the direction in which it most likely moves."""

import colorsys

import numpy as np
from numpy.typing import NDArray

from snn_perception.events.batch import EventBatch
from snn_perception.motion.delay_layer import DIRECTIONS
from snn_perception.motion.evidence import Evidence

LEAST_PATCHES = 5
HUES = np.array([colorsys.hsv_to_rgb(k / DIRECTIONS, 1.0, 1.0) for k in range(DIRECTIONS)])  # red right, green up-left


def flow_picture(evidence: Evidence, batch: EventBatch, tile: int) -> NDArray[np.uint8]:
    """An RGB image (row, column, 3): events in the colour of their tile's direction, grey where none is clear."""
    across = -(-batch.width // tile)
    best = evidence.sums.max(axis=1).argmax(axis=1)  # (tile,) direction
    colours = HUES[best]
    colours[evidence.patches < LEAST_PATCHES] = 0.5
    image = np.zeros((batch.height, batch.width, 3), np.uint8)
    owner = batch.y.astype(np.int64) // tile * across + batch.x // tile
    image[batch.y, batch.x] = (colours[owner] * 255).astype(np.uint8)
    return image
