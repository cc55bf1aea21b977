"""Looming: contact is foreseen from growth alone, also when no outline is left in view, and not where nothing grows."""

import numpy as np
import pytest

from snn_perception.motion.looming import LoomingDetector

WIDTH, HEIGHT, FOCAL_PX = 96, 72, 70.0


class Spotted:
    """A square with random spots that comes nearer, seen by an event camera; and noise everywhere."""

    def __init__(self, speed_mps, size_m=0.8, distance_m=4.0, left_mps=0.0, seed=0):
        self.rng = np.random.default_rng(seed)
        self.spots_m = self.rng.uniform(-0.5 * size_m, 0.5 * size_m, (80, 2))
        self.speed_mps, self.distance_m, self.left_mps = speed_mps, distance_m, left_mps

    def window(self, time_s, span_s=0.1, events=500, noise=100):
        """The events (x, y, t_us, on) of a window that ends at `time_s`."""
        t = np.sort(self.rng.uniform(time_s - span_s, time_s, events))
        spot = self.rng.integers(0, len(self.spots_m), events)
        at = self.spots_m[spot] + np.outer(self.left_mps * t, [1.0, 0.0])
        px = FOCAL_PX * at / (self.distance_m - self.speed_mps * t)[:, None] + [0.5 * WIDTH, 0.5 * HEIGHT]
        noisy = self.rng.uniform((0, 0), (WIDTH, HEIGHT), (noise, 2))
        px, t = np.concatenate([px, noisy]), np.append(t, self.rng.uniform(time_s - span_s, time_s, noise))
        on = np.append(spot % 2, self.rng.integers(0, 2, noise)) > 0
        seen = ((px >= 0) & (px < (WIDTH, HEIGHT))).all(axis=1)
        order = np.argsort(t[seen], kind="stable")
        x, y = px[seen][order].astype(int).T
        return x, y, (t[seen][order] * 1e6).astype(int), on[seen][order]

    def told(self, until_s):
        """True and told time to contact of every window."""
        detector, rows = LoomingDetector(WIDTH, HEIGHT), []
        for k in range(1, round(until_s / 0.1) + 1):
            true = self.distance_m / self.speed_mps - 0.1 * k if self.speed_mps > 0.0 else np.inf
            rows.append((true, detector.take(*self.window(0.1 * k), 0.1 * k).time_to_contact_s))
        return np.array(rows)


@pytest.mark.parametrize(("speed", "distance"), [(0.5, 2.5), (1.0, 4.0), (2.0, 8.0)])
def test_contact_is_foreseen_within_a_fifth_one_second_before(speed, distance):
    told = Spotted(speed, distance_m=distance).told(distance / speed - 0.9)
    true, found = told[np.abs(told[:, 0] - 1.0).argmin()]
    assert found == pytest.approx(true, rel=0.2)


@pytest.mark.parametrize("scene", [{"speed_mps": 0.0}, {"speed_mps": -1.0}, {"speed_mps": 0.0, "left_mps": 0.5}])
def test_what_stays_recedes_or_passes_does_not_alarm(scene):
    found = Spotted(distance_m=2.0, **scene).told(2.5)[:, 1]
    assert not (found < 3.0).any()


def test_noise_alone_is_nothing():
    noise, detector = Spotted(0.0), LoomingDetector(WIDTH, HEIGHT)
    for k in range(1, 20):
        seen = detector.take(*noise.window(0.1 * k, events=0, noise=300), 0.1 * k)
        assert not seen.time_to_contact_s < 3.0


def test_it_tells_where_it_is():
    detector, thing = LoomingDetector(WIDTH, HEIGHT), Spotted(1.0, size_m=0.5)
    thing.spots_m += [0.3, -0.2]
    for k in range(1, 21):
        seen = detector.take(*thing.window(0.1 * k), 0.1 * k)
    middle = FOCAL_PX * np.array([0.3, -0.2]) / 2.0
    assert (seen.x_px, seen.y_px) == pytest.approx(middle, abs=4)
    assert seen.size_px == pytest.approx(FOCAL_PX * 0.5 / 2.0, abs=8)


def test_no_events_are_nothing():
    nothing = np.zeros(0, int)
    seen = LoomingDetector(WIDTH, HEIGHT).take(nothing, nothing, nothing, nothing > 0, 0.1)
    assert np.isnan(seen.time_to_contact_s)
