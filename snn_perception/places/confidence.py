"""How sure an answer is: the margin of the best place, as a probability that was fitted on calibration traverses."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_perception.places.images import Array

NEWTON_STEPS = 50
RIDGE = 1e-3  # keeps the fit finite where one side has no mistakes


class Logistic(Config):
    """Probability of a right answer: 1 / (1 + exp(-(offset + slope x evidence)))."""

    offset: float = Field(description="log odds at evidence 0")
    slope: float = Field(description="log odds per unit of evidence")

    def probability(self, evidence: float) -> float:
        """In [0, 1]."""
        return 1.0 / (1.0 + math.exp(-min(max(self.offset + self.slope * evidence, -50.0), 50.0)))


class Leader(NamedTuple):
    """The best place of one image."""

    place: int
    score: float
    rival: float  # best score outside the neighbourhood of the best place


def leader_of(scores: Array, neighbours: int) -> Leader:
    """The best place of scores (place,), and the best score at least `neighbours` + 1 places away from it."""
    best = int(scores.argmax())
    elsewhere = np.concatenate([scores[: max(best - neighbours, 0)], scores[best + neighbours + 1 :]])
    return Leader(best, float(scores[best]), float(elsewhere.max(initial=0.0)))


def spike_evidence(leader: Leader) -> float:
    """Margin in standard deviations, if spike counts were Poisson: (best - rival) / sqrt(best + rival + 1)."""
    return (leader.score - leader.rival) / math.sqrt(leader.score + leader.rival + 1.0)


def sequence_evidence(leader: Leader, images: int) -> float:
    """Margin of mean standard scores over `images`, in standard errors of their mean."""
    return (leader.score - leader.rival) * math.sqrt(images)


def fit_logistic(evidence: NDArray, right: NDArray[np.bool_]) -> Logistic:
    """Maximum likelihood of the two coefficients, by Newton's method with a little ridge."""
    design = np.stack([np.ones(len(evidence)), evidence], axis=1)
    weights: NDArray = np.zeros(2)
    for _ in range(NEWTON_STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ weights, -50.0, 50.0)))
        gradient = design.T @ (right - p) - RIDGE * weights
        hessian = (design * (p * (1.0 - p))[:, None]).T @ design + RIDGE * np.eye(2)
        weights = weights + np.linalg.solve(hessian, gradient)
    return Logistic(offset=float(weights[0]), slope=float(weights[1]))


class Trail(NamedTuple):
    """What was known of one image at the checks of its presentation."""

    best: NDArray  # (check,) place
    margin: NDArray  # (check,)


def fit_exit(trails: list[Trail], check_steps: list[int], steps: int, agreement: float) -> Array:
    """Margins (steps + 1,) from which a presentation may stop, infinite at steps without a check.

    The smallest margins at which `agreement` of the calibration images or more have the answer that they end with.
    """
    exit_margin = np.full(steps + 1, np.inf, np.float32)
    last = len(check_steps) - 1
    for check, step in enumerate(check_steps[:-1]):
        margins = np.array([trail.margin[check] for trail in trails])
        settled = np.array([trail.best[check] == trail.best[last] for trail in trails])
        order = np.argsort(-margins, kind="stable")
        share = np.cumsum(settled[order]) / np.arange(1, len(order) + 1)
        enough = np.flatnonzero((share >= agreement) & (margins[order] > 0))
        if len(enough):
            exit_margin[step] = margins[order][enough[-1]]
    return exit_margin
