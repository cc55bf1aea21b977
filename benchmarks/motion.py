"""Motion from events beside contrast maximisation, on the same windows of real recordings and with its CPU time."""

import os
import time
from pathlib import Path

import numpy as np

from benchmarks.row import Row, duration, throughput
from snn_perception.events.batch import EventBatch, make_batch
from snn_perception.events.decoders import EventDecoder
from snn_perception.events.rosbag_events import messages, packet_of
from snn_perception.events.sources import read_events
from snn_perception.motion.contrast import maximise_contrast
from snn_perception.motion.hindsight import Hindsight
from snn_perception.motion.motion_estimator import MotionConfig, MotionEstimator, windows
from snn_perception.motion.motion_model import load_motion_model

DATA = Path(os.environ.get("SNN_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "events"
RECORDING = DATA / "evt3_640x480_0.db3"
SACCADES_DEG, SACCADE_US = (-74.4, 65.7, 177.0), 105_000
PEER = "contrast maximisation"


def off(angle_deg, reference_deg):
    return abs((angle_deg - reference_deg + 180) % 360 - 180)


def judge(parts: list[EventBatch], estimator: MotionEstimator, peer: bool = True):
    """Directions (window, 2: ours, peer's) in degrees and CPU seconds (2,); NaN where nothing is decided."""
    found, cpu = np.full((len(parts), 2), np.nan), np.zeros(2)
    for k, part in enumerate(parts):
        began = time.process_time()
        found[k, 0] = estimator.estimate(part, 0).direction_deg
        between = time.process_time()
        if peer:
            vx, vy = maximise_contrast(part)
            found[k, 1] = np.degrees(np.arctan2(vy, vx))
        cpu += between - began, time.process_time() - between
    return found, cpu


def motion() -> list[Row]:
    """Direction on digits and on the slider, CPU time, and throughput."""
    if not DATA.is_dir():
        return []
    model = load_motion_model()
    return [*_digits(model), *_slider(model), *_throughputs(model), *_layer_alone(model)]


def _layer_alone(model) -> list[Row]:
    """The same without alignment, which has the last word, and without a layer that tells where to begin."""
    alone = MotionConfig(align=0, min_confidence=0.0)  # confidence counts on alignment
    mute = model._replace(weights=np.full_like(model.weights, 1e-6))
    rows = (*_digits(model, alone)[::2], *_slider(model, alone)[:1], _throughput(model, alone))
    return [
        *(row._replace(name=f"layer alone: {row.name}") for row in rows),
        *(row._replace(name=f"alignment alone: {row.name}") for row in (_digits(mute)[0], _slider(mute)[0])),
    ]


def _digits(model, config: MotionConfig | None = None) -> list[Row]:
    config = (config or MotionConfig()).model_copy(update={"min_confidence": 0.0})
    with np.load(DATA / "nmnist_500.npz") as stored:
        arrays = {name: stored[name] for name in stored.files}
    errors, cpu = [], np.zeros(2)
    for a, b in zip(arrays["offset"][:-1], arrays["offset"][1:], strict=True):
        batch = make_batch(*(arrays[n][a:b] for n in ("x", "y", "t_us", "on")), (34, 34))
        window = batch.t_us // SACCADE_US
        parts = [batch.take(window == k) for k in range(3)]
        estimator = MotionEstimator(34, 34, model, config)
        if not errors:
            judge(parts, MotionEstimator(34, 34, model, config))
        found, spent = judge(parts, estimator)
        errors.append(off(found, np.array(SACCADES_DEG)[:, None]))
        cpu += spent
    ours, peer = (np.stack(errors) < 30).mean(axis=(0, 1))
    held = (np.stack(errors)[80:, :, 0] < 30).mean()
    count = 3 * len(errors)
    return [
        throughput("N-MNIST, saccades within 30 deg", float(ours), "", PEER, float(peer)),
        throughput("the same, without the 80 digits that constants were chosen on", float(held), "", PEER, float(peer)),
        duration("N-MNIST, CPU of a window", cpu[0] / count * 1e3, "ms", PEER, cpu[1] / count * 1e3),
    ]


def _slider(model, config: MotionConfig | None = None) -> list[Row]:
    batch = read_events(str(DATA / "slider_chunk.txt"), (240, 180))
    parts = [part for _, part in windows(batch, 20_000)]
    found, cpu = judge(parts, MotionEstimator(240, 180, model, config))
    known = np.isfinite(found[:, 0])
    ours = float(np.median(off(found[known, 0], 180.0)))
    peer = float(np.median(off(found[known, 1], 180.0)))
    return [
        duration(f"slider, median error of {known.sum()} of {len(known)} windows decided", ours, "deg", PEER, peer),
        duration("slider, CPU of a window", cpu[0] / len(parts) * 1e3, "ms", PEER, cpu[1] / len(parts) * 1e3),
    ]


def _throughput(model, config: MotionConfig | None = None) -> Row:
    """Events per CPU second in windows of 20 000 events, as of a million events a second at 50 windows."""
    batch = read_events(str(RECORDING))
    estimator = MotionEstimator(640, 480, model, config)
    parts = [batch.take(slice(k, k + 20_000)) for k in range(0, len(batch), 20_000)]
    judge(parts[:2], MotionEstimator(640, 480, model, config), peer=False)
    _, cpu = judge(parts, estimator, peer=False)
    return throughput("events per CPU second, 640x480", len(batch) / cpu[0], "1/s", "goal", 1e6)


def _throughputs(model) -> list[Row]:
    """Judged as they come, with decoding, and as a recording."""
    judged = _throughput(model)
    packets = [packet_of(recorded) for recorded in messages(RECORDING)]
    EventDecoder().decode(packets[0])
    decoder, began = EventDecoder(), time.process_time()
    count = sum(len(decoder.decode(packet)) for packet in packets)
    decoded = count / (time.process_time() - began)
    batch = read_events(str(RECORDING))
    recording = Hindsight(model, MotionConfig(), batch, 20_000)
    began = time.process_time()
    found = sum(len(part) for part, _ in recording)
    hindsight = found / (time.process_time() - began)
    both = 1.0 / (1.0 / judged.value + 1.0 / decoded)
    return [
        judged,
        throughput("decoding alone, EVT 3.0", decoded, "1/s", "goal", 1e6),
        throughput("decoding and motion", both, "1/s", "goal", 1e6),
        throughput("in hindsight, windows of 20 ms, the quiet ones too", hindsight, "1/s", "goal", 1e6),
    ]
