"""How sure an answer is: the margin of the best place, as a probability that was fitted on calibration traverses."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_perception.places.images import Array

NEWTON_STEPS = 50
SMALLEST_MARGIN = 0.5  # spikes; below it an early answer would rest on hardly anything
MANY_RIVALS = 100
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


def small_map_discount(places: int, neighbours: int) -> float:
    """Deviations by which the margin of a small map flatters: the best of few rivals is lower than the best of many.

    The largest of n normal numbers lies about sqrt(2 ln n) deviations above their mean. Calibration maps had a hundred
    rivals or more; there the discount ends.
    """
    rivals = max(places - 2 * neighbours - 1, 1)
    return max(math.sqrt(2.0 * math.log(MANY_RIVALS)) - math.sqrt(2.0 * math.log(rivals)), 0.0)


class Trail(NamedTuple):
    """What was known of one image at the checks of its presentation."""

    right: NDArray[np.bool_]  # (check,) is the place that leads right?
    margin: NDArray  # (check,) spikes between it and its rival


def fit_exit(trails: list[Trail], check_steps: list[int], probability: float) -> dict[int, float]:
    """Margin by step from which a presentation may stop; steps at which no margin suffices are left out.

    At that margin the place that leads is right with `probability`, by a logistic fit over the calibration images, half
    of which show places that the map has not.
    """
    found = {}
    for check, step in enumerate(check_steps[:-1]):
        margins = np.array([trail.margin[check] for trail in trails])
        fit = fit_logistic(margins, np.array([trail.right[check] for trail in trails]))
        if fit.slope > 0.0 and margins.max(initial=0.0) > 0.0:
            found[step] = max((math.log(probability / (1.0 - probability)) - fit.offset) / fit.slope, SMALLEST_MARGIN)
    return found
