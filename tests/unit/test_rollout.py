"""The one loop, and the trials that it flies."""

import numpy as np
import pytest

from sim_worlds.blimp import blimp_params
from sim_worlds.lidar import LidarParams
from sim_worlds.rollout import Flights, rollout
from sim_worlds.trials import TRIALS, find_trial
from sim_worlds.weather import draw_weather
from snn_core.errors import ConfigError

SETPOINT = np.repeat([0.5, 1.0], 30)


class Listener:
    """A controller that remembers what it was told and answers with a thrust upwards."""

    def __init__(self) -> None:
        self.told: list[tuple[np.ndarray, np.ndarray]] = []

    def __call__(self, setpoint_m: np.ndarray, height_m: np.ndarray) -> np.ndarray:
        self.told.append((setpoint_m.copy(), height_m.copy()))
        return 5.0 * (setpoint_m - np.nan_to_num(height_m))


def fly(worlds: int = 2, seed: int = 0, lidar: LidarParams | None = None, **overrides) -> tuple[Flights, Listener]:
    listener = Listener()
    params = blimp_params("tudelft_2023", worlds, **overrides)
    weather = draw_weather(len(SETPOINT), worlds, np.random.default_rng(seed))
    return rollout(listener, params, SETPOINT, 0.1, weather, lidar), listener


def test_the_controller_sees_the_lidar_and_the_record_the_truth() -> None:
    flights, listener = fly(lidar=LidarParams(quantum_m=0.1))
    seen = np.array([height for _, height in listener.told])
    np.testing.assert_array_equal(flights.measured_m, seen)
    np.testing.assert_allclose(seen * 10, np.round(seen * 10), atol=1e-9)
    assert np.abs(flights.height_m - seen).max() <= 0.06
    assert (flights.height_m != seen).any()
    np.testing.assert_array_equal(flights.command, 5.0 * (flights.setpoint_m - seen))


def test_every_world_starts_at_rest_at_its_first_setpoint() -> None:
    flights, _ = fly(worlds=3)
    assert flights.height_m.shape == (len(SETPOINT), 3)
    np.testing.assert_array_equal(flights.height_m[0], 0.5)
    np.testing.assert_array_equal(flights.setpoint_m, np.repeat(SETPOINT[:, None], 3, axis=1))


def test_worlds_may_fly_different_setpoints() -> None:
    setpoint = np.stack([SETPOINT, SETPOINT + 1.0], axis=1)
    params = blimp_params("tudelft_2023", 2)
    flights = rollout(Listener(), params, setpoint, 0.1, draw_weather(len(setpoint), 2, np.random.default_rng(0)))
    np.testing.assert_array_equal(flights.height_m[0], [0.5, 1.5])


def test_the_seed_makes_the_flight() -> None:
    first, again, other = (fly(seed=seed)[0].height_m for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_lost_samples_reach_the_controller_as_missing() -> None:
    flights, listener = fly(lidar=LidarParams(dropout=1.0))
    assert all(np.isnan(height).all() for _, height in listener.told)
    assert np.isfinite(flights.height_m).all()


def test_trials_are_staircases() -> None:
    assert TRIALS["steps"].setpoint_series(0.1).shape == (5 * 700,)
    np.testing.assert_array_equal(np.unique(find_trial("step").setpoint_series(0.1)), [0.5, 1.5])
    np.testing.assert_array_equal(find_trial("hover").setpoint_series(0.5), np.ones(280))


def test_an_unknown_trial_is_named_with_the_known() -> None:
    with pytest.raises(ConfigError, match="unknown trial 'loop': expected one of steps, step, hover"):
        find_trial("loop")
