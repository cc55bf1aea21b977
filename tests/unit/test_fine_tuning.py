"""The stages of fine-tuning on a problem with a known front, and that every contender gets the same."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from snn_control.evolution import Interrupted, Run
from snn_control.fine_tuning import ANCHORS, FineTuneConfig, FineTuneProblem, FineTuning, most_accurate, objectives
from snn_control.problems import Judged, judge
from snn_core.genome import Genes

SMALL = FineTuneConfig(seed=5, population=8, anchor_generations=6, front_population=12, front_generations=5)


class Line:
    """Accuracy costs effort: the first gene trades one for the other, the others only do harm."""

    sigma = 0.3

    def __init__(self, genes: int) -> None:
        self.start, self.low, self.high = np.full(genes, 0.5), np.full(genes, -1.0), np.full(genes, 2.0)

    def pilot(self, genes: Genes) -> tuple[Genes]:
        return (genes,)


CONTENDERS = {"snn": Line(5), "pid": Line(2)}


def fly(pilot: tuple[Genes], individuals: int, generation: int | None) -> np.ndarray:
    genes, rest = pilot[0], (pilot[0][:, 1:] ** 2).sum(axis=1)
    assert len(genes) == individuals
    return np.stack([genes[:, 0] ** 2 + rest, 30.0 * (1.0 - genes[:, 0]) ** 2 + rest, rest], axis=1)


class Counting:
    """Judges, and counts the individuals of each contender."""

    def __init__(self) -> None:
        self.problem, self.seen = FineTuneProblem(CONTENDERS, fly), Counter[str]()

    def __call__(self, stage: str, genes: Genes, generation: int) -> Judged:
        self.seen[stage.split()[0]] += len(genes)
        return judge(self.problem, stage, genes, generation)


def tune(folder: Path, stop_after: int | None = None, resume: bool = False) -> tuple[dict[str, Genes], Counter[str]]:
    """Run (on) in a folder; fronts, and how many individuals were judged."""
    counting, run = Counting(), Run(folder, SMALL)
    tuning = FineTuning(SMALL, CONTENDERS, counting)
    run.resume() if resume else run.begin()
    for done, _ in enumerate(tuning.run(run), start=1):
        run.stop = done == stop_after
    return {name: tuning.front(run, name) for name in CONTENDERS}, counting.seen


def test_every_contender_gets_the_same_number_of_flights(tmp_path: Path) -> None:
    _, seen = tune(tmp_path)
    each = len(ANCHORS) * SMALL.population * SMALL.anchor_generations
    assert seen == dict.fromkeys(CONTENDERS, each + SMALL.front_population * SMALL.front_generations)


def test_the_front_spans_what_the_anchors_found(tmp_path: Path) -> None:
    fronts, _ = tune(tmp_path)
    for front in fronts.values():
        costs = fly((front,), len(front), 0)
        assert len(front) >= 6
        assert costs[:, 0].min() < 0.1
        assert costs[:, 1].min() < 3.0
        assert np.ptp(costs[:, 1]) > 10.0


@pytest.mark.parametrize("stop_after", [4, 27, 40])
def test_a_stopped_run_goes_on_as_if_it_had_not_been(tmp_path: Path, stop_after: int) -> None:
    whole, _ = tune(tmp_path / "whole")
    with pytest.raises(Interrupted):
        tune(tmp_path / "stopped", stop_after=stop_after)
    resumed, _ = tune(tmp_path / "stopped", resume=True)
    for name in CONTENDERS:
        np.testing.assert_array_equal(resumed[name], whole[name])


def test_objectives_are_means_over_the_worlds() -> None:
    scores = SimpleNamespace(
        rmse_m=np.array([[0.1, 0.3]]), steady_state_error_m=np.array([[0.02, 0.04]]),
        total_variation=np.array([[100.0, 300.0]]), spikes_per_step=np.array([[40.0, 50.0]]),
    )  # fmt: skip
    np.testing.assert_allclose(objectives(scores, 100), [[0.23, 2.0, 45.0]])


@pytest.mark.parametrize(("limit", "row"), [(np.inf, 2), (1.5, 1), (1.0, 1), (0.6, 0), (0.1, 0)])
def test_the_most_accurate_among_the_quiet_is_chosen(limit: float, row: int) -> None:
    costs = np.array([[0.3, 0.5, 1.0], [0.2, 1.0, 1.0], [0.1, 2.0, 1.0]])
    assert most_accurate(costs, limit).row == row
