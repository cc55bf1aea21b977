"""Search strategies behind ask and tell; the only file that knows DEAP.

DEAP's `creator` and its use of the global random state stay out of it: individuals are a plain array class, and every
random number comes from the generator that is passed in. Costs are minimised.
"""

from typing import Any, Protocol

import numpy as np
from deap import base, cma, tools
from numpy.typing import NDArray

from snn_core.genome import Genes

Array = NDArray[np.float64]


class _Fitness(base.Fitness):
    weights = (-1.0,)


class _Individual(np.ndarray):
    """A gene vector with a DEAP fitness."""

    fitness: _Fitness


def _individual(genes: Genes, cost: float) -> _Individual:
    individual = np.array(genes).view(_Individual)
    individual.fitness = _Fitness((cost,))
    return individual


class Strategy(Protocol):
    """What evolution asks of an optimiser."""

    def ask(self) -> Genes:
        """The next population, (individual, gene), within bounds."""

    def tell(self, costs: Array) -> None:
        """Costs of the population last asked for, (individual,)."""

    def estimate(self) -> Genes:
        """The strategy's present estimate of the optimum, (gene,)."""

    def state(self) -> dict[str, Array]:
        """Everything needed to go on, as plain arrays (without the generator)."""

    def restore(self, state: dict[str, Array]) -> None:
        """Go on from a saved state."""


def reflect(x: Genes, low: Array, high: Array) -> Genes:
    """Map any point into its bounds by mirroring at them: deap.cma itself knows no bounds."""
    span = high - low
    y = np.mod(x - low, 2.0 * span)
    return low + np.where(y > span, 2.0 * span - y, y)


class CmaEs:
    """DEAP's CMA-ES (Hansen and Ostermeier 2001) with reflecting bounds."""

    _arrays = ("centroid", "pc", "ps", "C", "B", "diagD", "BD")
    _numbers = ("sigma", "update_count")

    def __init__(
        self, start: Genes, sigma: float, low: Array, high: Array, population: int, generator: np.random.Generator
    ) -> None:
        self.low, self.high, self.generator = low, high, generator
        self.strategy = cma.Strategy(np.array(start, float), sigma, lambda_=population)
        self.asked = np.empty((0, len(start)))

    def ask(self) -> Genes:
        s = self.strategy
        normal = self.generator.standard_normal((s.lambda_, s.dim))
        self.asked = s.centroid + s.sigma * normal @ s.BD.T
        return reflect(self.asked, self.low, self.high)

    def tell(self, costs: Array) -> None:
        order = np.argsort(costs, kind="stable")
        self.strategy.update([_individual(self.asked[i], float(costs[i])) for i in order])
        # after update() centroid and co. are individuals without fitness: keep plain arrays
        for name in self._arrays:
            setattr(self.strategy, name, np.asarray(getattr(self.strategy, name), float))

    def estimate(self) -> Genes:
        return reflect(self.strategy.centroid, self.low, self.high)

    def state(self) -> dict[str, Array]:
        return {name: np.asarray(getattr(self.strategy, name), float) for name in self._arrays + self._numbers}

    def restore(self, state: dict[str, Array]) -> None:
        for name in self._arrays:
            setattr(self.strategy, name, np.array(state[name]))
        self.strategy.sigma = float(state["sigma"])
        self.strategy.update_count = int(state["update_count"])


class Genetic:
    """A generational genetic algorithm of DEAP's operators: tournament, blend crossover, Gaussian mutation, elite."""

    tournament, crossover, mutation, elite = 3, 0.5, 0.1, 2

    def __init__(
        self, start: Genes, sigma: float, low: Array, high: Array, population: int, generator: np.random.Generator
    ) -> None:
        self.low, self.high, self.sigma, self.generator = low, high, sigma, generator
        spread = sigma * generator.standard_normal((population, len(start)))
        spread[0] = 0.0
        self.genes = reflect(start + spread, low, high)
        self.parents: Genes = np.empty((0, len(start)))
        self.costs: Array = np.empty(0)

    def ask(self) -> Genes:
        return self.genes

    def tell(self, costs: Array) -> None:
        pool = np.concatenate([self.parents[: self.elite], self.genes])
        ranked = np.concatenate([self.costs[: self.elite], costs])
        order = np.argsort(ranked, kind="stable")[: len(self.genes)]
        self.parents, self.costs = pool[order], ranked[order]
        self.genes = np.array([self._child() for _ in range(len(self.genes))])

    def _child(self) -> Genes:
        """One child of two parents chosen by tournament."""
        individuals = [_individual(g, c) for g, c in zip(self._entrants(), self._entrant_costs, strict=True)]
        mother = tools.selBest(individuals[: self.tournament], 1)[0]
        father = tools.selBest(individuals[self.tournament :], 1)[0]
        mix = self.generator.uniform(-0.1, 1.1, len(mother)) * (self.generator.random() < self.crossover)
        child = np.asarray(mother) + mix * (np.asarray(father) - np.asarray(mother))
        hit = self.generator.random(len(child)) < self.mutation
        child = child + hit * self.sigma * self.generator.standard_normal(len(child))
        return reflect(child, self.low, self.high)

    def _entrants(self) -> Genes:
        chosen = self.generator.integers(len(self.parents), size=2 * self.tournament)
        self._entrant_costs = self.costs[chosen].tolist()
        return self.parents[chosen]

    def estimate(self) -> Genes:
        return self.parents[0] if len(self.parents) else self.genes[0]

    def state(self) -> dict[str, Array]:
        return {"genes": self.genes, "parents": self.parents, "costs": self.costs}

    def restore(self, state: dict[str, Array]) -> None:
        self.genes, self.parents, self.costs = state["genes"], state["parents"], state["costs"]


STRATEGIES: dict[str, Any] = {"cma": CmaEs, "ga": Genetic}
