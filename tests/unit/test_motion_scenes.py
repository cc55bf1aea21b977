"""Motion of drawn scenes: rotation, expansion, depth, bars; covariance; what transforms must do to it."""

from dataclasses import replace

import numpy as np
import pytest

from snn_perception.events.batch import join, make_batch
from snn_perception.events.sources import read_events
from snn_perception.events.transforms import TransformConfig, reversed_in_time, transform_events
from snn_perception.motion.alignment import Aligner
from snn_perception.motion.hindsight import Hindsight
from snn_perception.motion.motion_estimator import MotionConfig, MotionEstimator, windows
from snn_perception.motion.motion_model import MotionModel, load_motion_model
from snn_perception.motion.motion_scenes import draw_scene
from snn_perception.motion.motion_trials import flow_error, still

WINDOW_US = 20_000
SIZE = (128, 128)


@pytest.fixture(scope="module")
def model():
    return load_motion_model()


def last(model, batch, **settings):
    """The last full window's motion."""
    estimator = MotionEstimator(batch.width, batch.height, model, MotionConfig(min_confidence=0.0, **settings))
    parts = list(windows(batch, WINDOW_US))
    motions = [estimator.estimate(part, end_us) for end_us, part in parts]
    return motions[-2 if len(motions) > 1 else -1]


def as_array(motion):
    return motion.about()[0]


def scenes(kind, count=4, travel_px=10.0):
    return [draw_scene(np.random.default_rng([77, k]), kind, travel_px, SIZE) for k in range(count)]


@pytest.mark.parametrize("kind", ["translation", "bars", "rotation", "expansion", "mixed", "depth"])
def test_the_motion_of_a_scene(model, kind):
    errors = [flow_error(as_array(last(model, t.batch)), t, kind == "depth") for t in scenes(kind)]
    assert np.median(errors) < 0.15
    silent = MotionModel(model.header, np.full_like(model.weights, 1e-6))
    wrong = [flow_error(as_array(last(silent, t.batch, align=0)), t, kind == "depth") for t in scenes(kind)]
    assert np.median(wrong) > 0.5  # the mutant


def test_bars_do_not_pull_the_direction_to_their_normal(model):
    off = []
    for trial in scenes("bars", 6):
        truth = np.degrees(np.arctan2(trial.motion[1], trial.motion[0]))
        off.append(abs((last(model, trial.batch).direction_deg - truth + 180) % 360 - 180))
    assert np.median(off) < 5.0


def test_covariance_is_of_the_right_size(model):
    surprises = []
    for trial in scenes("translation", 5) + scenes("rotation", 5):
        motion = last(model, trial.batch)
        found, covariance = motion.about()
        error = found - trial.motion
        surprises.append(error @ np.linalg.solve(covariance, error) / 4)
    assert 0.1 < np.median(surprises) < 5.0


def test_noise_is_no_motion(model):
    rng = np.random.default_rng(5)
    decided = []
    for _ in range(12):
        batch = still(rng).batch
        estimator = MotionEstimator(batch.width, batch.height, model)
        decided += [estimator.estimate(part, end_us).decided for end_us, part in windows(batch, WINDOW_US)]
    assert np.mean(decided) < 0.05


def test_one_pixel_or_few_events_are_no_motion(model):
    hot = make_batch(np.full(500, 9), np.full(500, 9), np.arange(500) * 40, np.arange(500) % 2, (32, 32))
    few = make_batch(np.arange(10), np.arange(10), np.arange(10) * 1000, np.ones(10), (32, 32))
    corners = make_batch([0, 31, 0, 31] * 20, [0, 0, 31, 31] * 20, np.arange(80) * 250, np.ones(80), (32, 32))
    for batch in (hot, few, corners, few.take(slice(0, 0))):
        assert not MotionEstimator(32, 32, model).estimate(batch, 0).decided


def points_of(motion, count=3000, seed=0):
    """Events of forty points that move by a motion (4,) about the middle of a 96 px sensor, within 0.1 s."""
    rng = np.random.default_rng(seed)
    t = np.sort(rng.uniform(0.0, 0.1, count))
    x, y = rng.uniform(-35, 35, (2, 40))[:, rng.integers(0, 40, count)]
    vx, vy, turn, grow = motion
    x, y = x + (t - 0.05) * (vx - turn * y + grow * x), y + (t - 0.05) * (vy + turn * x + grow * y)
    inside = (np.abs(x) < 47) & (np.abs(y) < 47)
    return make_batch(
        np.rint(47.5 + x[inside]), np.rint(47.5 - y[inside]), t[inside] * 1e6, np.ones(inside.sum()), (96, 96)
    )


@pytest.mark.parametrize(
    "motion", [(80.0, -40.0, 0.0, 0.0), (0.0, 0.0, 2.0, 0.0), (0.0, 0.0, 0.0, -1.5), (50.0, 30.0, 1.0, 1.0)]
)
def test_alignment_finds_a_motion_near_where_it_starts(motion):
    aligner = Aligner(96, 96, 12, 8000)
    aligner.remember(points_of(motion))
    found = aligner.refine(np.array(motion) * 0.7 + [5.0, -5.0, 0.2, 0.2])
    assert found is not None
    assert found.motion == pytest.approx(motion, abs=6.0)
    assert found.motion[2:] == pytest.approx(motion[2:], abs=0.15)
    assert found.gain > 0.1
    aligner.reset()
    assert aligner.refine(np.zeros(4)) is None


def test_the_slope_of_sharpness_is_its_change():
    aligner = Aligner(96, 96, 12, 8000)
    aligner.remember(points_of((80.0, -40.0, 1.0, 0.5)))
    motion, near = np.array([60.0, -30.0, 0.5, 0.2]), np.linspace(0.9, 1.1, aligner.tiles)
    points = aligner._points(aligner._near(motion))
    found = aligner.sharpness(points, motion, near, 2.0)
    for k, step in enumerate((0.01, 0.01, 1e-4, 1e-4)):
        shift = np.eye(4)[k] * step
        higher, lower = (aligner.sharpness(points, motion + s * shift, near, 2.0).value for s in (1, -1))
        assert (higher - lower) / (2 * step) == pytest.approx(found.slope[k], rel=0.02, abs=0.02 * abs(found.value))
    tile = int(np.argmax(np.abs(found.slope_near)))
    shift = np.eye(aligner.tiles)[tile] * 1e-3
    higher, lower = (aligner.sharpness(points, motion, near + s * shift, 2.0).value for s in (1, -1))
    assert (higher - lower) / 2e-3 == pytest.approx(found.slope_near[tile], rel=0.05)


CASES = [
    (TransformConfig(rotate=90), 90.0, 1.0, 5.0),
    (TransformConfig(rotate=270), -90.0, 1.0, 5.0),
    (TransformConfig(reverse=True), 180.0, 1.0, 5.0),
    (TransformConfig(stretch=2.0), 0.0, 0.5, 5.0),
    (TransformConfig(drop=0.3, noise=0.1), 0.0, 1.0, 5.0),
]


def check_transform(model, batch, config, turn_deg, speed, limit_deg):
    changed = transform_events(batch, config, np.random.default_rng(0))
    before, after = whole(model, batch), whole(model, changed)
    off = (after.direction_deg - before.direction_deg - turn_deg + 180) % 360 - 180
    ratio = after.speed_px_s / before.speed_px_s
    assert abs(off) < limit_deg
    assert ratio == pytest.approx(speed, rel=0.15)


def whole(model, batch):
    """The motion of a recording as one window."""
    return MotionEstimator(batch.width, batch.height, model, MotionConfig(min_confidence=0.0)).estimate(batch, 0)


@pytest.mark.parametrize(("config", "turn_deg", "speed", "limit_deg"), CASES)
def test_transforms_of_a_scene(model, config, turn_deg, speed, limit_deg):
    batch = draw_scene(np.random.default_rng([77, 1]), "translation", 10.0, SIZE).batch
    check_transform(model, batch, config, turn_deg, speed, limit_deg)


@pytest.mark.parametrize(("config", "turn_deg", "speed", "limit_deg"), CASES)
def test_transforms_of_the_slider(model, data_dir, config, turn_deg, speed, limit_deg):
    batch = read_events(str(data_dir / "events" / "slider_chunk.txt"), (240, 180))
    middle = batch.take((batch.t_us > 60_000) & (batch.t_us < 120_000))
    check_transform(model, middle, config, turn_deg, speed, limit_deg)


def test_in_hindsight_a_motion_is_the_same_backwards(model):
    """To and fro, 25 ms each; by the past alone the turns come late, so that backwards they differ."""
    there = points_of((160.0, 80.0, 0.0, 0.0))
    half = there.take((there.t_us >= 30_000) & (there.t_us < 60_000))
    parts, at_us = [], 0
    for k in range(8):
        part = half if k % 2 == 0 else reversed_in_time(half)
        parts.append(replace(part, t_us=part.t_us - part.t_us[0] + at_us, on=half.on))
        at_us = int(parts[-1].t_us[-1]) + 1
    batch = join(parts)
    assert turned_back(model, batch, live=False) < 10.0
    assert turned_back(model, batch, live=True) > 20.0  # the mutant


def turned_back(model, batch, live):
    """Mean deviation (deg) from the opposite direction, of a recording played backwards in windows of 10 ms."""
    config = MotionConfig(min_confidence=0.0)
    length = int(batch.t_us[-1] - batch.t_us[0]) // 10_000 * 10_000 - 1
    whole_windows = batch.take(batch.t_us - batch.t_us[0] <= length)
    motions, back = (
        [motion for _, motion in Hindsight(model, config, b, 10_000, live)]
        for b in (whole_windows, reversed_in_time(whole_windows))
    )
    off = [
        abs((b.direction_deg - m.direction_deg) % 360 - 180)
        for m, b in zip(motions, reversed(back), strict=True)
        if m.decided and b.decided
    ]
    assert len(off) > len(motions) // 2
    return float(np.mean(off))
