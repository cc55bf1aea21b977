"""Pruning of the layer of delays to its strongest synapses (Grimaldi and Perrinet 2023), or its strongest pixels."""

import numpy as np
from numpy.typing import NDArray

from snn_perception.motion.delay_layer import Floats


def keep_synapses(weights: Floats, count: int) -> Floats:
    """All but the `count` strongest synapses silenced; ties, which symmetry makes, stay together."""
    strength = np.abs(weights).ravel()
    if count >= strength.size:
        return weights
    least = np.partition(strength, -count)[-count]
    return np.where(np.abs(weights) >= least, weights, np.float32(0.0))


def keep_pixels(weights: Floats, count: int) -> Floats:
    """All synapses silenced but those of the `count` pixels, and of pixels as strong, whose synapses are strongest."""
    strength = pixel_strength(weights)
    least = np.sort(strength)[-min(count, len(strength))]
    return np.where((strength >= least - 1e-6 * strength.max())[None, :, None, None], weights, np.float32(0.0))


def pixel_strength(weights: Floats) -> NDArray[np.float64]:
    """Root of the sum of the squares of each pixel's synapses."""
    return np.sqrt((weights.astype(np.float64) ** 2).sum(axis=(0, 2, 3)))
