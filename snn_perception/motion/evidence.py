"""Evidence of motion: surfaces of newest events, read by the layer of delays, summed over tiles of the sensor."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_perception.events.batch import EventBatch
from snn_perception.motion.delay_layer import (
    DIRECTIONS,
    LEAST_SPIKES,
    MARGIN,
    NEVER,
    SPEEDS,
    Floats,
    gather,
    membranes,
    offsets,
    probabilities,
)

SATURATION = 0.03  # of the greatest probability; an edge must not prefer its normal, only exclude what it excludes
FLOOR = np.float32(0.01)  # of a probability: one patch alone can rule nothing out
FADED = np.float32(1e-4)  # a probability that is as good as none
LEAST_TILE, MOST_TILES = 12, 8  # px of a tile's side, tiles along the longer side of the sensor
REBASE_US = 2**30


class Evidence(NamedTuple):
    """What a window says; sums of log probabilities over its patches."""

    sums: Floats  # (tile, speed, direction)
    patches: NDArray[np.int64]  # (tile,)
    centres: NDArray[np.float64]  # (tile, 2) of its patches, px from the sensor's middle, x right, y up
    events: int
    spikes: int  # of the layer's inputs

    def with_reverse(self, other: "Evidence") -> "Evidence":
        """Together with what the same window says when it is played backwards, where all directions are opposite."""
        patches = self.patches + other.patches
        weighted = self.centres * self.patches[:, None] + other.centres * other.patches[:, None]
        sums = self.sums + np.roll(other.sums, DIRECTIONS // 2, axis=2)
        centres = weighted / np.maximum(patches, 1)[:, None]
        return Evidence(sums, patches, centres, self.events, self.spikes + other.spikes)


class EvidenceGatherer:
    """Keeps the surfaces of a sensor and reads windows of events, at most `budget` patches of each."""

    def __init__(
        self, width: int, height: int, weights: Floats, budget: int = 300, saturation: float = SATURATION
    ) -> None:
        self.width, self.height, self.budget, self.saturation = width, height, budget, saturation
        heard = np.flatnonzero(np.abs(weights).max(axis=(0, 2, 3)))  # a pruned layer looks at fewer pixels
        self.weights = np.ascontiguousarray(weights[:, heard], np.float32).reshape(-1)
        self.pitch = width + 2 * MARGIN
        around = offsets()[heard]
        self.steps = around[:, 0] - around[:, 1] * self.pitch
        self.tile = max(LEAST_TILE, -(-max(width, height) // MOST_TILES))
        self.tiles_across = -(-width // self.tile)
        self.tiles = self.tiles_across * -(-height // self.tile)
        self.reset()

    def reset(self) -> None:
        """Forget all events."""
        self.surface: NDArray[np.int32] = np.full((2, self.pitch * (self.height + 2 * MARGIN)), NEVER, np.int32)
        self.epoch_us: int | None = None

    def read(self, batch: EventBatch) -> Evidence:
        """Take in a window of events, in the order of time and not before the last window's."""
        sums = np.zeros((self.tiles, SPEEDS * DIRECTIONS), np.float32)
        moments = np.zeros((self.tiles, 3))  # patches, sum of x, sum of y
        spikes = self._read(batch, max(1, -(-len(batch) // self.budget)), sums, moments)
        patches = moments[:, 0].astype(np.int64)
        means = moments[:, 1:] / np.maximum(moments[:, :1], 1.0)
        middle = np.array([(self.width - 1) / 2, (self.height - 1) / 2])
        centres = (means - middle) * np.array([1.0, -1.0])
        sums += np.float32(np.log(FLOOR)) * moments[:, :1].astype(np.float32)
        return Evidence(sums.reshape(-1, SPEEDS, DIRECTIONS), patches, centres, len(batch), spikes)

    def remember(self, batch: EventBatch) -> None:
        """Take in events that nothing is asked about, one patch of theirs aside."""
        sums, moments = np.zeros((self.tiles, SPEEDS * DIRECTIONS), np.float32), np.zeros((self.tiles, 3))
        self._read(batch, max(1, len(batch)), sums, moments)

    def _read(self, batch: EventBatch, stride: int, sums: Floats, moments: NDArray[np.float64]) -> int:
        if not len(batch):
            return 0
        self._rebase(int(batch.t_us[0]), int(batch.t_us[-1]))
        spikes = _read(
            batch.x, batch.y, batch.t_us, batch.on, self.epoch_us, self.surface, self.pitch, self.steps,
            self.weights, stride, self.tile, self.tiles_across, self.saturation, sums, moments,
        )  # fmt: skip
        return int(spikes)

    def _rebase(self, first_us: int, last_us: int) -> None:
        """Times on the surfaces are 32 bit, counted from an epoch that moves on with the recording."""
        if self.epoch_us is None or first_us < self.epoch_us or last_us - first_us >= REBASE_US:
            self.reset()
            self.epoch_us = first_us
        if last_us - self.epoch_us >= REBASE_US:
            shift = first_us - self.epoch_us
            moved = self.surface.astype(np.int64) - shift
            self.surface = np.where(moved < -REBASE_US, np.int64(NEVER), moved).astype(np.int32)
            self.epoch_us = first_us


@njit(cache=True, nogil=True)
def _read(x, y, t, on, epoch, surface, pitch, steps, weights, stride, tile, across, saturation, sums, moments):
    patch = np.empty((2, len(steps)), np.uint8)
    potential, found = np.empty(SPEEDS * DIRECTIONS, np.float32), np.empty(SPEEDS * DIRECTIONS, np.float32)
    spikes = 0
    for k in range(len(t)):
        place = (np.int64(y[k]) + MARGIN) * pitch + np.int64(x[k]) + MARGIN
        surface[np.int64(on[k]), place] = np.int32(t[k] - epoch)
        if k % stride:
            continue
        count = gather(surface, np.int64(on[k]), place, steps, patch)
        if count < LEAST_SPIKES:
            continue
        spikes += count
        membranes(patch, weights, potential)
        probabilities(potential, found)
        into = np.int64(y[k]) // tile * across + np.int64(x[k]) // tile
        level = np.float32(saturation) * found.max()
        for c in range(SPEEDS * DIRECTIONS):
            found[c] = found[c] / (found[c] + level)
            if found[c] > FADED:
                sums[into, c] += np.log(np.float32(1.0) + found[c] / FLOOR)
        moments[into, 0] += 1
        moments[into, 1] += x[k]
        moments[into, 2] += y[k]
    return spikes
