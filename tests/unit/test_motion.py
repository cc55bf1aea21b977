"""Motion from events: symmetries of the layer, motions known by construction, and files that are no model."""

import numpy as np
import pytest

from snn_core.errors import ModelError
from snn_perception.events.batch import EventBatch, make_batch
from snn_perception.events.point_clouds import FIELDS, STEP, PointBuffer, cloud_bytes
from snn_perception.motion import delay_layer
from snn_perception.motion.contrast import maximise_contrast
from snn_perception.motion.motion_estimator import MotionConfig, MotionEstimator, windows
from snn_perception.motion.motion_loop import MotionLoop, MotionLoopConfig
from snn_perception.motion.motion_model import MotionModel, load_motion_model, save_motion_model
from snn_perception.motion.motion_trials import directions_score, moving, still

ANY = MotionConfig(min_confidence=0.0)


@pytest.fixture(scope="module")
def model():
    return load_motion_model()


def motion_of(batch, model):
    return MotionEstimator(batch.width, batch.height, model, ANY).estimate(batch, 0)


def turn(angle_deg):
    return (angle_deg + 180) % 360 - 180


@pytest.fixture(scope="module")
def trial():
    return moving(np.random.default_rng(4), np.radians(30.0), 120.0, 12.0)


def test_held_out_directions(model):
    score = directions_score(model, 4242, rounds=3)
    assert score["accuracy_12"] >= 0.85
    silent = MotionModel(model.header, np.zeros_like(model.weights))
    assert directions_score(silent, 4242, rounds=1)["accuracy_12"] < 0.4  # the mutant


def test_the_weights_are_tied(model):
    assert np.allclose(delay_layer.tied(model.weights), model.weights, atol=1e-5)


def test_turned_by_a_quarter(model, trial):
    b = trial.batch
    turned = make_batch(b.y, b.width - 1 - b.x.astype(np.int64), b.t_us, b.on, (b.height, b.width))
    difference = motion_of(turned, model).direction_deg - motion_of(b, model).direction_deg
    assert abs(turn(difference - 90)) < 5


def test_stretched_in_time(model, trial):
    b = trial.batch
    slow = EventBatch(b.x, b.y, b.t_us * 2, b.on, b.width, b.height)
    assert motion_of(slow, model).speed_px_s == pytest.approx(motion_of(b, model).speed_px_s / 2, rel=0.15)


def test_noise_alone_is_no_decision(model):
    rng = np.random.default_rng(1)
    trials = [still(rng).batch for _ in range(10)]
    decided = [MotionEstimator(b.width, b.height, model).estimate(b, 0).decided for b in trials]
    assert sum(decided) <= 2


def test_the_peer_finds_the_motion_of_points():
    rng = np.random.default_rng(2)
    t = np.sort(rng.uniform(0, 0.1, 3000))
    x0, y0 = rng.uniform(15, 45, (2, 40))[:, rng.integers(0, 40, 3000)]
    batch = make_batch(x0 + 80 * t, y0 - 80 * t, t * 1e6, np.ones(3000), (64, 64))
    vx, vy = maximise_contrast(batch)
    assert abs(turn(np.degrees(np.arctan2(vy, vx)) - 45)) < 10


def test_windows_cover_every_event(trial):
    parts = [part for _, part in windows(trial.batch, 7000)]
    assert sum(map(len, parts)) == len(trial.batch)


def test_a_damaged_model_is_refused(model, tmp_path):
    path = tmp_path / "m.safetensors"
    bad = model.weights.copy()
    bad[0, 0, 0, 0] = np.nan
    save_motion_model(path, MotionModel(model.header, bad))
    with pytest.raises(ModelError, match="finite"):
        load_motion_model(str(path))
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ModelError):
        load_motion_model(str(path))


def packet(batch):
    stamp_us = int(batch.t_us[0]) if len(batch) else 0
    return PointBuffer(FIELDS, STEP, len(batch), cloud_bytes(batch, stamp_us), stamp_us)


def loop_of(model, **settings):
    return MotionLoop(model, MotionLoopConfig(width=64, height=64, **settings))


def test_a_loop_finds_motion_and_drops_when_it_falls_behind(model, trial):
    loop = loop_of(model, rate_hz=30, min_confidence=0.0)
    for cut in np.array_split(np.arange(len(trial.batch)), 20):
        loop.push(packet(trial.batch.take(cut)), 0.0)
    motions = loop.work(lambda: 0.0)
    assert motions
    assert loop.counts["dropped_packets"] == 0
    for cut in np.array_split(np.arange(len(trial.batch)), 20):
        loop.push(packet(trial.batch.take(cut)), 0.0)
    loop.work(lambda: 1.0)
    assert loop.counts["dropped_packets"] == 19
    assert loop.counts["time_jumps"] <= 1


def test_bad_and_empty_packets_are_counted(model):
    loop = loop_of(model)
    empty = make_batch([1], [1], [0], [1], (64, 64)).take(slice(0, 0))
    loop.push(packet(empty), 0.0)
    loop.push(packet(empty)._replace(points=5), 0.0)
    loop.work(lambda: 0.0)
    assert (loop.counts["empty_packets"], loop.counts["bad_packet"]) == (1, 1)
