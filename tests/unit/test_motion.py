"""Motion from events: symmetries of the layer, motions known by construction, and files that are no model."""

import numpy as np
import pytest

from snn_core.errors import ModelError
from snn_core.event_messages import FIELDS, STEP, cloud_bytes
from snn_perception.events.batch import EventBatch, make_batch
from snn_perception.events.packets import Packet
from snn_perception.events.point_clouds import PointBuffer
from snn_perception.motion import delay_layer
from snn_perception.motion.contrast import maximise_contrast
from snn_perception.motion.evidence import EvidenceGatherer
from snn_perception.motion.flow_picture import flow_picture
from snn_perception.motion.motion_estimator import Motion, MotionConfig, MotionEstimator, windows
from snn_perception.motion.motion_loop import MotionLoop, MotionLoopConfig
from snn_perception.motion.motion_model import MotionModel, load_motion_model, save_motion_model
from snn_perception.motion.motion_trials import directions_score, moving, still
from snn_perception.motion.pruning import keep_pixels, keep_synapses

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
    assert score["accuracy_12"] >= 0.9
    assert score["median_error_deg"] < 2.0
    layer = MotionConfig(align=0)
    assert directions_score(model, 4242, rounds=2, config=layer)["accuracy_12"] >= 0.8
    silent = MotionModel(model.header, np.full_like(model.weights, 1e-6))
    assert directions_score(silent, 4242, rounds=2, config=layer)["accuracy_12"] < 0.4  # the mutant


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


def test_a_clock_that_went_back_is_not_heard(model):
    surface = np.full((2, 13 * 13), delay_layer.NEVER, np.int32)
    place, steps = 6 * 13 + 6, np.array([1, -1, 13])
    surface[0, place] = 1000
    surface[0, place + steps] = 900, 30_000, 500
    patch = np.empty((2, 3), np.uint8)
    assert delay_layer.gather(surface, 0, place, steps, patch) == 2
    assert patch[0].tolist() == [26, delay_layer.SILENT, 35]  # floor of 4 log2 of 100 and of 500


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


def test_pruning_keeps_the_strongest(model):
    few = keep_synapses(model.weights, 1000)
    kept = few != 0
    assert 900 < np.count_nonzero(kept) < 1100
    assert np.abs(model.weights[kept]).min() >= np.abs(model.weights[~kept]).max()
    assert keep_synapses(model.weights, model.weights.size) is model.weights
    small = keep_pixels(model.weights, 25)
    assert np.allclose(delay_layer.tied(small), small, atol=1e-5)  # turns and mirrors stay together
    assert len(EvidenceGatherer(64, 64, small).steps) == np.count_nonzero(np.abs(small).max(axis=(0, 2, 3)))


def test_a_pruned_layer_still_sees(model, trial):
    few = MotionModel(model.header, keep_synapses(model.weights, 1000))
    assert motion_of(trial.batch, few).direction_deg == pytest.approx(30.0, abs=10.0)
    gone = MotionModel(model.header, keep_pixels(model.weights, 25))
    assert motion_of(trial.batch, gone).direction_deg == pytest.approx(30.0, abs=15.0)


def test_the_picture_shows_directions_by_hue_and_what_moves(model, trial):
    estimator = MotionEstimator(64, 64, model, ANY)
    motion = estimator.estimate(trial.batch, 0)
    image = flow_picture(estimator.evidence, trial.batch, estimator.gatherer.tile, motion)
    assert image.shape == (512, 512, 3)
    coloured = image[:432][np.ptp(image[:432], axis=2) > 100]
    assert np.mean(coloured.argmax(axis=1) == 0) > 0.6  # 30 degrees is orange
    still_image = flow_picture(estimator.evidence, trial.batch, estimator.gatherer.tile)
    assert (still_image != image).any()


def test_a_velocity_is_told_for_another_point():
    motion = Motion(0, 1, 10.0, 0.0, 2.0, 0.5, np.eye(4), 1.0, True, (3.0, 4.0))
    moved, covariance = motion.about()
    assert moved.tolist() == [10.0 + 2.0 * 4.0 - 0.5 * 3.0, -2.0 * 3.0 - 0.5 * 4.0, 2.0, 0.5]
    assert covariance[0, 0] == 1 + 4.0**2 + 3.0**2
    assert motion.about((3.0, 4.0))[0].tolist() == [10.0, 0.0, 2.0, 0.5]


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


def packet(batch, points=None, stamp_ns=0):
    stamp_us = int(batch.t_us[0]) if len(batch) else 0
    count = len(batch) if points is None else points
    return lambda: Packet(PointBuffer(FIELDS, STEP, count, cloud_bytes(batch, stamp_us), stamp_us), stamp_ns)


def loop_of(model, **settings):
    return MotionLoop(model, MotionLoopConfig(width=64, height=64, **settings))


def fed(model, trial, clock, **settings):
    """A loop that twenty packets have come to at time 0, and all its motions by that clock."""
    loop = loop_of(model, rate_hz=30, min_confidence=0.0, **settings)
    for k, cut in enumerate(np.array_split(np.arange(len(trial.batch)), 20)):
        loop.push(packet(trial.batch.take(cut), stamp_ns=k), 0.0)
    motions = []
    while loop.queue:
        motions += loop.work(clock)
    return loop, motions


def test_a_loop_finds_motion_and_stamps_it_with_its_packet(model, trial):
    loop, motions = fed(model, trial, lambda: 0.0)
    assert [stamp for _, stamp in motions] == sorted(stamp for _, stamp in motions)
    assert all(0 < stamp < 20 for _, stamp in motions)
    assert motions[-1].motion.direction_deg == pytest.approx(30.0, abs=5.0)
    assert (loop.counts["dropped_packets"], loop.effort) == (0, 1.0)


def test_a_loop_that_falls_behind_drops_whole_packets_and_counts_them(model, trial):
    loop, _ = fed(model, trial, lambda: 1.0)
    assert (loop.counts["dropped_packets"], loop.counts["packets"]) == (19, 1)
    assert "falling behind" in loop.complaints.texts["dropped"]


def test_a_late_motion_is_counted_and_not_told(model, trial):
    def slow():
        nonlocal now_s
        now_s += 0.0175  # more than the 16 ms that sending leaves of 20
        return now_s

    now_s = 0.0
    loop = loop_of(model, rate_hz=30, min_confidence=0.0)
    told = []
    for k, cut in enumerate(np.array_split(np.arange(len(trial.batch)), 20)):
        loop.push(packet(trial.batch.take(cut), stamp_ns=k), now_s)
        told += loop.work(slow)
    assert (told, loop.counts["dropped_packets"]) == ([], 0)
    assert loop.counts["late_motions"] == loop.counts["windows"] > 0
    assert "late" in loop.complaints.texts["late"]


def test_a_loop_does_less_where_windows_take_long_and_recovers(model, trial):
    loop, _ = fed(model, trial, lambda: 0.0)
    for _ in range(10):
        loop._pace(0.1)
    assert loop.effort == pytest.approx(0.1)
    assert loop.estimator.aligner.budget == 1600
    for _ in range(40):
        loop._pace(1e-3)
    assert (loop.effort, loop.estimator.gatherer.budget) == (1.0, 300)


def test_bad_and_empty_packets_are_counted(model):
    loop = loop_of(model)
    empty = make_batch([1], [1], [0], [1], (64, 64)).take(slice(0, 0))
    loop.push(packet(empty), 0.0)
    loop.push(packet(empty, points=5), 0.0)
    loop.work(lambda: 0.0)
    assert (loop.counts["empty_packets"], loop.counts["bad_packet"]) == (1, 1)
