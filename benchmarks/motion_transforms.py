"""What must become of a motion when its recording is turned, played backwards, slowed down, or thinned and noisy."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from benchmarks.motion import DATA, SACCADE_US
from benchmarks.row import Row, duration
from snn_perception.events.batch import EventBatch, make_batch
from snn_perception.events.sources import read_events
from snn_perception.events.transforms import TransformConfig, transform_events
from snn_perception.motion.hindsight import Hindsight
from snn_perception.motion.motion_estimator import Motion, MotionConfig
from snn_perception.motion.motion_model import load_motion_model

WINDOW_US = 20_000
DIGITS = 30
LEAST_WINDOWS = 4  # with a decision, in a recording that carries motion


class Case(NamedTuple):
    """A transform, and what it must do to directions (deg) and speeds."""

    name: str
    config: TransformConfig
    turn_deg: float
    speed: float
    limit: float  # degrees, or a share of the speed where the transform is about speed


CASES = (
    Case("turned by 90 deg", TransformConfig(rotate=90), 90.0, 1.0, 5.0),
    Case("backwards, polarity exchanged", TransformConfig(reverse=True), 180.0, 1.0, 5.0),
    Case("twice as long", TransformConfig(stretch=2.0), 0.0, 0.5, 0.15),
    Case("30 % dropped, 10 % noise", TransformConfig(drop=0.3, noise=0.1), 0.0, 1.0, 5.0),
)


def transforms() -> list[Row]:
    """Median deviation from what must be, over the windows decided before and after, of every recording that moves."""
    if not DATA.is_dir():
        return []
    model = load_motion_model()
    return [row for name, parts, window_us in recordings() for row in _rows(model, name, parts, window_us)]


def recordings() -> Iterator[tuple[str, list[EventBatch], int]]:
    """Name, recordings that count as one, and length of a window (us)."""
    yield "slider", [read_events(str(DATA / "slider_chunk.txt"), (240, 180))], WINDOW_US
    yield "N-MNIST", list(_saccades()), SACCADE_US
    names = ("davis346_sample.aedat4", *(f"dvs_gesture/{k}.bs2" for k in (1, 3, 5, 7, 9)))
    for name in (*names, "evt3_640x480_0.db3", "evt3_1280x720_trigger_0.db3", "libcaer_rollover_0.db3"):
        yield name, [read_events(str(DATA / name))], WINDOW_US


def _saccades() -> Iterator[EventBatch]:
    with np.load(DATA / "nmnist_500.npz") as stored:
        arrays = {name: stored[name] for name in stored.files}
    for a, b in zip(arrays["offset"][:DIGITS], arrays["offset"][1:], strict=False):
        batch = make_batch(*(arrays[n][a:b] for n in ("x", "y", "t_us", "on")), (34, 34))
        yield from (batch.take(batch.t_us // SACCADE_US == k) for k in range(3))


def _rows(model, name, parts, window_us) -> Iterator[Row]:
    before = [_motions(model, part, window_us) for part in parts]
    decided, count = sum(m.decided for found in before for m in found), sum(map(len, before))
    if decided < LEAST_WINDOWS or decided < 0.1 * count:
        return
    for case in CASES:
        off = np.concatenate(
            [_deviations(model, part, window_us, found, case) for part, found in zip(parts, before, strict=True)]
        )
        unit = "" if case.speed != 1.0 else "deg"
        label = f"{name}, {case.name}: off by, {len(off)} windows of {count}"
        if len(off):
            yield duration(label, max(float(np.median(off)), 1e-3), unit, "limit", case.limit)


def _motions(model, batch: EventBatch, window_us: int) -> list[Motion]:
    return [motion for _, motion in Hindsight(model, MotionConfig(), batch, window_us)]


def _deviations(model, batch, window_us, before: list[Motion], case: Case):
    """Of each window that is decided before and after, the windows matched by their middle."""
    changed = transform_events(batch, case.config, np.random.default_rng(0))
    first_us, span_us = int(batch.t_us[0]), int(batch.t_us[-1] - batch.t_us[0])
    off = []
    for motion in _motions(model, changed, window_us):
        middle = (motion.t_us - 0.5 * window_us - first_us) / case.config.stretch
        middle = span_us - middle if case.config.reverse else middle
        then = before[int(np.clip(middle // window_us, 0, len(before) - 1))]
        if motion.decided and then.decided:
            off.append(_deviation(then, motion, case))
    return np.array(off)


def _deviation(before: Motion, after: Motion, case: Case) -> float:
    if case.speed != 1.0:
        return abs(after.speed_px_s / before.speed_px_s / case.speed - 1)
    return abs((after.direction_deg - before.direction_deg - case.turn_deg + 180) % 360 - 180)
