"""The same weather for many worlds: what makes flights under different conditions comparable."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class SharedWeather(np.random.Generator):
    """The generator of a rollout in which world i gets the random numbers of `seeds[i]`, whoever flies beside it.

    Each world sees the very drafts and sensor noise that a rollout of it alone, with `default_rng(seeds[i])`, would.
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        distinct, self._source = np.unique(np.asarray(seeds), return_inverse=True)
        self._each = [np.random.default_rng(int(seed)) for seed in distinct]
        super().__init__(self._each[0].bit_generator)

    def standard_normal(self, size: int) -> Array:  # type: ignore[override]
        """(size,) normal numbers; size is the number of worlds."""
        return self._spread([generator.standard_normal() for generator in self._each], size)

    def random(self, size: int) -> Array:  # type: ignore[override]
        """(size,) numbers from [0, 1); size is the number of worlds."""
        return self._spread([generator.random() for generator in self._each], size)

    def _spread(self, drawn: list[float], size: int) -> Array:
        if size != len(self._source):
            raise ValueError(f"expected one number for each of {len(self._source)} worlds, asked for {size}")
        return np.array(drawn)[self._source]
