"""Fitting what a margin is worth on calibration traverses, with and without the right place in the map."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_perception.places.confidence import (
    Logistic,
    Trail,
    fit_exit,
    fit_logistic,
    leader_of,
    sequence_evidence,
    small_map_discount,
    spike_evidence,
)  # fmt: skip
from snn_perception.places.ensemble import EnsembleResponse, PlaceEnsemble
from snn_perception.places.evaluation import Truth
from snn_perception.places.images import Array
from snn_perception.places.sequence import SequenceConfig, SequenceFilter

SHARE = 0.5  # of the deviation of a margin that comes from the rival
EXIT_PROBABILITY = 0.95  # that an early answer is right
LENGTHS = (4, 10)  # of sequences that are calibrated on
# The defaults are what `snn places calibrate` prints for Nordland places 500 to 1199, the first half of the gardens
# walk and of the corridor queries together; docs/places.md has the command.
EXIT_MARGINS = {8: 1.31, 12: 2.24, 16: 2.38, 20: 2.86, 24: 3.61, 28: 4.22}


class Calibration(Config):
    """Probability of a right answer, and when to stop looking."""

    single: Logistic = Field(Logistic(offset=-2.51, slope=4.515), description="of one image, from spike counts")
    early: Logistic = Field(Logistic(offset=-2.67, slope=4.9), description="of one image that may end early")
    sequence: Logistic = Field(Logistic(offset=-3.87, slope=1.032), description="of a sequence, from standard scores")
    exit_margins: dict[int, float] = Field(EXIT_MARGINS, description="spikes of margin that end it, by step")

    def probability(self, scores: Array, neighbours: int, images: int, early: bool = False) -> float:
        """That the best of the scores (place,) is right.

        `images` is the length of the sequence behind them, `early` says that their presentation might end early.
        """
        leader, discount = leader_of(scores, neighbours), small_map_discount(len(scores), neighbours)
        if images <= 1:
            return (self.early if early else self.single).probability(spike_evidence(leader) - SHARE * discount)
        return self.sequence.probability(sequence_evidence(leader, images) - discount)

    def exit_margin(self, steps: int) -> Array:
        """Margins (steps + 1,) as the kernels take them; infinite where there is no way out."""
        margins = np.full(steps + 1, np.inf, np.float32)
        for step, margin in self.exit_margins.items():
            if 0 < step <= steps:
                margins[step] = margin
        return margins


class Evidence(NamedTuple):
    """One calibration image: what was seen with all places in the map, and with the right ones hidden."""

    ensemble: PlaceEnsemble
    drives: list[Array]
    right: NDArray[np.bool_]  # (place,)
    hidden: NDArray[np.bool_]  # (place,) the right ones and their neighbours
    sequence: list[tuple[float, bool]]

    def answers(self, exit_margin: Array | None = None) -> list[tuple[EnsembleResponse, NDArray[np.bool_]]]:
        """The response with all places, and the one without the right ones, each with what is right then (place,)."""
        with_all = self.ensemble.respond(self.drives, exit_margin)
        without = self.ensemble.respond(self.drives, exit_margin, self.hidden)
        return [(with_all, self.right), (without, np.zeros_like(self.right))]


def gather(ensemble: PlaceEnsemble, queries: NDArray, truth: Truth) -> list[Evidence]:
    """Evidence of each query (image, row, column) of a traverse; `truth` (place, query)."""
    neighbours = ensemble.config.network.region.neighbours
    memories = [
        (SequenceFilter(SequenceConfig(sequence=n)), SequenceFilter(SequenceConfig(sequence=n))) for n in LENGTHS
    ]
    states, found = ensemble.start(), []
    for image, right in zip(queries, truth.T, strict=True):
        states, drives = ensemble.see(states, image)
        hidden = np.convolve(right, np.ones(2 * neighbours + 1), mode="same") > 0
        item = Evidence(ensemble, drives, right, hidden, [])
        for k, (answer, true) in enumerate(item.answers()):
            for pair in memories:
                item.sequence.append(_sequence_pair(pair[k], answer.scores, true, neighbours))
        found.append(item)
    return found


def _sequence_pair(
    memory: SequenceFilter, scores: Array, right: NDArray[np.bool_], neighbours: int
) -> tuple[float, bool]:
    leader = leader_of(memory.step(scores), neighbours)
    return sequence_evidence(leader, len(memory.history)), bool(right[leader.place])


def calibrate(evidence: list[Evidence], exit_probability: float = EXIT_PROBABILITY) -> Calibration:
    """Fit everything on the evidence of one or more traverses, whose networks are alike.

    A presentation may stop where the place that leads is right with `exit_probability`.
    """
    region = evidence[0].ensemble.config.network.region
    checks = [t for t in range(1, region.steps + 1) if t % region.check_every == 0 or t == region.steps]
    full = [pair for item in evidence for pair in item.answers()]
    exits = fit_exit([_trail(answer, right) for answer, right in full], checks, exit_probability)
    found = Calibration(
        single=_single(full, region.neighbours),
        sequence=_fit([pair for item in evidence for pair in item.sequence]),
        exit_margins=exits,
    )
    margins = found.exit_margin(region.steps)
    early = [pair for item in evidence for pair in item.answers(margins)]
    return found.model_copy(update={"early": _single(early, region.neighbours)})


def _trail(answer: EnsembleResponse, right: NDArray[np.bool_]) -> Trail:
    """Of the first member; the others see much the same."""
    best, score, rival = answer.trails[0].T
    return Trail(right[best.astype(int)], score - rival)


def _single(pairs: list[tuple[EnsembleResponse, NDArray[np.bool_]]], neighbours: int) -> Logistic:
    leaders = [(leader_of(answer.scores, neighbours), right) for answer, right in pairs]
    return _fit([(spike_evidence(leader), bool(right[leader.place])) for leader, right in leaders])


def _fit(pairs: list[tuple[float, bool]]) -> Logistic:
    return fit_logistic(np.array([x for x, _ in pairs]), np.array([ok for _, ok in pairs]))
