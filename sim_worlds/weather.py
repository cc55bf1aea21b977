"""Everything random that worlds meet, drawn before they fly: the same weather for whoever flies in it.

Weather is an array (time, 4, world): at each step the lidar's noise (standard normal), the age of its sample and the
lot by which it is lost (both uniform in [0, 1)), and the gust that drives the draft (standard normal).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
NOISE, AGE, LOST, GUST = range(4)


def draw_sample(worlds: int, generator: np.random.Generator) -> Array:
    """What befalls one sample of each lidar, (3, world): noise, age, lot."""
    return np.stack([generator.standard_normal(worlds), generator.random(worlds), generator.random(worlds)])


def draw_weather(steps: int, worlds: int, generator: np.random.Generator) -> Array:
    """Weather of `worlds` worlds, (time, 4, world)."""
    weather = np.empty((steps, 4, worlds))
    for now in weather:
        now[:GUST] = draw_sample(worlds, generator)
        now[GUST] = generator.standard_normal(worlds)
    return weather


def weather_of(steps: int, seeds: Sequence[int]) -> Array:
    """Weather in which world i has that of `seeds[i]`, whoever flies beside it, (time, 4, world)."""
    distinct, source = np.unique(np.asarray(seeds), return_inverse=True)
    each = [draw_weather(steps, 1, np.random.default_rng(int(seed))) for seed in distinct]
    return np.concatenate(each, axis=2)[:, :, source]
