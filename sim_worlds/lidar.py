"""A downward lidar: noise, centimetre steps, drop-outs and late samples."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim_worlds.weather import AGE, LOST, NOISE

Array = NDArray[np.float64]
VIEW_RAD = 0.035  # of its beam


@dataclass(frozen=True)
class LidarParams:
    """Error model; the defaults are those of a TFmini-S indoors (steps of 1 cm, read from flight logs).

    All but the step may differ from world to world: one number, or (world,).
    """

    quantum_m: float = 0.01
    noise_m: float | Array = 0.002
    dropout: float | Array = 0.0  # share of samples that never arrive
    jitter_s: float | Array = 0.0  # a sample is up to this old when it arrives


def measure(height_m: Array, climb_mps: Array, params: LidarParams, sample: Array) -> Array:
    """One sample per world, (world,) metres; NaN where none arrived.

    sample: what befalls it, (3 or more, world): noise, age and lot, see `sim_worlds.weather`.
    """
    seen = height_m - climb_mps * params.jitter_s * sample[AGE] + params.noise_m * sample[NOISE]
    if params.quantum_m > 0.0:
        seen = np.round(seen / params.quantum_m) * params.quantum_m
    return np.where(sample[LOST] < params.dropout, np.nan, np.maximum(seen, 0.0))
