"""Looming: contact is foreseen from growth alone, and not where nothing grows."""

import numpy as np
import pytest

from snn_perception.motion.looming import LoomingDetector


def approach(speed, size=0.8, focal=70.0, noise=300, grows=True, seed=0):
    """Events on a square that comes nearer, in windows of 0.1 s; yields true time to contact and what is told."""
    rng = np.random.default_rng(seed)
    detector, distance, told = LoomingDetector(96, 72), 3.0 * speed, []
    for k in range(1, 22):
        seen = distance - speed * 0.1 * k if grows else 1.2 * speed
        half = 0.5 * size * focal / seen
        edge = rng.uniform(-half, half, (600, 2))
        x, y = np.clip(48 + edge[:, 0], 0, 95), np.clip(36 + edge[:, 1], 0, 71)
        x = np.concatenate([x, rng.uniform(0, 96, noise)]).astype(int)
        y = np.concatenate([y, rng.uniform(0, 72, noise)]).astype(int)
        told.append((seen / speed, detector.take(x, y, 0.1 * k).time_to_contact_s))
    return np.array(told)


@pytest.mark.parametrize("speed", [1.2, 1.6, 2.0])
def test_contact_is_foreseen_within_a_fifth_one_second_before(speed):
    told = approach(speed)
    true, found = told[np.abs(told[:, 0] - 1.0).argmin()]
    assert found == pytest.approx(true, rel=0.2)


def test_what_does_not_grow_does_not_alarm():
    found = approach(1.0, grows=False)[:, 1]
    assert not (found < 2.0).any()


def test_noise_alone_is_nothing():
    rng, detector = np.random.default_rng(1), LoomingDetector(96, 72)
    for k in range(20):
        seen = detector.take(rng.integers(0, 96, 300), rng.integers(0, 72, 300), 0.1 * k)
        assert not seen.time_to_contact_s < 2.0


def test_it_tells_where_it_is():
    rng, detector = np.random.default_rng(1), LoomingDetector(96, 72)
    seen = detector.take(rng.integers(60, 76, 900), rng.integers(10, 26, 900), 0.1)
    assert (seen.x_px, seen.y_px) == pytest.approx((20, -18), abs=1.5)
