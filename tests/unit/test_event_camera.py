"""The event camera against the physics that it stands for: counts, rates and intervals known in closed form."""

import numpy as np
import pytest

from snn_core.errors import ConfigError
from snn_core.event_camera import EventCamera, EventCameraConfig, PixelEvents, log_intensity

IDEAL = {"mismatch": 0.0, "refractory_us": 0.0, "leak_hz": 0.0, "noise_hz": 0.0}


def camera(side=32, seed=0, **constants):
    return EventCamera(side, side, EventCameraConfig.check({**IDEAL, **constants}), np.random.default_rng(seed))


def film(eye, images, step_us):
    """All events of images that follow each other."""
    parts = [eye.see(image, k * step_us) for k, image in enumerate(images)]
    return PixelEvents(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def flat(value, side=32):
    return np.full((side, side), float(value))


def per_pixel(events, side=32):
    return np.bincount(events.y * side + events.x, minlength=side * side)


def test_one_pixel_by_hand():
    eye = camera(1, threshold=0.2)
    assert len(eye.see(flat(0, 1), 0.0).x) == 0
    rise = eye.see(flat(0.5, 1), 1000.0)
    assert (rise.t_us.tolist(), rise.on.tolist()) == ([400, 800], [True, True])
    fall = eye.see(flat(0, 1), 2000.0)  # remembered 0.4: crosses 0.2 after three fifths of the way, 0.0 at its end
    assert (fall.t_us.tolist(), fall.on.tolist()) == ([1600, 2000], [False, False])


def test_the_dark_is_linear_and_the_rest_logarithmic():
    assert log_intensity(np.array([0, 10, 20, 200])) == pytest.approx([0, np.log(20) / 2, np.log(20), np.log(200)])


@pytest.mark.parametrize("contrast", [0.31, 0.77, 1.93])
def test_a_step_brings_its_height_over_the_threshold(contrast):
    eye = camera(threshold=0.25, mismatch=0.04)
    counts = per_pixel(film(eye, [flat(0), flat(contrast)], 10_000))
    assert np.array_equal(counts, np.floor(contrast / eye.thresholds[1]).ravel())
    assert counts.mean() == pytest.approx(contrast / 0.25 - 0.5, abs=0.5)


def test_thresholds_spread_as_asked():
    eye = camera(64, threshold=0.2, mismatch=0.03)
    counts = per_pixel(film(eye, [flat(0, 64), flat(40, 64)], 1_000_000), 64)
    assert np.mean(40 / counts) == pytest.approx(0.2, rel=0.01)
    assert np.std(40 / counts) == pytest.approx(0.03, rel=0.05)


@pytest.mark.parametrize("mismatch", [0.0, 0.03])
def test_flicker_balances_on_and_off(mismatch):
    """After whole periods a pixel's ON steps add up to its OFF steps, each times its own threshold."""
    phase = np.linspace(0, 2 * np.pi, 32 * 32).reshape(32, 32)
    eye = camera(threshold=0.23, mismatch=mismatch)
    found = film(eye, [np.sin(phase + 2 * np.pi * k / 50) for k in range(501)], 1000)  # ten periods
    on = per_pixel(PixelEvents(*(column[found.on] for column in found)))
    off = per_pixel(found) - on
    left_over = on * eye.thresholds[1].ravel() - off * eye.thresholds[0].ravel()
    assert on.mean() > 70  # eight steps of 0.23 up ten times, or nearly
    assert np.abs(left_over).max() <= eye.thresholds.max() + 1e-9
    if mismatch == 0:
        assert np.abs(on - off).max() <= 1


@pytest.mark.parametrize("step_us", [1000, 7000])
def test_leak_brings_on_events_at_its_rate(step_us):
    found = film(camera(leak_hz=8.0, threshold=0.3), [flat(0)] * (10_000_000 // step_us + 1), step_us)
    assert found.on.all()
    assert per_pixel(found).mean() == pytest.approx(80, rel=0.02)


def test_shot_noise_is_poisson():
    found = film(camera(noise_hz=5.0), [flat(0)] * 401, 50_000)  # 20 s
    counts = per_pixel(found)
    assert counts.mean() == pytest.approx(100, abs=4 * np.sqrt(100 / 1024))
    assert counts.var() / counts.mean() == pytest.approx(1, abs=4 * np.sqrt(2 / 1024))
    assert found.on.mean() == pytest.approx(0.5, abs=0.01)
    intervals = np.diff(found.t_us[found.y * 32 + found.x == 77])
    assert intervals.std() / intervals.mean() == pytest.approx(1, abs=0.4)


def test_refractory_time_bounds_the_rate():
    """On a ramp of r a pixel waits for the threshold after each silence: one event in threshold / r + silence."""
    images = [flat(0.02 * k) for k in range(1001)]  # 20 per second
    found = film(camera(threshold=0.2, refractory_us=7000.0), images, 1000)
    intervals = np.diff(found.t_us[(found.x == 3) & (found.y == 4)])
    assert intervals.min() >= 7000
    assert intervals.mean() == pytest.approx(0.2 / 20 * 1e6 + 7000, rel=0.001)


def test_what_a_pixel_in_reset_missed_is_forgotten():
    eye = camera(1, threshold=0.2, refractory_us=5000.0)
    found = film(eye, [flat(v, 1) for v in (0, 1, 1, 1, 1, 1, 1)], 1000)
    assert found.t_us.tolist() == [200]  # at 5200 us it remembers 1, and nothing moves any more


def test_images_between_change_nothing():
    ends = np.random.default_rng(3).normal(0, 1, (2, 32, 32))
    middle = [ends[0] + (ends[1] - ends[0]) * k / 8 for k in range(9)]
    constants = {"threshold": 0.13, "mismatch": 0.02, "refractory_us": 310.0, "leak_hz": 20.0}
    few, many = film(camera(**constants), ends, 8000), film(camera(**constants), middle, 1000)
    order = [np.lexsort((e.x, e.y, e.t_us)) for e in (few, many)]
    assert np.array_equal(few.on[order[0]], many.on[order[1]])
    assert np.abs(few.t_us[order[0]] - many.t_us[order[1]]).max() <= 1


def test_events_come_in_order_and_the_seed_decides():
    images = np.random.default_rng(4).normal(0, 0.5, (20, 32, 32))
    noisy = {"mismatch": 0.03, "noise_hz": 50.0, "leak_hz": 1.0, "refractory_us": 200.0}
    first, again, other = (film(camera(seed=seed, **noisy), images, 2500) for seed in (1, 1, 2))
    assert (np.diff(first.t_us) >= 0).all()
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert len(first.x) != len(other.x)


def test_wrong_images_and_constants_are_refused():
    eye = camera()
    with pytest.raises(ValueError, match=r"expected an image of shape \(32, 32\), found \(4, 4\)"):
        eye.see(flat(0, 4), 0.0)
    eye.see(flat(0), 10.0)
    with pytest.raises(ValueError, match="a time after 10"):
        eye.see(flat(0), 10.0)
    with pytest.raises(ConfigError, match="threshold"):
        camera(threshold=0.0)
