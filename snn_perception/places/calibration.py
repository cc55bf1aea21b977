"""Fitting what a margin is worth on calibration traverses, with and without the right place in the map."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_perception.places.confidence import (
    Leader,
    Logistic,
    Trail,
    fit_exit,
    fit_logistic,
    leader_of,
    sequence_evidence,
    spike_evidence,
)  # fmt: skip
from snn_perception.places.ensemble import PlaceEnsemble
from snn_perception.places.evaluation import Truth
from snn_perception.places.images import Array
from snn_perception.places.sequence import SequenceConfig, SequenceFilter

AGREEMENT = 0.98  # probability that an early answer is the final one
LENGTHS = (4, 10)  # of sequences that are calibrated on
# The defaults are what `snn places calibrate` prints for Nordland places 500 to 1199, the first half of the gardens
# walk and of the corridor queries together; docs/places.md has the command.
EXIT_MARGINS = {8: 1.56, 12: 1.46, 16: 1.56, 20: 2.11, 24: 1.79, 28: 2.51}


class Calibration(Config):
    """Probability of a right answer, and when to stop looking."""

    single: Logistic = Field(Logistic(offset=-2.53, slope=4.49), description="of one image, from spike counts")
    sequence: Logistic = Field(Logistic(offset=-4.1, slope=1.245), description="of a sequence, from standard scores")
    exit_margins: dict[int, float] = Field(EXIT_MARGINS, description="spikes of margin that end it, by step")

    def probability(self, scores: Array, neighbours: int, images: int) -> float:
        """That the best of the scores (place,) is right; `images` is the length of the sequence behind them."""
        leader = leader_of(scores, neighbours)
        if images <= 1:
            return self.single.probability(spike_evidence(leader))
        return self.sequence.probability(sequence_evidence(leader, images))

    def exit_margin(self, steps: int) -> Array:
        """Margins (steps + 1,) as the kernels take them; infinite where there is no way out."""
        margins = np.full(steps + 1, np.inf, np.float32)
        for step, margin in self.exit_margins.items():
            if 0 < step <= steps:
                margins[step] = margin
        return margins


class Evidence(NamedTuple):
    """One calibration image: what was seen with all places in the map, and with the right ones hidden."""

    single: list[tuple[float, bool]]
    sequence: list[tuple[float, bool]]
    trail: Trail


def gather(ensemble: PlaceEnsemble, queries: NDArray, truth: Truth) -> list[Evidence]:
    """Evidence of each query (image, row, column); `truth` (place, query)."""
    region = ensemble.config.network.region
    filters = [SequenceFilter(SequenceConfig(sequence=n)) for n in LENGTHS]
    states, found = ensemble.start(), []
    for image, right in zip(queries, truth.T, strict=True):
        states, drives = ensemble.see(states, image)
        answer = ensemble.respond(drives)
        single = [(spike_evidence(x), ok) for x, ok in _with_and_without(answer.scores, right, region.neighbours)]
        sequence = []
        for memory in filters:
            scores, images = memory.step(answer.scores), len(memory.history)
            pairs = _with_and_without(scores, right, region.neighbours)
            sequence += [(sequence_evidence(x, images), ok) for x, ok in pairs]
        first = answer.trails[0]
        found.append(Evidence(single, sequence, Trail(first[:, 0], first[:, 1] - first[:, 2])))
    return found


def _with_and_without(scores: Array, right: NDArray[np.bool_], neighbours: int) -> Iterable[tuple[Leader, bool]]:
    leader = leader_of(scores, neighbours)
    yield leader, bool(right[leader.place])
    near = np.convolve(right, np.ones(2 * neighbours + 1), mode="same") > 0
    yield leader_of(np.where(near, np.float32(min(0.0, float(scores.min()))), scores), neighbours), False


def calibrate(evidence: list[Evidence], ensemble: PlaceEnsemble) -> Calibration:
    """Fit everything on the evidence of one or more traverses."""
    single = [pair for item in evidence for pair in item.single]
    sequence = [pair for item in evidence for pair in item.sequence]
    region = ensemble.config.network.region
    checks = [t for t in range(1, region.steps + 1) if t % region.check_every == 0 or t == region.steps]
    exits = fit_exit([item.trail for item in evidence], checks, AGREEMENT)
    return Calibration(single=_fit(single), sequence=_fit(sequence), exit_margins=exits)


def _fit(pairs: list[tuple[float, bool]]) -> Logistic:
    return fit_logistic(np.array([x for x, _ in pairs]), np.array([ok for _, ok in pairs]))
