"""Trials of motion estimation on drawn scenes that nobody learnt from: scores, and what evidence is worth."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn_core.event_camera import EventCameraConfig
from snn_perception.events.batch import make_batch
from snn_perception.motion.motion_estimator import Judged, MotionConfig, MotionEstimator, flow_px_s, windows
from snn_perception.motion.motion_fit import fit_motion
from snn_perception.motion.motion_model import Calibration, MotionHeader, MotionModel
from snn_perception.motion.motion_scenes import KINDS, Trial, draw_scene
from snn_perception.motion.motion_training import STEP_PX
from snn_perception.motion.textures import draw_texture, moving_texture, translation

SIDES = (34, 64)
DIRECTIONS = 12
RIGHT = 0.5  # of the flow, the greatest error of a motion that counts as right: 30 degrees of a direction
MEDIAN_CHI2 = 3.357 / 4  # of four degrees of freedom, each
WINDOW_US = 20_000
Progress = Callable[[Iterable[Any]], Iterable[Any]]
Array = NDArray[np.float64]


def moving(rng: np.random.Generator, direction_rad: float, speed_px_s: float, travel_px: float) -> Trial:
    """A fresh texture that moves so far over a small sensor, with noise."""
    count = max(int(travel_px / STEP_PX), 4)
    steps = np.full(count, STEP_PX / speed_px_s)
    vx, vy = speed_px_s * np.cos(direction_rad), speed_px_s * np.sin(direction_rad)
    side = int(rng.choice(SIDES))
    camera = EventCameraConfig(threshold=rng.uniform(0.15, 0.35), noise_hz=1.0)
    maps = translation(np.tile([vx, -vy], (count, 1)), steps, rng.uniform(0, 128, 2))
    batch = moving_texture(draw_texture(rng), maps, np.cumsum(steps) * 1e6, (side, side), camera, rng)
    return Trial(batch, np.array([vx, vy, 0.0, 0.0]))


def still(rng: np.random.Generator) -> Trial:
    """Noise alone: sparse or dense, even or of pixels that are busier by far as in dark corners, some in bursts."""
    side = int(rng.choice((*SIDES, 128)))
    count, span_us = int(rng.integers(50, 12_000)), int(rng.integers(10_000, 1_000_000))
    clouds = draw_texture(rng)[:side, :side]
    rates = np.exp(rng.uniform(0.0, 4.0) * clouds + rng.uniform(0.0, 2.0) * rng.normal(size=(side, side))).ravel()
    place, t_us = rng.choice(side * side, count, p=rates / rates.sum()), rng.uniform(0, span_us, count)
    on = rng.random(count) < 0.5
    echoes = np.flatnonzero(rng.random(count) < rng.uniform(0.0, 0.8))
    later_us = t_us[echoes] + rng.exponential(300.0 * 100.0 ** rng.random(), len(echoes))
    other = rng.random(len(echoes)) < rng.random()  # a pixel that brightens by mistake darkens again
    place, t_us = np.concatenate([place, place[echoes]]), np.concatenate([t_us, later_us])
    on = np.concatenate([on, on[echoes] ^ other])
    order = np.argsort(t_us)
    batch = make_batch(place[order] % side, place[order] // side, t_us[order], on[order], (side, side))
    return Trial(batch, np.zeros(4))


def directions_score(
    model: MotionModel, seed: int, rounds: int = 15, progress: Progress = iter, config: MotionConfig | None = None
) -> dict[str, float]:
    """Twelve directions, `rounds` textures each, speeds of 25 to 700 px/s, 12 px of travel: shares and errors."""
    config = (config or MotionConfig()).model_copy(update={"min_confidence": 0.0})
    rng = np.random.default_rng([seed, 12])
    errors, speeds, decided = [], [], []
    for k in progress(range(DIRECTIONS * rounds)):
        angle = 2 * np.pi * (k % DIRECTIONS) / DIRECTIONS
        trial = moving(rng, angle, 25.0 * 28.0 ** rng.random(), 12.0)
        size = trial.batch.width, trial.batch.height
        estimator = MotionEstimator(*size, model, config)
        found = estimator.estimate(trial.batch, 0)
        errors.append(abs(turn_rad(np.radians(found.direction_deg) - angle)))
        speeds.append(abs(np.log2(found.speed_px_s / trial.size_px_s)))
        decided.append(found.confidence >= MotionConfig().min_confidence)
    wrong = np.degrees(np.array(errors))
    return {
        "accuracy_12": float(np.mean(wrong < 180.0 / DIRECTIONS)), "median_error_deg": float(np.nanmedian(wrong)),
        "speed_error_octaves": float(np.nanmedian(speeds)), "decided": float(np.mean(decided)),
        "accuracy_12_diagonal": float(np.mean(wrong[np.arange(len(wrong)) % 3 != 0] < 180.0 / DIRECTIONS)),
    }  # fmt: skip


class Seen(NamedTuple):
    """One window of a trial."""

    kind: str  # of motion_scenes.KINDS, or 'still'
    trial: Trial
    travel_px: float  # so far
    judged: Judged
    confidence: float
    layer: tuple[Array, Array]  # motion (4,) and covariance (4, 4) without alignment, patches taken as independent

    @property
    def error(self) -> float:
        """Of the flow, relative to it; where there are depths, of its direction alone."""
        return flow_error(self.judged.motion, self.trial, self.kind == "depth")

    @property
    def surprise(self) -> float:
        """Squared error by the covariance, for each degree of freedom: 1 on average where the covariance is right."""
        return _surprise(self.judged.motion - self.trial.motion, self.judged.covariance)

    @property
    def layer_surprise(self) -> float:
        """The same of the layer alone."""
        return _surprise(self.layer[0] - self.trial.motion, self.layer[1])


def flow_error(motion: Array, trial: Trial, any_speed: bool = False) -> float:
    """Error of the flow relative to it; with `any_speed` after the motion has been given the true speed."""
    truth, size = trial.motion, max(trial.size_px_s, 1e-9)
    if any_speed:
        motion = motion * (size / max(flow_px_s(motion, trial.reach), 1e-9))
    return flow_px_s(motion - truth, trial.reach) / size


def _surprise(error: Array, covariance: Array) -> float:
    return float(error @ np.linalg.solve(covariance, error)) / 4


def watch_scenes(
    model: MotionModel, seed: int, rounds: int, kinds: tuple[str, ...] = KINDS, config: MotionConfig | None = None,
    progress: Progress = iter,
) -> list[Seen]:  # fmt: skip
    """Windows of 20 ms of `rounds` scenes of each kind, from the first on; 'still' is noise alone."""
    seen: list[Seen] = []
    for k in progress(range(rounds * len(kinds))):
        rng, kind = np.random.default_rng([seed, 13, k]), kinds[k % len(kinds)]
        trial = still(rng) if kind == "still" else draw_scene(rng, kind, rng.uniform(2.0, 16.0))
        seen += _watch(model, config or MotionConfig(), kind, trial)
    return seen


def _watch(model: MotionModel, config: MotionConfig, kind: str, trial: Trial) -> Iterator[Seen]:
    estimator = MotionEstimator(trial.batch.width, trial.batch.height, model, config)
    for end_us, part in windows(trial.batch, WINDOW_US):
        judged = estimator.judge(part)
        if (
            end_us - WINDOW_US < trial.batch.t_us[0] + trial.since_us
            or judged is None
            or estimator.evidence is None
            or len(part) < config.min_events
        ):
            continue
        since_us = min(end_us, int(trial.batch.t_us[-1])) - trial.batch.t_us[0] - trial.since_us
        travel_px = trial.size_px_s * since_us * 1e-6
        fit = fit_motion(estimator.evidence, 1.0)
        if fit is not None:
            confidence = estimator.confidence(judged)
            yield Seen(kind, trial, float(travel_px), judged, confidence, (fit.motion, fit.covariance))


def calibrate(model: MotionModel, seed: int, rounds: int = 40, progress: Progress = iter) -> Calibration:
    """Fit confidence and covariances on scenes of every kind, just begun and long seen, and on noise."""
    plain = model.header.calibration.model_copy(update={"redundancy": 1.0})
    bare = with_calibration(model, plain, {})
    seen = watch_scenes(bare, seed, rounds, (*KINDS, "still"), progress=progress)
    known = [s for s in seen if s.kind not in ("still", "depth", "sway") and s.error < RIGHT]
    redundancy = float(np.median([s.surprise for s in known])) / MEDIAN_CHI2
    correlation = float(np.median([s.layer_surprise for s in known])) / MEDIAN_CHI2
    shift = 0.5 * np.log(redundancy)
    rows = np.array([[1.0, *s.judged.features] for s in seen])
    constant, *slopes = _logistic(rows, np.array([s.error < RIGHT for s in seen])).tolist()
    names = ("constant", "gain", "patches", "spread", "sharpness", "correlation", "redundancy")
    values = (constant - slopes[2] * shift, *slopes, correlation, redundancy)
    return Calibration.model_validate(dict(zip(names, map(_rounded, values), strict=True)))


def _rounded(value: float) -> float:
    """Six digits; those after them hang on how a compiler orders sums."""
    return float(f"{value:.6g}")


def _logistic(rows: NDArray, right: NDArray) -> NDArray:
    """Coefficients of logistic regression by Newton's method, with a little shrinkage."""
    weights = np.zeros(rows.shape[1])
    for _ in range(30):
        p = 1.0 / (1.0 + np.exp(-rows @ weights))
        slope = rows.T @ (p - right) + 0.5 * weights
        curvature = (rows * (p * (1 - p))[:, None]).T @ rows + 0.5 * np.eye(len(weights))
        weights -= np.linalg.solve(curvature, slope)
    return weights


def turn_rad(angle: float) -> float:
    """An angle within half a turn."""
    return float((angle + np.pi) % (2 * np.pi) - np.pi)


def with_calibration(model: MotionModel, calibration: Calibration, score: dict[str, float]) -> MotionModel:
    """The model with what its evidence is worth, and its figures."""
    header: MotionHeader = model.header.model_copy(update={"calibration": calibration, "score": score})
    return MotionModel(header, model.weights)
