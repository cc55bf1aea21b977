"""Fine-tuning in closed loop: from a mimic to the front between tracking error, command effort and spikes.

1. `anchor 0` and so on: CMA-ES on weighted sums of the objectives, one for each of ANCHORS, each from where the one
   before ended; new random worlds in every generation.
2. `front`: NSGA-II from the anchors and their neighbours; the same random worlds in every generation, but more.

Every contender goes through the same stages, with the same number of flights in the same worlds.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_control.axis_control import AxisName
from snn_control.contenders import Contender
from snn_control.evolution import Progress, Run, Search, Stage
from snn_control.problems import Judged
from snn_control.strategies import Nsga2, cma_es
from snn_core.config import Config
from snn_core.genome import Genes

Array = NDArray[np.float64]
Judge = Callable[[str, Genes, int], Judged]
OBJECTIVES = ("tracking_m", "variation_per_step", "spikes_per_step")
# Weights of the objectives: what a command unit of variation per step, and a spike per step, may cost in metres.
ANCHORS = ((1.0, 0.0, 0.0), (1.0, 0.02, 0.0), (1.0, 0.06, 0.0), (1.0, 0.02, 0.0015))


OVERSHOOT_WEIGHT = 0.25
LOST_M, LOST_PENALTY = 0.5, 100.0  # of tracking error, beyond which it is no flight, however little it cost


class FineTuneConfig(Config):
    """Settings of one run."""

    seed: int = Field(1, ge=0, le=2**31, description="seed of everything random")
    axis: AxisName = Field("altitude", description="what the controller holds; the model tells")
    dt_s: float = Field(0.1, gt=0, le=1, description="control period (s)")
    worlds: int = Field(16, ge=1, le=1024, description="random worlds per generation of an anchor")
    population: int = Field(32, ge=4, le=10000, description="individuals per generation of an anchor")
    anchor_generations: int = Field(1000, ge=1, description="generations of each anchor")
    front_worlds: int = Field(64, ge=1, le=1024, description="random worlds of the front")
    front_population: int = Field(48, ge=8, le=10000, description="individuals per generation of the front")
    front_generations: int = Field(80, ge=1, description="generations of the front")
    model_digest: str = Field("", description="SHA-256 of the model it starts from; the run fills it in")


class Scores(Protocol):
    """What a batch of flights tells, (individual, world) each."""

    @property
    def rmse_m(self) -> Array: ...
    @property
    def steady_state_error_m(self) -> Array: ...
    @property
    def overshoot_m(self) -> Array: ...
    @property
    def total_variation(self) -> Array: ...
    @property
    def spikes_per_step(self) -> Array: ...


def objectives(scores: Scores, steps: int) -> Array:
    """Means over the worlds, (individual, objective): tracking error, variation per step, spikes per step.

    The tracking error is RMSE + steady-state error + a quarter of the overshoot, metres.
    """
    tracking = scores.rmse_m + scores.steady_state_error_m + OVERSHOOT_WEIGHT * scores.overshoot_m
    columns = (tracking, scores.total_variation / steps, scores.spikes_per_step)
    return np.stack([column.mean(axis=1) for column in columns], axis=1)


class FineTuneProblem:
    """Judges contenders by flights that the caller knows how to fly: (pilot, individuals, generation, None = front)."""

    def __init__(self, contenders: dict[str, Contender], fly: Callable[[Any, int, int | None], Array]) -> None:
        self.contenders, self.fly = contenders, fly

    def terms(self, stage: str, genes: Genes, generation: int) -> dict[str, Array]:
        """Objectives (individual, objective); the stage begins with the name of its contender."""
        contender = self.contenders[stage.split()[0]]
        if "front" not in stage:
            return {"flight": self.fly(contender.pilot(genes), len(genes), generation)}
        flight = self.fly(contender.pilot(genes), len(genes), None)
        return {"flight": flight, "lost": np.where(flight[:, :1] > LOST_M, LOST_PENALTY, 0.0)}


class FineTuning:
    """The stages of one run, contender after contender, judged by an engine."""

    def __init__(self, config: FineTuneConfig, contenders: dict[str, Contender], judge: Judge) -> None:
        self.config, self.contenders, self.judge = config, contenders, judge

    def run(self, run: Run) -> Iterator[Progress]:
        """Go through the stages; `front` has the results afterwards."""
        streams = np.random.SeedSequence(self.config.seed).spawn(len(self.contenders))
        for (name, contender), stream in zip(self.contenders.items(), streams, strict=True):
            generators = [np.random.default_rng(own) for own in stream.spawn(len(ANCHORS) + 1)]
            for k, weights in enumerate(ANCHORS):
                stage = f"{name} anchor {k}"
                yield from self._go(run, stage, self._anchor(contender, stage, weights, generators[k], run))
            stage = f"{name} front"
            yield from self._go(run, stage, self._front(contender, stage, generators[-1], run))

    def front(self, run: Run, name: str) -> Genes:
        """The front of a contender, (individual, gene)."""
        return run.finished[f"{name} front"]

    def _go(self, run: Run, name: str, stage: Stage) -> Iterator[Progress]:
        for step, loss in run.steps(name, stage):
            yield Progress(name, step + 1, stage.steps, loss)

    def _anchor(
        self, contender: Contender, stage: str, weights: tuple[float, ...], generator: np.random.Generator, run: Run
    ) -> Search:
        def judge(genes: Genes, generation: int) -> Judged:
            judged = self.judge(stage, genes, generation)
            return Judged(judged.costs @ np.array(weights), judged.reasons)

        before = run.finished.get(f"{stage[:-1]}{int(stage[-1]) - 1}", contender.start)
        strategy = cma_es(before, contender.sigma, contender.low, contender.high, self.config.population, generator)
        return Search(strategy, judge, self.config.anchor_generations, generator, partial(run.note, stage))

    def _front(self, contender: Contender, stage: str, generator: np.random.Generator, run: Run) -> Search:
        name = stage.split()[0]
        anchors = [run.finished[f"{name} anchor {k}"] for k in range(len(ANCHORS))]
        chosen = np.resize(np.array([*anchors, contender.start]), (self.config.front_population, len(contender.start)))
        around = chosen + generator.normal(0.0, contender.sigma, chosen.shape)
        around[: len(ANCHORS) + 1] = chosen[: len(ANCHORS) + 1]
        strategy = Nsga2(around, contender.sigma, contender.low, contender.high, generator)
        judge = partial(self.judge, stage)
        return Search(strategy, judge, self.config.front_generations, generator, partial(run.note, stage))


class Point(NamedTuple):
    """One controller of a front, as validation worlds saw it."""

    row: int
    objectives: Array  # (objective,)


def most_accurate(costs: Array, variation_limit: float = np.inf) -> Point:
    """The point of lowest tracking error among costs (individual, objective) with at most so much variation.

    Where none is that quiet, the quietest.
    """
    quiet = costs[:, 1] <= variation_limit
    row = int(np.where(quiet, costs[:, 0], np.inf).argmin()) if quiet.any() else int(costs[:, 1].argmin())
    return Point(row, costs[row])
