"""Weather is data: drawn before the flight, the same for whoever flies in it."""

import numpy as np

from sim_worlds.blimp import blimp_params
from sim_worlds.rollout import rollout
from sim_worlds.weather import AGE, GUST, LOST, NOISE, draw_weather, weather_of

SETPOINT = np.repeat([0.5, 1.0], 50)


def fly(weather: np.ndarray) -> np.ndarray:
    def act(setpoint_m: np.ndarray, height_m: np.ndarray) -> np.ndarray:
        return 5.0 * (setpoint_m - height_m)

    return rollout(act, blimp_params("tudelft_2023", weather.shape[2]), SETPOINT, 0.1, weather).height_m


def test_a_world_flies_as_it_would_alone() -> None:
    together = fly(weather_of(100, [3, 8, 3, 1, 8]))
    for row, seed in enumerate([3, 8, 3, 1, 8]):
        np.testing.assert_array_equal(together[:, row], fly(draw_weather(100, 1, np.random.default_rng(seed)))[:, 0])
    assert (together[:, 0] != together[:, 1]).any()


def test_noise_and_gusts_are_normal_age_and_lot_uniform() -> None:
    weather = draw_weather(200, 100, np.random.default_rng(0))
    for row in (NOISE, GUST):
        assert abs(weather[:, row].mean()) < 0.03
        assert abs(weather[:, row].std() - 1.0) < 0.03
    for row in (AGE, LOST):
        assert 0.0 <= weather[:, row].min() < weather[:, row].max() < 1.0
        assert abs(weather[:, row].mean() - 0.5) < 0.01
