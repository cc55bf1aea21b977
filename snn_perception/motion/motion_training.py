"""Training of the layer of delays by logistic regression on procedural textures that move at known velocities."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_core.event_camera import EventCameraConfig
from snn_perception.events.batch import EventBatch
from snn_perception.motion.delay_layer import (
    DELAYS,
    DIRECTIONS,
    FASTEST_PX_S,
    FIRST,
    LEAST_SPIKES,
    MARGIN,
    NEVER,
    PATCH,
    PER_SPEED,
    SHAPE,
    SILENT,
    SPEEDS,
    Floats,
    gather,
    membranes,
    offsets,
    probabilities,
    slowest_deaf,
    tied,
)
from snn_perception.motion.textures import draw_texture, moving_texture, translation

CLASSES = SPEEDS * DIRECTIONS
THREADS = 2
STEP_PX = 0.15
Progress = Callable[[Iterable[Any]], Iterable[Any]]


class MotionTrainingConfig(Config):
    """What the layer learns from, and how long."""

    movies: int = Field(1400, ge=1, le=1_000_000, description="procedural textures to watch")
    samples: int = Field(150, ge=1, le=100_000, description="events of each that are learnt")
    side: int = Field(40, ge=20, le=200, description="sensor side (px)")
    epochs: int = Field(5, ge=1, le=1000, description="passes over the samples")
    batch: int = Field(1024, ge=1, le=100_000, description="samples of a step")
    rate: float = Field(0.01, gt=0, le=1, description="step size of Adam")
    decay: float = Field(1e-4, ge=0, le=1, description="pull of the weights to zero, each step")
    direction_width: float = Field(0.15, gt=0, le=3, description="standard deviation of the wanted answer (rad)")
    speed_width: float = Field(0.4, gt=0, le=3, description="standard deviation of the wanted answer (octaves)")
    seed: int = Field(0, ge=0, description="seed of textures, motion and order")


class Samples(NamedTuple):
    """Patches with the motion that caused them."""

    patches: NDArray[np.uint8]  # (sample, 2, pixel)
    direction_rad: NDArray[np.float64]  # (sample,) y up
    speed_px_s: NDArray[np.float64]  # (sample,)


def watch(config: MotionTrainingConfig, seed: int, progress: Progress = iter) -> Samples:
    """Draw textures, move them, and collect patches; every other texture changes its motion on the way."""
    rng = np.random.default_rng([config.seed, seed])
    parts = [_one_movie(config, rng) for _ in progress(range(config.movies))]
    return Samples(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _one_movie(config: MotionTrainingConfig, rng: np.random.Generator) -> Samples:
    direction, speed = rng.uniform(-np.pi, np.pi), FASTEST_PX_S * 2.0 ** -rng.uniform(0.5, 6.5)
    before_s, velocity, lengths = _history(direction, speed, rng)
    camera = EventCameraConfig(
        threshold=rng.uniform(0.12, 0.4), mismatch=0.03, leak_hz=0.0, refractory_us=rng.uniform(0, 0.15) * 1e6 / speed,
        noise_hz=rng.uniform(0, 0.02) * speed,
    )  # fmt: skip
    times_s = np.cumsum(lengths)
    maps = translation(velocity, lengths, rng.uniform(0, 128, 2))
    batch = moving_texture(draw_texture(rng), maps, times_s * 1e6, (config.side, config.side), camera, rng)
    batch = _jittered(batch, 0.05e6 / speed * rng.random(), rng)
    patches = patches_of(batch, before_s * 1e6, config.samples, rng)
    return Samples(patches, np.full(len(patches), direction), np.full(len(patches), speed))


def _history(direction: float, speed: float, rng: np.random.Generator) -> tuple[float, NDArray, NDArray]:
    """When the motion that is asked for has gone on for long enough; velocities (sample, 2) and steps (s)."""
    main = _velocity(direction, speed, int(rng.integers(70, 130)))
    if rng.random() < 0.5:
        first_px = rng.uniform(1.0, 8.0)  # a camera that has just been switched on has a short memory
        return first_px / speed, main, np.full(len(main), STEP_PX / speed)
    other_speed = speed * 2.0 ** rng.uniform(-1.5, 1.5)
    other = _velocity(rng.uniform(-np.pi, np.pi), other_speed, int(rng.integers(20, 60)))
    steps = np.concatenate([np.full(len(other), STEP_PX / other_speed), np.full(len(main), STEP_PX / speed)])
    since = len(other) * STEP_PX / other_speed + rng.uniform(1.0, 5.0) / speed
    return since, np.concatenate([other, main]), steps


def _velocity(direction: float, speed: float, count: int) -> NDArray[np.float64]:
    return np.tile([speed * np.cos(direction), -speed * np.sin(direction)], (count, 1))


def _jittered(batch: EventBatch, spread_us: float, rng: np.random.Generator) -> EventBatch:
    t_us = batch.t_us + np.rint(rng.exponential(max(spread_us, 1e-9), len(batch))).astype(np.int64)
    order = np.argsort(t_us, kind="stable")
    moved = batch.take(order)
    return EventBatch(moved.x, moved.y, t_us[order], moved.on, batch.width, batch.height)


def patches_of(batch: EventBatch, since_us: float, count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Patches (sample, 2, pixel) around at most `count` random events from `since_us` on."""
    ready = np.flatnonzero(batch.t_us >= since_us)
    chosen = np.sort(rng.choice(ready, min(count, len(ready)), replace=False))
    wanted = np.zeros(len(batch), np.bool_)
    wanted[chosen] = True
    patches = np.empty((len(chosen), 2, PATCH), np.uint8)
    kept = _collect(batch.x, batch.y, batch.t_us, batch.on, wanted, batch.width, batch.height, offsets(), patches)
    return patches[:kept]


@njit(cache=True, nogil=True)
def _collect(x, y, t, on, wanted, width, height, around, patches):
    pitch = width + 2 * MARGIN
    surface = np.full((2, pitch * (height + 2 * MARGIN)), NEVER, np.int32)
    steps = around[:, 0] - around[:, 1] * pitch
    kept = 0
    for k in range(len(t)):
        place = (np.int64(y[k]) + MARGIN) * pitch + x[k] + MARGIN
        surface[np.int64(on[k]), place] = t[k]
        if wanted[k] and gather(surface, np.int64(on[k]), place, steps, patches[kept]) >= LEAST_SPIKES:
            kept += 1
    return kept


def targets(samples: Samples, config: MotionTrainingConfig) -> Floats:
    """Wanted answers (sample, speed * direction): a bell around the true direction and octave."""
    angle = samples.direction_rad[:, None] - 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    angle = (angle + np.pi) % (2 * np.pi) - np.pi
    octave = np.log2(FASTEST_PX_S / samples.speed_px_s)[:, None] - np.arange(SPEEDS) / 2
    bells = -0.5 * (octave[:, :, None] / config.speed_width) ** 2 - 0.5 * (angle[:, None] / config.direction_width) ** 2
    bell = np.exp(bells).reshape(len(angle), -1)
    return (bell / bell.sum(axis=1, keepdims=True)).astype(np.float32)


def train(samples: Samples, config: MotionTrainingConfig, progress: Progress = iter) -> Floats:
    """Weights of `delay_layer.SHAPE` that make the posterior of a patch most like the wanted one (cross-entropy)."""
    rng = np.random.default_rng([config.seed, 1])
    weights, first, second = (np.zeros(SHAPE, np.float32) for _ in range(3))
    wanted = targets(samples, config)
    steps = len(wanted) // config.batch * config.epochs
    orders = [rng.permutation(len(wanted)) for _ in range(config.epochs)]
    batches = [o[k : k + config.batch] for o in orders for k in range(0, len(o) - config.batch + 1, config.batch)]
    for k, chosen in enumerate(progress(batches)):
        slope = tied(gradient(samples.patches[chosen], wanted[chosen], weights))
        first = 0.9 * first + 0.1 * slope
        second = 0.99 * second + 0.01 * slope**2
        step = first / (1 - 0.9 ** (k + 1)) / (np.sqrt(second / (1 - 0.99 ** (k + 1))) + 1e-6)
        rate = config.rate * 0.5 * (1 + np.cos(np.pi * k / steps))
        weights = (weights - rate * (step + config.decay * weights)).astype(np.float32)
    return weights


def gradient(patches: NDArray[np.uint8], wanted: Floats, weights: Floats) -> Floats:
    """Gradient of the mean cross-entropy, of the shape of the weights."""
    parts = np.zeros((THREADS, weights.size), np.float32)
    _gradient(patches, wanted, weights.reshape(-1), parts)
    return parts.sum(axis=0).reshape(SHAPE) / len(patches)


@njit(cache=True, nogil=True, parallel=True)
def _gradient(patches, wanted, weights, parts):
    for thread in prange(THREADS):
        sums, found = np.empty(CLASSES, np.float32), np.empty(CLASSES, np.float32)
        for n in range(thread, len(patches), THREADS):
            membranes(patches[n], weights, sums)
            probabilities(sums, found)
            for k in range(CLASSES):
                found[k] -= wanted[n, k]
            _spread(patches[n], found, parts[thread])


@njit(cache=True, nogil=True)
def _spread(patch, error, slope):
    pixels = patch.shape[1]
    for side in range(2):
        for pixel in range(pixels):
            if patch[side, pixel] == SILENT:
                continue
            delay = np.int64(patch[side, pixel]) - FIRST
            row = (side * pixels + pixel) * DELAYS
            for k in range(slowest_deaf(delay), SPEEDS):
                at = (row + max(delay - PER_SPEED * k, 0)) * DIRECTIONS
                for direction in range(DIRECTIONS):
                    slope[at + direction] += error[k * DIRECTIONS + direction]


def answers(patches: NDArray[np.uint8], weights: Floats) -> Floats:
    """Posteriors (sample, speed * direction)."""
    found = np.empty((len(patches), CLASSES), np.float32)
    _answers(patches, weights.reshape(-1), found)
    return found


@njit(cache=True, nogil=True)
def _answers(patches, weights, found):
    sums = np.empty(CLASSES, np.float32)
    for n in range(len(patches)):
        membranes(patches[n], weights, sums)
        probabilities(sums, found[n])
