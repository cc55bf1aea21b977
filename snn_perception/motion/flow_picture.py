"""Local motion as a picture: the hue of a tile's events is the direction in which it most likely moves."""

import colorsys
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn_perception.events.batch import EventBatch
from snn_perception.motion.delay_layer import DIRECTIONS, speeds_px_s
from snn_perception.motion.evidence import Evidence
from snn_perception.motion.motion_estimator import Motion

LEAST_PATCHES = 4
CLEAR = 0.35  # nats of a patch by which the best direction beats the mean one
LEAST_SIDE = 480  # px of the picture's width; small sensors are magnified
WHEEL_PX, MARGIN_PX = 30, 8
UNCLEAR = 0.3  # grey of events whose tile does not tell
HEAD_RAD, HEAD = 2.6, 0.4  # of an arrow: angle to the shaft, length in shafts
Pixels = NDArray[np.uint8]


def flow_picture(evidence: Evidence, batch: EventBatch, tile: int, motion: Motion | None = None) -> Pixels:
    """An RGB image (row, column, 3): events, an arrow for each clear tile, the image's motion in white, the wheel.

    The longer an arrow, the faster: half a tile at 30 px/s, a whole one at 1000.
    """
    across = -(-batch.width // tile)
    directions, speeds, clear = _tiles(evidence)
    factor = -(-LEAST_SIDE // batch.width)
    image: Pixels = np.zeros((batch.height, batch.width, 3), np.uint8)
    owner = batch.y.astype(np.int64) // tile * across + batch.x // tile
    image[batch.y, batch.x] = np.where(clear[owner, None], _hues(directions[owner]), 255 * UNCLEAR)
    image = np.kron(image, np.ones((factor, factor, 1), np.uint8)).astype(np.uint8)
    middle = np.array([batch.width - 1, batch.height - 1]) / 2
    for k in np.flatnonzero(clear):
        at = (evidence.centres[k] * [1, -1] + middle + 0.5) * factor
        length = tile * factor * float(np.clip(math.log(speeds[k] / 30) / math.log(1000 / 30), 0, 1) + 1) / 2
        _arrow(image, at, directions[k], length, _hues(directions[k : k + 1])[0] // 2 + 127, 1)
    if motion is not None and motion.decided:
        at = (np.array(motion.centre_px) * [1, -1] + middle + 0.5) * factor
        _arrow(image, at, math.radians(motion.direction_deg), 0.2 * len(image), (255,) * 3, 3)
    _wheel(image)
    return image


def _tiles(evidence: Evidence) -> tuple[NDArray, NDArray, NDArray]:
    """Most likely direction (rad) and speed (px/s) of each tile, and whether it is clear."""
    best = evidence.sums.max(axis=1)  # (tile, direction)
    gain = (best.max(axis=1) - best.mean(axis=1)) / np.maximum(evidence.patches, 1)
    speed, direction = np.divmod(evidence.sums.reshape(len(best), -1).argmax(axis=1), DIRECTIONS)
    clear = (evidence.patches >= LEAST_PATCHES) & (gain > CLEAR)
    return 2 * np.pi * direction / DIRECTIONS, speeds_px_s()[speed], clear


def _hues(angles: NDArray) -> NDArray:
    """Colours (..., 3): red to the right, yellow-green up, cyan left, violet down."""
    turns = np.round(np.asarray(angles) / (2 * np.pi) * 64).astype(np.int64) % 64
    return _TABLE[turns]


_TABLE = np.array([colorsys.hsv_to_rgb(k / 64, 0.9, 1.0) for k in range(64)]) * 255


def _arrow(image: Pixels, at: NDArray, angle: float, length: float, colour: Any, thick: int) -> None:
    """Centred on a point (x, y down), in direction `angle` (y up)."""
    along = np.array([math.cos(angle), -math.sin(angle)]) * length
    tip = at + along / 2
    _line(image, at - along / 2, tip, colour, thick)
    for side in (HEAD_RAD, -HEAD_RAD):
        head = np.array([math.cos(angle + side), -math.sin(angle + side)]) * length * HEAD
        _line(image, tip, tip + head, colour, thick)


def _line(image: Pixels, start: NDArray, end: NDArray, colour: Any, thick: int) -> None:
    count = int(np.abs(end - start).max()) * 2 + 2
    points = np.linspace(start, end, count)
    for dx in range(thick):
        for dy in range(thick):
            x, y = np.rint(points + np.array([dx, dy]) - thick // 2).astype(np.int64).T
            inside = (x >= 0) & (y >= 0) & (x < image.shape[1]) & (y < image.shape[0])
            image[y[inside], x[inside]] = colour


def _wheel(image: Pixels) -> None:
    """The colours of directions, in the lower left corner."""
    side = np.arange(-WHEEL_PX, WHEEL_PX + 1)
    radius = np.hypot(side[None], side[:, None])
    disc = (radius <= WHEEL_PX) & (radius >= 0.45 * WHEEL_PX)
    colours = _hues(np.arctan2(-side[:, None], side[None]))
    corner = image[-MARGIN_PX - 2 * WHEEL_PX - 1 : -MARGIN_PX, MARGIN_PX : MARGIN_PX + 2 * WHEEL_PX + 1]
    corner[disc] = colours[disc]
