"""Trials of motion estimation on procedural textures that nobody learnt from: scores, and what evidence is worth."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn_core.event_camera import EventCameraConfig
from snn_perception.events.batch import EventBatch, make_batch
from snn_perception.motion.motion_estimator import MotionConfig, MotionEstimator, features
from snn_perception.motion.motion_fit import fit_motion
from snn_perception.motion.motion_model import Calibration, MotionHeader, MotionModel
from snn_perception.motion.motion_training import STEP_PX
from snn_perception.motion.textures import draw_texture, moving_texture, translation

SIDES = (34, 64)
DIRECTIONS = 12
WITHIN_RAD = np.pi / 6
Progress = Callable[[Iterable[Any]], Iterable[Any]]


class Trial(NamedTuple):
    """A recording of one motion."""

    batch: EventBatch
    direction_rad: float  # y up; NaN where nothing moves
    speed_px_s: float


def moving(rng: np.random.Generator, direction_rad: float, speed_px_s: float, travel_px: float) -> Trial:
    """A fresh texture that moves so far over a small sensor, with noise."""
    count = max(int(travel_px / STEP_PX), 4)
    steps = np.full(count, STEP_PX / speed_px_s)
    velocity = np.tile([speed_px_s * np.cos(direction_rad), -speed_px_s * np.sin(direction_rad)], (count, 1))
    side = int(rng.choice(SIDES))
    camera = EventCameraConfig(threshold=rng.uniform(0.15, 0.35), noise_hz=1.0)
    maps = translation(velocity, steps, rng.uniform(0, 128, 2))
    batch = moving_texture(draw_texture(rng), maps, np.cumsum(steps) * 1e6, (side, side), camera, rng)
    return Trial(batch, direction_rad, speed_px_s)


def still(rng: np.random.Generator) -> Trial:
    """Noise alone."""
    side = int(rng.choice(SIDES))
    count, span_us = int(rng.integers(50, 4000)), int(rng.integers(10_000, 1_000_000))
    x, y = rng.integers(0, side, (2, count))
    batch = make_batch(x, y, np.sort(rng.integers(0, span_us, count)), rng.random(count) < 0.5, (side, side))
    return Trial(batch, np.nan, np.nan)


def directions_score(model: MotionModel, seed: int, rounds: int = 15, progress: Progress = iter) -> dict[str, float]:
    """Twelve directions, `rounds` textures each, speeds of 25 to 700 px/s, 12 px of travel: shares and errors."""
    rng = np.random.default_rng([seed, 12])
    errors, speeds, decided = [], [], []
    for k in progress(range(DIRECTIONS * rounds)):
        trial = moving(rng, 2 * np.pi * (k % DIRECTIONS) / DIRECTIONS, 25.0 * 28.0 ** rng.random(), 12.0)
        size = trial.batch.width, trial.batch.height
        estimator = MotionEstimator(*size, model, MotionConfig(min_confidence=0.0))
        found = estimator.estimate(trial.batch, 0)
        errors.append(abs(_turn(np.radians(found.direction_deg) - trial.direction_rad)))
        speeds.append(abs(np.log2(found.speed_px_s / trial.speed_px_s)))
        decided.append(found.confidence >= MotionConfig().min_confidence)
    wrong = np.degrees(np.array(errors))
    return {
        "accuracy_12": float(np.mean(wrong < 180.0 / DIRECTIONS)), "median_error_deg": float(np.nanmedian(wrong)),
        "speed_error_octaves": float(np.nanmedian(speeds)), "decided": float(np.mean(decided)),
        "accuracy_12_diagonal": float(np.mean(wrong[np.arange(len(wrong)) % 3 != 0] < 180.0 / DIRECTIONS)),
    }  # fmt: skip


def calibrate(model: MotionModel, seed: int, trials: int = 400, progress: Progress = iter) -> Calibration:
    """Fit confidence on moving textures, short and long, and on noise."""
    rng = np.random.default_rng([seed, 13])
    plain = model.header.calibration
    rows, right = [], []
    for k in progress(range(trials)):
        if k % 5 == 4:
            trial = still(rng)
        else:
            trial = moving(rng, rng.uniform(-np.pi, np.pi), 20.0 * 50.0 ** rng.random(), 15.0 * rng.random() + 0.5)
        if len(trial.batch) < MotionConfig().min_events:
            continue
        estimator = MotionEstimator(trial.batch.width, trial.batch.height, model)
        fit = fit_motion(estimator.gatherer.read(trial.batch), plain.correlation)
        if fit is None:
            continue
        rows.append([1.0, *features(fit)])
        error = _turn(np.arctan2(fit.motion[1], fit.motion[0]) - trial.direction_rad)
        right.append(bool(abs(error) < WITHIN_RAD))
    constant, gain, patches, spread = _logistic(np.array(rows), np.array(right)).tolist()
    return Calibration(
        constant=constant, gain=gain, patches=patches, spread=spread, correlation=plain.correlation
    )  # fmt: skip


def _logistic(rows: NDArray, right: NDArray) -> NDArray:
    """Coefficients of logistic regression by Newton's method, with a little shrinkage."""
    weights = np.zeros(rows.shape[1])
    for _ in range(30):
        p = 1.0 / (1.0 + np.exp(-rows @ weights))
        slope = rows.T @ (p - right) + 0.5 * weights
        curvature = (rows * (p * (1 - p))[:, None]).T @ rows + 0.5 * np.eye(len(weights))
        weights -= np.linalg.solve(curvature, slope)
    return weights


def _turn(angle: float) -> float:
    return float((angle + np.pi) % (2 * np.pi) - np.pi)


def with_calibration(model: MotionModel, calibration: Calibration, score: dict[str, float]) -> MotionModel:
    """The model with what its evidence is worth, and its figures."""
    header: MotionHeader = model.header.model_copy(update={"calibration": calibration, "score": score})
    return MotionModel(header, model.weights)
