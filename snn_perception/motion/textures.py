"""Procedural textures, and the events that they cause when they move over a sensor."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.event_camera import EventCamera, EventCameraConfig
from snn_perception.events.batch import EventBatch, make_batch

SIDE = 128  # px, periodic
Array = NDArray[np.float64]


def draw_texture(rng: np.random.Generator) -> Array:
    """Log intensity (SIDE, SIDE) of clouds, overlapping shapes or strokes, periodic in both directions."""
    kind = rng.choice(3)
    image = (_clouds, _leaves, _strokes)[kind](rng)
    image = _blurred(image, rng.uniform(0.4, 1.2))
    spread = image.std() or 1.0
    return (image - image.mean()) / spread * rng.uniform(0.25, 1.0)


def _clouds(rng: np.random.Generator) -> Array:
    """Noise with a power spectrum that falls as nature's do, more or less."""
    frequency = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.fftfreq(SIDE)[None]) * SIDE
    amplitude = 1.0 / np.maximum(frequency, 1.0) ** rng.uniform(0.5, 1.6) * (frequency >= 2.0)
    return np.fft.ifft2(np.fft.fft2(rng.standard_normal((SIDE, SIDE))) * amplitude).real


def _leaves(rng: np.random.Generator) -> Array:
    """Discs and turned rectangles that cover each other."""
    image = np.zeros((SIDE, SIDE))
    for _ in range(int(rng.integers(20, 150))):
        u, v = _around(rng)
        a, b = rng.uniform(2, 16, 2)
        inside = np.hypot(u, v) < a if rng.random() < 0.4 else (np.abs(u) < a) & (np.abs(v) < b)
        image[inside] = rng.normal()
    return image


def _strokes(rng: np.random.Generator) -> Array:
    """Bright strokes and arcs on black, as of writing."""
    image = np.zeros((SIDE, SIDE))
    for _ in range(int(rng.integers(8, 40))):
        u, v = _around(rng)
        length, half = rng.uniform(4, 18), rng.uniform(0.7, 2.5)
        if rng.random() < 0.5:
            near = np.abs(np.hypot(u, v) - length * 0.6) < half
            near &= np.arctan2(v, u) < rng.uniform(-1.0, 3.14)
        else:
            near = (np.abs(u) < length) & (np.abs(v) < half)
        image[near] = 1.0
    return image


def draw_bars(rng: np.random.Generator) -> Array:
    """Log intensity (SIDE, SIDE) of bars that mostly run one way, as of shelves and door frames."""
    image = np.zeros((SIDE, SIDE))
    main = rng.uniform(0, np.pi)
    for _ in range(int(rng.integers(15, 40))):
        turned = main + (rng.normal(0, 0.12) if rng.random() < 0.85 else rng.uniform(0, np.pi))
        u, v = _around(rng, turned)
        image[(np.abs(u) < rng.uniform(8, 40)) & (np.abs(v) < rng.uniform(1, 6))] = rng.normal()
    blurred = _blurred(image, rng.uniform(0.4, 1.2))
    return (blurred - blurred.mean()) / (blurred.std() or 1.0) * rng.uniform(0.25, 1.0)


def _around(rng: np.random.Generator, angle: float | None = None) -> tuple[Array, Array]:
    """Coordinates (SIDE, SIDE) about a random point, turned (rad, at random unless told), over periodic borders."""
    cx, cy = rng.uniform(0, SIDE, 2)
    angle = rng.uniform(0, np.pi) if angle is None else angle
    axis = np.arange(SIDE)
    dx, dy = ((axis - c + SIDE / 2) % SIDE - SIDE / 2 for c in (cx, cy))
    return (
        dx[None] * np.cos(angle) + dy[:, None] * np.sin(angle), -dx[None] * np.sin(angle) + dy[:, None] * np.cos(angle)
    )  # fmt: skip


def _blurred(image: Array, sigma: float) -> Array:
    f2 = np.fft.fftfreq(SIDE)[:, None] ** 2 + np.fft.fftfreq(SIDE)[None] ** 2
    return np.fft.ifft2(np.fft.fft2(image) * np.exp(-2 * np.pi**2 * sigma**2 * f2)).real


def moving_texture(
    texture: Array, maps: Array, times_us: Array, size: tuple[int, int], config: EventCameraConfig,
    rng: np.random.Generator,
) -> EventBatch:  # fmt: skip
    """Events of a texture seen through `maps` (sample, 6), one for each of `times_us`.

    A row (a, b, c, d, e, f) takes the pixel (x, y) from the sensor's middle to (a x + b y + e, c x + d y + f).
    """
    width, height = size
    camera = EventCamera(width, height, config, rng)
    parts = [camera.see(sampled(texture, row, width, height), t) for row, t in zip(maps, times_us, strict=True)]
    x, y, t, on = (np.concatenate(column) for column in zip(*parts, strict=True))
    return make_batch(x, y, t, on, size)


@njit(cache=True, nogil=True)
def sampled(texture: Array, coefficients: Array, width: int, height: int) -> Array:
    """The texture (periodic) as the sensor sees it (row, column) through one map of six numbers."""
    a, b, c, d, e, f = coefficients
    side = texture.shape[0]
    image = np.empty((height, width))
    for row in range(height):
        for column in range(width):
            x, y = column - (width - 1) / 2, row - (height - 1) / 2
            u, v = a * x + b * y + e, c * x + d * y + f
            i, j = np.int64(np.floor(v)), np.int64(np.floor(u))
            p, q = v - i, u - j
            i0, i1, j0, j1 = i % side, (i + 1) % side, j % side, (j + 1) % side
            top = texture[i0, j0] * (1 - q) + texture[i0, j1] * q
            image[row, column] = top * (1 - p) + (texture[i1, j0] * (1 - q) + texture[i1, j1] * q) * p
    return image


def translation(velocities: Array, steps: Array, start: Array) -> Array:
    """Maps (sample, 6) of a texture that moves by velocities (sample, 2: x right, y down) times steps (sample,)."""
    moved = start - np.cumsum(velocities * steps[:, None], axis=0)
    ones, zeros = np.ones(len(steps)), np.zeros(len(steps))
    return np.stack([ones, zeros, zeros, ones, moved[:, 0], moved[:, 1]], axis=1)


def flowing(motion: Array, times_s: Array, start: Array) -> Array:
    """Maps of a texture in a constant flow (4,): velocity (y up), rotation and divergence about the middle."""
    vx, vy, rotation, divergence = motion
    field = np.array([[divergence, -rotation], [rotation, divergence]])
    maps = []
    for t in times_s:
        c, s = np.exp(divergence * t) * np.cos(rotation * t), np.exp(divergence * t) * np.sin(rotation * t)
        turned = np.array([[c, -s], [s, c]])
        slow = np.hypot(rotation, divergence) * t < 1e-6
        moved = np.array([vx, vy]) * t if slow else np.linalg.solve(field, (turned - np.eye(2)) @ [vx, vy])
        back = np.linalg.inv(turned)
        e, f = -back @ moved
        maps.append([back[0, 0], -back[0, 1], -back[1, 0], back[1, 1], e + start[0], -f + start[1]])
    return np.array(maps)
