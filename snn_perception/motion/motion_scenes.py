"""Drawn scenes with known motion: textures, bars, things in front of others, that shift, turn, grow or sway."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn_core.event_camera import EventCamera, EventCameraConfig
from snn_perception.events.batch import EventBatch, make_batch
from snn_perception.motion.motion_estimator import flow_px_s, reach_px
from snn_perception.motion.motion_training import STEP_PX
from snn_perception.motion.textures import draw_bars, draw_texture, flowing, sampled

KINDS = ("translation", "bars", "depth", "rotation", "expansion", "mixed", "object", "sway")
SIZES = ((64, 64), (128, 128), (240, 180))
SLOWEST_PX_S, OCTAVES = 25.0, 5.0  # of the speeds drawn
COVERED = 0.3  # of the image, by things that are nearer
TIME_CONSTANTS_US = (0.0, 1000.0, 4000.0)  # of the photoreceptors
Array = NDArray[np.float64]


class Trial(NamedTuple):
    """A recording of one motion."""

    batch: EventBatch
    motion: Array  # (4,) vx and vy in px/s (y up), rotation in rad/s, divergence in 1/s; zeros where nothing moves
    since_us: float = 0.0  # before, it was another

    @property
    def reach(self) -> float:
        """Root mean square distance of the pixels from the middle (px)."""
        return reach_px(self.batch.width, self.batch.height)

    @property
    def size_px_s(self) -> float:
        """Root mean square of the flow over the sensor."""
        return flow_px_s(self.motion, self.reach)


def draw_scene(rng: np.random.Generator, kind: str, travel_px: float, size: tuple[int, int] | None = None) -> Trial:
    """A scene of one of `KINDS` of which the image moves by `travel_px`, with noise, slow pixels and dead times."""
    size = size or SIZES[int(rng.integers(len(SIZES)))]
    motion = draw_motion(rng, kind, size)
    times_s = _times(motion, travel_px, size)
    layers = [_layer(rng, kind, motion, times_s)]
    if kind == "depth":
        nearness = rng.uniform(1.5, 2.5)
        layers.append(_covering(rng, motion * nearness, times_s))
        motion = motion * (1 + COVERED * (nearness - 1))  # the image's mean
    if kind == "object":
        layers = [_layer(rng, kind, motion * 0, times_s), _covering(rng, motion, times_s)]
    if kind != "sway":
        return Trial(_filmed(layers, times_s, size, rng), motion)
    before = draw_motion(rng, kind, size)
    earlier_s = _times(before, rng.uniform(3.0, 16.0), size)
    start = flowing(-before, earlier_s[::-1], layers[0].maps[0, 4:])  # ends where the motion begins
    layers = [Layer(layers[0].texture, np.concatenate([start, layers[0].maps[1:]]), None)]
    times_s = np.concatenate([earlier_s, earlier_s[-1] + times_s[1:]])
    return Trial(_filmed(layers, times_s, size, rng), motion, float(earlier_s[-1]) * 1e6)


def _times(motion: Array, travel_px: float, size: tuple[int, int]) -> Array:
    count = max(int(travel_px / STEP_PX), 4)
    return np.arange(count, dtype=np.float64) * (STEP_PX / flow_px_s(motion, reach_px(*size)))


def draw_motion(rng: np.random.Generator, kind: str, size: tuple[int, int]) -> Array:
    """A motion of the kind, evenly spread over directions and the octaves of speed."""
    speed = SLOWEST_PX_S * 2.0 ** (OCTAVES * rng.random())
    angle = rng.uniform(-np.pi, np.pi)
    turn, grow = rng.uniform(0.5, 1.5, 2) * rng.choice((-1.0, 1.0), 2) * speed / reach_px(*size)
    moves = kind not in ("rotation", "expansion")
    return np.array(
        [
            speed * np.cos(angle) * moves, speed * np.sin(angle) * moves,
            turn * (kind in ("rotation", "mixed")), grow * (kind in ("expansion", "mixed")),
        ]
    )  # fmt: skip


class Layer(NamedTuple):
    """A texture, how it moves, and where it covers what is behind it."""

    texture: Array
    maps: Array
    mask: Array | None


def _layer(rng: np.random.Generator, kind: str, motion: Array, times_s: Array) -> Layer:
    maps = flowing(motion, times_s, rng.uniform(0, 128, 2))
    return Layer(draw_bars(rng) if kind == "bars" else draw_texture(rng), maps, None)


def _covering(rng: np.random.Generator, motion: Array, times_s: Array) -> Layer:
    """Patches that move in front of the rest."""
    cover = draw_bars(rng)
    layer = _layer(rng, "cover", motion, times_s)
    return layer._replace(mask=(cover > np.quantile(cover, 1 - COVERED)).astype(np.float64))


def _filmed(layers: list[Layer], times_s: Array, size: tuple[int, int], rng: np.random.Generator) -> EventBatch:
    config = EventCameraConfig(
        threshold=rng.uniform(0.15, 0.35), noise_hz=rng.uniform(0, 2), refractory_us=rng.uniform(0, 800)
    )
    camera = EventCamera(*size, config, rng)
    constant_us = float(rng.choice(TIME_CONSTANTS_US))
    steps_us = np.diff(times_s, prepend=0.0) * 1e6
    shares = 1.0 - np.exp(-steps_us / constant_us) if constant_us else np.ones(len(times_s))
    seen, parts = None, []
    for k, t in enumerate(times_s):
        image = sampled(layers[0].texture, layers[0].maps[k], *size)
        for layer in layers[1:]:
            covered = sampled(layer.mask, layer.maps[k], *size) > 0.5
            image = np.where(covered, sampled(layer.texture, layer.maps[k], *size), image)
        seen = image if seen is None else seen + (image - seen) * shares[k]
        parts.append(camera.see(seen, float(t) * 1e6))
    x, y, t_us, on = (np.concatenate(column) for column in zip(*parts, strict=True))
    return make_batch(x, y, t_us, on, size)
