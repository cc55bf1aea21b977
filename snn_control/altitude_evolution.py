"""The evolution of an altitude controller: three stages from random genes to a pair of networks that flies.

1. `pd`: the PD network descends on surrogate gradients of the mimic loss. Evolution alone, started at random, does not
   find the derivative (see the README's table); this finds a start that it can improve.
2. `integral`: the I network evolves on the mimic loss of the integral lessons.
3. `flight`: both evolve together on the sum of their mimic losses and of a flight cost, which the caller measures by
   flying the population in a simulated world. In this stage the matrices of the PD network stay as they are.
"""

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_control.descent import Descent, DescentParams
from snn_control.evolution import Run, Search, Stage
from snn_control.mimicry import Lesson
from snn_control.strategies import STRATEGIES
from snn_core import blocks, lanes
from snn_core.config import Config
from snn_core.genome import MATRICES, Genes, Genome
from snn_core.network import NetworkParams
from snn_core.network_config import HiddenLayer, NetworkConfig

Array = NDArray[np.float64]
Population = dict[str, NetworkParams]
FlightCost = Callable[[Population, int], Array]
"""(networks of a population, seed) -> cost of each individual's flights, (individual,)."""

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
# The I network's read-out may not remember (table I: decay at most 0.3), so that its hidden layer has to.
INTEGRAL_BOUNDS = {"leak_out": (1e-3, 0.3), "w_own": (-0.02, 0.02), "leak_syn": (0.9999, 1.0)}


class AltitudeEvolutionConfig(Config):
    """Settings of one run; the defaults made the shipped model."""

    seed: int = Field(1, ge=0, le=2**31, description="seed of everything random")
    dt_s: float = Field(0.1, gt=0, le=1, description="control period (s)")
    pairs: int = Field(20, ge=2, le=128, description="pairs per layer; 20 make 160 neurons in all")
    pd_hidden: HiddenLayer = Field("recurrent_iwta", description="hidden layer of the PD network")
    integral_hidden: HiddenLayer = Field("lif", description="hidden layer of the I network")
    strategy: Literal["cma", "ga"] = Field("cma", description="search of the evolved stages")
    population: int = Field(32, ge=4, le=10000, description="individuals per generation")
    descent_iterations: int = Field(12000, ge=1, description="iterations of the stage pd")
    descent_rate: float = Field(0.015, gt=0, le=1, description="largest step of a gene, in its scale")
    integral_generations: int = Field(400, ge=1, description="generations of the stage integral")
    flight_generations: int = Field(400, ge=1, description="generations of the stage flight")
    sigma: float = Field(0.1, gt=0, le=10, description="first step size of the stage integral, in gene scales")
    flight_sigma: float = Field(0.03, gt=0, le=10, description="first step size of the stage flight, in gene scales")
    flight_weight: float = Field(1.0, ge=0, description="weight of the flight cost against the PD mimic loss (1/m)")
    data_digest: str = Field("", description="SHA-256 of the training data; the run fills it in")
    integral_weight: float = Field(0.3, ge=0, description="weight of the I mimic loss against the PD mimic loss")


class Lessons(NamedTuple):
    """Training material of the two networks."""

    pd: list[Lesson]
    integral: list[Lesson]


class Progress(NamedTuple):
    """One step of a run."""

    stage: str
    step: int
    steps: int
    loss: float


def _stack(lessons: list[Lesson]) -> tuple[Array, Array]:
    """Errors and targets (lesson, time), cut to the shortest."""
    steps = min(len(lesson.error) for lesson in lessons)
    return (
        np.array([lesson.error[:steps] for lesson in lessons]),
        np.array([lesson.target[:steps] for lesson in lessons]),
    )


def mimic_losses(params: NetworkParams, lessons: list[Lesson], limit: float = 10.0) -> Array:
    """MAE + (1 - Pearson) of every network of a population, mean over the lessons, (individual,)."""
    errors, targets = _stack(lessons)
    dense = params.w_threshold.shape[1] > 2 or params.w_recurrent.shape[1] > 2
    mae, rho = (blocks if dense else lanes).mimic_scores(params, errors, targets, limit)
    return (mae + 1.0 - rho).mean(axis=1)


class AltitudeEvolution:
    """The stages of one run over given lessons."""

    def __init__(self, config: AltitudeEvolutionConfig, lessons: Lessons, flight_cost: FlightCost) -> None:
        self.config, self.lessons, self.flight_cost = config, lessons, flight_cost
        self.pd = Genome(NetworkConfig(pairs=config.pairs, hidden=config.pd_hidden))
        self.integral = Genome(
            NetworkConfig(
                pairs=config.pairs,
                hidden=config.integral_hidden,
                connectivity="paired",
                opposed=True,
                bounds=INTEGRAL_BOUNDS,
            )
        )
        self.free = ~self.pd.mask(*MATRICES)  # genes of the PD network that the flight stage may change

    def run(self, run: Run) -> Iterator[Progress]:
        """Go through the stages; `networks(run)` has the result afterwards."""
        streams = np.random.SeedSequence(self.config.seed).spawn(3)
        for name, stream in zip(self.stage_steps, streams, strict=True):
            stage = getattr(self, f"_{name}_stage")(np.random.default_rng(stream), run)
            for step, loss in run.steps(name, stage):
                yield Progress(name, step + 1, stage.steps, loss)

    def networks(self, run: Run) -> Population:
        """The evolved pair, populations of one."""
        return self._population(run.finished["flight"][None], run.finished["pd"])

    @property
    def stage_steps(self) -> dict[str, int]:
        """Steps of each stage, in order."""
        config = self.config
        return {
            "pd": config.descent_iterations,
            "integral": config.integral_generations,
            "flight": config.flight_generations,
        }

    def _pd_stage(self, generator: np.random.Generator, run: Run) -> Stage:
        params = DescentParams(self.config.descent_iterations, self.config.descent_rate)
        return Descent(self.pd, self.pd.draw(PD_START, generator), self.lessons.pd, params, generator)

    def _integral_stage(self, generator: np.random.Generator, run: Run) -> Stage:
        start = self.integral.draw(INTEGRAL_START, generator)

        def cost(genes: Genes, generation: int) -> Array:
            return mimic_losses(self.integral.decode(genes), self.lessons.integral)

        return self._search(start, self.config.sigma, self.integral.low, self.integral.high,
                            cost, self.config.integral_generations, generator)  # fmt: skip

    def _flight_stage(self, generator: np.random.Generator, run: Run) -> Stage:
        base = run.finished["pd"]
        start = np.concatenate([base[self.free], run.finished["integral"]])
        low = np.concatenate([self.pd.low[self.free], self.integral.low])
        high = np.concatenate([self.pd.high[self.free], self.integral.high])
        lessons = self.lessons.pd[:3]  # one of each recording, where there are three

        def cost(genes: Genes, generation: int) -> Array:
            population = self._population(genes, base)
            pd = mimic_losses(population["pd"], lessons)
            integral = mimic_losses(population["integral"], self.lessons.integral[:4])
            flight = self.flight_cost(population, generation)
            return pd + self.config.integral_weight * integral + self.config.flight_weight * flight

        return self._search(start, self.config.flight_sigma, low, high,
                            cost, self.config.flight_generations, generator)  # fmt: skip

    def _search(
        self, start: Genes, sigma: float, low: Array, high: Array, cost: Callable[[Genes, int], Array],
        generations: int, generator: np.random.Generator,
    ) -> Search:  # fmt: skip
        strategy = STRATEGIES[self.config.strategy](start, sigma, low, high, self.config.population, generator)
        return Search(strategy, cost, generations, generator)

    def _population(self, genes: Genes, base: Genes) -> Population:
        """Split the genes of the flight stage and put the PD network's matrices back."""
        cut = int(self.free.sum())
        pd = np.repeat(base[None], len(genes), axis=0)
        pd[:, self.free] = genes[:, :cut]
        return {"pd": self.pd.decode(pd), "integral": self.integral.decode(genes[:, cut:])}
