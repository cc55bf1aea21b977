"""The evolution of an altitude controller: three stages from random genes to a pair of networks that flies.

1. `pd`: the PD network descends on surrogate gradients of the mimic loss. Evolution alone, started at random, does not
   find the derivative (see the README's table); this finds a start that it can improve.
2. `integral`: the I network evolves on the mimic loss of the integral lessons.
3. `flight`: both evolve together on the sum of their mimic losses and of a flight cost. In this stage the matrices of
   the PD network stay as they are.

An engine judges the populations of the evolved stages; see `snn_control.altitude_problem` for the costs.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn_control.altitude_config import AltitudeEvolutionConfig
from snn_control.altitude_problem import Lessons, PairGenome, Population
from snn_control.descent import Descent, DescentParams
from snn_control.engines import Engine
from snn_control.evolution import Progress, Run, Search, Stage
from snn_control.islands import Archipelago
from snn_control.strategies import STRATEGIES, Strategy
from snn_core.genome import MATRICES, Genes

Array = NDArray[np.float64]
STAGES = ("pd", "integral", "flight")

# Ranges from which the first genes are drawn. The PD network's are those in which most neurons spike on errors of
# decimetres; the I network's make an integrator: no synaptic leak, a small weight, spikes at a rate that follows the
# sum.
PD_START = {
    "w_in": (0.5, 2.0), "bias": (-0.5, 0.8), "leak_in": (0.3, 1.0), "threshold_in": (0.2, 1.5), "w_own": (0.5, 2.0),
    "w_cross": (-2.0, 0.0), "leak_syn": (0.0, 0.8), "leak_mem": (0.0, 0.9), "threshold": (0.3, 2.0),
    "leak_trace": (0.5, 1.0), "w_threshold": (-0.03, 0.03), "w_recurrent": (-0.03, 0.03), "w_out": (0.2, 1.0),
    "leak_out": (0.5, 0.5),
}  # fmt: skip
INTEGRAL_START = {
    "w_in": (1.0, 2.0), "bias": (0.2, 0.6), "leak_in": (0.75, 0.95), "threshold_in": (0.3, 0.8),
    "w_own": (0.001, 0.003), "leak_syn": (1.0, 1.0), "leak_mem": (0.9, 1.0), "threshold": (0.5, 1.5),
    "leak_trace": (0.5, 1.0), "w_out": (0.15, 0.35), "leak_out": (0.3, 0.3),
}  # fmt: skip


class Bounds(NamedTuple):
    """Of the genes of a stage, (gene,) each."""

    low: Array
    high: Array


class AltitudeEvolution:
    """The stages of one run over given lessons, judged by an engine."""

    def __init__(
        self, config: AltitudeEvolutionConfig, lessons: Lessons, engine: Engine, stages: Sequence[str] = STAGES
    ) -> None:
        self.config, self.lessons, self.engine, self.stages = config, lessons, engine, stages
        self.genome = PairGenome(config)
        self.free = np.ones(self.genome.size, bool)  # genes that the flight stage may change
        self.free[: self.genome.pd.size] = ~self.genome.pd.mask(*MATRICES)

    def run(self, run: Run) -> Iterator[Progress]:
        """Go through the stages; `networks(run)` has the result afterwards."""
        streams = np.random.SeedSequence(self.config.seed).spawn(len(STAGES))
        for name, stream in zip(STAGES, streams, strict=True):
            if name not in self.stages:
                continue
            stage = getattr(self, f"_{name}_stage")(np.random.default_rng(stream), run)
            for step, loss in run.steps(name, stage):
                yield Progress(name, step + 1, stage.steps, loss)

    def networks(self, run: Run) -> Population:
        """The evolved pair, populations of one."""
        return self.genome.decode(self._whole(run.finished["flight"][None], run))

    def _pd_stage(self, generator: np.random.Generator, run: Run) -> Stage:
        params = DescentParams(self.config.descent_iterations, self.config.descent_rate)
        genome = self.genome.pd
        return Descent(genome, genome.draw(PD_START, generator), self.lessons.pd, params, generator)

    def _integral_stage(self, generator: np.random.Generator, run: Run) -> Stage:
        genome, config = self.genome.integral, self.config
        judge = partial(self.engine.evaluate, "integral")
        strategy = self._strategy(
            partial(genome.draw, INTEGRAL_START), config.sigma, Bounds(genome.low, genome.high), generator
        )
        return Search(strategy, judge, config.integral_generations, generator, partial(run.note, "integral"))

    def _flight_stage(self, generator: np.random.Generator, run: Run) -> Stage:
        pd, integral, config = self.genome.pd, self.genome.integral, self.config
        start = np.concatenate([run.finished["pd"], run.finished["integral"]])[self.free]
        bounds = Bounds(
            np.concatenate([pd.low, integral.low])[self.free], np.concatenate([pd.high, integral.high])[self.free]
        )
        strategy = self._strategy(lambda _: start, config.flight_sigma, bounds, generator)
        return Search(
            strategy, lambda genes, generation: self.engine.evaluate("flight", self._whole(genes, run), generation),
            config.flight_generations, generator, partial(run.note, "flight"),
        )  # fmt: skip

    def _strategy(
        self, draw: Callable[[np.random.Generator], Genes], sigma: float, bounds: Bounds,
        generator: np.random.Generator,
    ) -> Strategy:  # fmt: skip
        """One population, or islands with a start and random numbers of their own each."""
        config = self.config

        def population(generator: np.random.Generator) -> Strategy:
            return STRATEGIES[config.strategy](draw(generator), sigma, *bounds, config.population, generator)

        if config.islands == 1:
            return population(generator)
        generators = generator.spawn(config.islands)
        return Archipelago([population(own) for own in generators], generators, config.migrate_every)

    def _whole(self, genes: Genes, run: Run) -> Genes:
        """Genes of the flight stage, with the matrices of the PD network put back."""
        base = np.concatenate([run.finished["pd"], run.finished["integral"]])
        whole = np.repeat(base[None], len(genes), axis=0)
        whole[:, self.free] = genes
        return whole
