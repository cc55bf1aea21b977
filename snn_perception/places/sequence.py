"""Sequence matching: places in a row must match images in a row, at any of a few speeds.

After SeqSLAM (Milford and Wyeth 2012), causal, so that the robot and the evaluation run the same filter.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator

from snn_core.config import Config
from snn_perception.places.images import Array


class SequenceConfig(Config):
    """Sequence matching."""

    sequence: int = Field(1, ge=1, le=1000, description="images matched together, the newest and those before it")
    slowest: float = Field(0.8, ge=0, le=10, description="slowest speed (places per image)")
    fastest: float = Field(1.2, ge=0, le=10, validate_default=True, description="fastest speed (places per image)")
    speeds: int = Field(5, ge=1, le=100, description="number of speeds tried, evenly spaced")

    @field_validator("fastest")
    @classmethod
    def _not_below_slowest(cls, value: float, info: ValidationInfo) -> float:
        if value < info.data.get("slowest", 0.0):
            raise ValueError(f"expected no less than slowest = {info.data['slowest']}")
        return value


class SequenceFilter:
    """Remembers the scores of the newest images, and adds them up along lines through (place, image)."""

    def __init__(self, config: SequenceConfig) -> None:
        self.config = config
        self.history: deque[Array] = deque(maxlen=config.sequence)
        self.ages: deque[float] = deque(maxlen=config.sequence)  # of each, in images
        self.speeds = np.linspace(config.slowest, config.fastest, config.speeds)
        self.paths = self._paths(np.arange(config.sequence))

    def reset(self) -> None:
        """Forget the images before."""
        self.history.clear()
        self.ages.clear()

    def _paths(self, ages: NDArray) -> list[tuple[int, ...]]:
        """How many places each image lies behind the newest one, for each speed; none twice."""
        steps = np.rint(np.outer(self.speeds, ages)).astype(int)
        return sorted({tuple(path.tolist()) for path in steps})

    def step(self, scores: Array, elapsed: float = 1.0) -> Array:
        """Scores (place,) of one image; returns the mean standard score (place,) along the best line that ends there.

        A line that leaves the map, or reaches back before the first image, gets nothing for that part. A map that has
        grown since simply has no history for the new places. `elapsed` is the time since the image before, in intervals
        for which the speeds hold: 2 where one image was left out.
        """
        self.history.appendleft(standard_scores(scores))
        self.ages = deque([0.0, *(age + elapsed for age in self.ages)][: self.config.sequence])
        even = all(age == k for k, age in enumerate(self.ages))
        best = np.full(len(scores), -np.inf, np.float32)
        for path in self.paths if even else self._paths(np.array(self.ages)):
            np.maximum(best, self._along(path, len(scores)), out=best)
        return best / np.float32(len(self.history))

    def _along(self, path: tuple[int, ...], places: int) -> Array:
        total = np.zeros(places, np.float32)
        for back, past in zip(path, self.history, strict=False):
            reach = min(places - back, len(past))
            if reach > 0:
                total[back : back + reach] += past[:reach]
        return total


def standard_scores(scores: Array) -> Array:
    """Scores (place,) with mean 0 and deviation 1; all zero where they do not differ."""
    deviation = float(scores.std())
    return np.asarray((scores - scores.mean()) / deviation if deviation > 0.0 else np.zeros_like(scores), np.float32)


def filter_matrix(similarity: Array, config: SequenceConfig) -> Array:
    """The filter over all queries of a matrix (place, query), each column from itself and the columns before it."""
    if config.sequence == 1:
        return similarity
    memory = SequenceFilter(config)
    return np.stack([memory.step(column) for column in similarity.T], axis=1)
