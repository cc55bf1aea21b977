"""What the lidar makes of a height."""

import numpy as np

from sim_worlds.lidar import LidarParams, measure
from sim_worlds.weather import draw_sample

COUNT = 20_000
PERFECT = LidarParams(quantum_m=0.0, noise_m=0.0)


def sample(params: LidarParams, height_m: float = 1.234, climb_mps: float = 0.0, seed: int = 0) -> np.ndarray:
    return measure(
        np.full(COUNT, height_m), np.full(COUNT, climb_mps), params, draw_sample(COUNT, np.random.default_rng(seed))
    )


def test_a_perfect_lidar_sees_the_height() -> None:
    assert set(sample(PERFECT)) == {1.234}


def test_heights_come_in_centimetres() -> None:
    assert set(sample(LidarParams(noise_m=0.0))) == {1.23}


def test_noise_has_its_spread() -> None:
    seen = sample(LidarParams(quantum_m=0.0, noise_m=0.02))
    assert abs(seen.mean() - 1.234) < 0.001
    assert abs(seen.std() - 0.02) < 0.001


def test_drop_outs_are_missing() -> None:
    lost = np.isnan(sample(LidarParams(dropout=0.25)))
    assert abs(lost.mean() - 0.25) < 0.02
    assert not np.isnan(sample(LidarParams())).any()
    assert np.isnan(sample(LidarParams(dropout=1.0))).all()


def test_late_samples_show_where_the_blimp_was() -> None:
    seen = sample(LidarParams(quantum_m=0.0, noise_m=0.0, jitter_s=0.2), climb_mps=0.5)
    assert 1.134 <= seen.min() < 1.14
    assert 1.23 < seen.max() <= 1.234


def test_the_ground_is_never_below_the_sensor() -> None:
    assert sample(LidarParams(noise_m=0.1), height_m=0.01).min() == 0.0


def test_the_seed_makes_the_noise() -> None:
    first, again, other = (sample(LidarParams(), seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
