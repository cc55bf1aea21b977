"""Drawn traverses: places that look different, and the same places again in other light."""

import numpy as np


def route(places: int, seed: int = 0, height: int = 32, width: int = 64) -> np.ndarray:
    """Images (place, row, column): a horizon, and boxes of any brightness that stand at every place anew."""
    generator = np.random.default_rng(seed)
    images = np.empty((places, height, width), np.float64)
    for image in images:
        image[:] = np.where(np.arange(height)[:, None] < height * generator.uniform(0.3, 0.6), 190.0, 90.0)
        for _ in range(8):
            top, left = generator.integers(0, height - 4), generator.integers(0, width - 4)
            bottom, right = top + generator.integers(4, height // 2), left + generator.integers(4, width // 3)
            image[top:bottom, left:right] = generator.uniform(20.0, 235.0)
    return images.astype(np.uint8)


def again(images: np.ndarray, seed: int = 1, gain: float = 0.6, offset: float = 40.0, noise: float = 8.0) -> np.ndarray:
    """The same places in other light, with noise."""
    generator = np.random.default_rng(seed)
    changed = images * gain + offset + generator.normal(0.0, noise, images.shape)
    return np.clip(changed, 0, 255).astype(np.uint8)
