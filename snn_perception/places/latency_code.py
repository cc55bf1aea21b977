"""From energies to spikes: adaptation to the conditions, then leaky neurons whose first spike tells the strength."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_perception.places.images import Array

Latencies = NDArray[np.int8]  # (..., feature): step of the first spike, positive ON, negative OFF, 0 = silent


class LatencyConfig(Config):
    """Input neurons: an ON and an OFF neuron for each oriented cell."""

    input_steps: int = Field(16, ge=1, le=120, description="time steps in which an input neuron may fire, once")
    gain: float = Field(1.5, gt=0, le=100, description="input current at one standard deviation (thresholds)")
    tau_steps: float = Field(12.0, gt=0, le=1000, description="membrane time constant (steps)")
    prior_images: float = Field(20.0, ge=0, le=1e6, description="weight of the map's mean before new images (images)")
    memory_images: float = Field(2000.0, ge=1, le=1e6, description="longest memory of the adaptation (images)")
    novelty: float = Field(0.05, ge=0, le=1, description="relative change of the energies that counts as a new view")


class Adaptation(NamedTuple):
    """What the input neurons are used to, under the season and light of now."""

    mean: Array  # (feature,) energies
    images: float  # that the mean stands for
    last: Array  # (feature,) energies of the newest view that counted


def adaptation_from(mean: Array, config: LatencyConfig) -> Adaptation:
    """Adaptation before the first image of a traverse: used to the mean of the map, a little."""
    return Adaptation(mean, config.prior_images, np.zeros_like(mean))


def unadapted(energy: Array, config: LatencyConfig) -> Adaptation:
    """Adaptation where no map is known yet: every neuron is used to the mean energy of the first image."""
    return adaptation_from(np.full_like(energy, energy.mean()), config)


def adaptation_step(state: Adaptation, energy: Array, config: LatencyConfig) -> tuple[Adaptation, Array]:
    """Take in one image's energies (feature,); returns the state and the drive (feature,) of the input neurons.

    A view that hardly differs from the one before does not count: standing still must not wipe out what is seen.
    """
    change = float(np.linalg.norm(energy - state.last))
    if change > config.novelty * float(np.linalg.norm(energy)):
        images = min(state.images + 1.0, config.memory_images)
        state = Adaptation(state.mean + (energy - state.mean) / np.float32(images), images, energy)
    return state, drive(energy, state.mean)


def drive(energies: Array, mean: Array) -> Array:
    """Deviation from what the neurons are used to, scaled to a root mean square of 1 per image (..., feature)."""
    deviation = energies - mean
    scale = np.sqrt(np.mean(deviation * deviation, axis=-1, keepdims=True))
    return np.asarray(deviation / np.maximum(scale, np.float32(1e-6)), np.float32)


def first_spikes(drives: Array, config: LatencyConfig) -> Latencies:
    """Steps of the first spikes of neurons v(t) = l v(t-1) + (1 - l) I that fire above 1, l = exp(-1 / tau).

    The ON neuron gets the current gain x drive, the OFF neuron its negative. A neuron fires at most once, and one whose
    current stays below the threshold is silent.
    """
    out = np.zeros(drives.shape, np.int8)
    leak = np.float32(np.exp(-1.0 / config.tau_steps))
    _first_spikes(drives.reshape(-1), np.float32(config.gain), leak, config.input_steps, out.reshape(-1))
    return out


@njit(cache=True, nogil=True)
def _first_spikes(drives, gain, leak, steps, out):
    for i in range(len(drives)):
        current = gain * abs(drives[i])
        v = np.float32(0.0)
        for t in range(1, steps + 1):
            v = leak * v + (np.float32(1.0) - leak) * current
            if v > np.float32(1.0):
                out[i] = t if drives[i] > 0.0 else -t
                break
