"""Worlds that share a seed share their weather, whoever flies beside them."""

import numpy as np
import pytest

from sim_worlds.blimp import blimp_params
from sim_worlds.rollout import rollout
from sim_worlds.weather import SharedWeather

SETPOINT = np.repeat([0.5, 1.0], 50)


def fly(count: int, generator: np.random.Generator) -> np.ndarray:
    def act(setpoint_m: np.ndarray, height_m: np.ndarray) -> np.ndarray:
        return 5.0 * (setpoint_m - height_m)

    return rollout(act, blimp_params("tudelft_2023", count), SETPOINT, 0.1, generator).height_m


def test_a_world_flies_as_it_would_alone() -> None:
    together = fly(5, SharedWeather([3, 8, 3, 1, 8]))
    for row, seed in enumerate([3, 8, 3, 1, 8]):
        np.testing.assert_array_equal(together[:, row], fly(1, np.random.default_rng(seed))[:, 0])
    assert (together[:, 0] != together[:, 1]).any()


def test_it_serves_its_own_worlds_only() -> None:
    with pytest.raises(ValueError, match="2 worlds, asked for 3"):
        SharedWeather([0, 1]).standard_normal(3)
