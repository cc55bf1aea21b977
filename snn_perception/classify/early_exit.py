"""When to stop looking: Dynamic Confidence, c(t) = max softmax(z(t) / alpha), stop at the first c(t) > threshold.

After Li, Jones and Furber 2023. `alpha` is the temperature under which the evidence of samples that nobody learnt from
is most probable, so that c(t) is a calibrated probability; the threshold is the lowest that, like all
higher ones, costs them no more than asked.
"""

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config

Doubles = NDArray[np.float64]
TEMPERATURES = np.geomspace(0.05, 50.0, 121)
THRESHOLDS = np.unique(np.round(np.concatenate([np.linspace(0.2, 0.95, 76), 1 - np.geomspace(0.05, 1e-4, 60)]), 6))


class ExitConfig(Config):
    """What the evidence is worth, and when it suffices."""

    alpha: float = Field(1.0, gt=0, le=1e6, description="temperature of the evidence")
    threshold: float = Field(0.9, gt=0, le=1, description="confidence at which to stop; 1 never stops")


def probabilities(z: NDArray, alpha: float) -> Doubles:
    """Softmax of z / alpha over the last axis."""
    scaled = np.asarray(z, np.float64) / alpha
    e = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def exit_steps(z: NDArray, config: ExitConfig) -> NDArray[np.int64]:
    """Index of the step at which each sample (sample, step, class) stops: the last if it never is sure enough."""
    sure = probabilities(z, config.alpha).max(axis=-1) > config.threshold
    return np.where(sure.any(axis=1), sure.argmax(axis=1), z.shape[1] - 1)


def answers_at(z: NDArray, steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """The class with most evidence at each sample's step."""
    return z[np.arange(len(z)), steps].argmax(axis=-1)


def fit_exit(z: NDArray, label: NDArray[np.int64], lost: float) -> ExitConfig:
    """Temperature and threshold from samples (sample, step, class) that nobody learnt from.

    lost: the share of right answers of the whole time that may be lost by stopping early.
    """
    alpha = float(TEMPERATURES[np.argmin([_surprise(z, label, a) for a in TEMPERATURES])])
    whole = np.mean(z[:, -1].argmax(axis=-1) == label)
    found = ExitConfig(alpha=alpha, threshold=1.0)
    for threshold in THRESHOLDS[::-1]:
        config = ExitConfig(alpha=alpha, threshold=float(threshold))
        if np.mean(answers_at(z, exit_steps(z, config)) == label) < whole - lost - 1e-9:
            break
        found = config
    return found


def _surprise(z: NDArray, label: NDArray[np.int64], alpha: float) -> float:
    """Mean negative log probability of the truth over all steps."""
    p = probabilities(z, alpha)[np.arange(len(z)), :, label]
    return float(-np.log(np.maximum(p, 1e-12)).mean())
