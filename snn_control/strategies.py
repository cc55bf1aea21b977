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
LEAST_VARIANCE = 1e-12  # of the shortest axis, as a share of the longest


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
    outside = (x < low) | (x > high)
    if not outside.any():
        return x
    low, high = np.broadcast_to(low, x.shape)[outside], np.broadcast_to(high, x.shape)[outside]
    span = high - low
    y = np.mod(x[outside] - low, 2.0 * span)
    inside = x.copy()
    inside[outside] = low + np.where(y > span, 2.0 * span - y, y)
    return inside


class CmaEs:
    """CMA-ES (Hansen and Ostermeier 2001) with reflecting bounds and DEAP's parameters.

    The covariance matrix is updated in every generation, but decomposed only when it has learnt something new: when
    `staleness` of it has been replaced since. With 0 it is decomposed in every generation, as DEAP does.
    """

    _arrays: tuple[str, ...] = ("centroid", "pc", "ps", "C", "B", "diagD", "BD")
    staleness = 0.01

    def __init__(
        self, start: Genes, sigma: float, low: Array, high: Array, population: int, generator: np.random.Generator
    ) -> None:
        self.low, self.high, self.generator = low, high, generator
        self.strategy = cma.Strategy(np.array(start, float), sigma, lambda_=population)
        self.asked = np.empty((0, len(start)))

    @property
    def generations_per_decomposition(self) -> int:
        """How long a decomposition lasts."""
        return max(1, int(self.staleness / (self.strategy.ccov1 + self.strategy.ccovmu)))

    def ask(self) -> Genes:
        s = self.strategy
        normal = self.generator.standard_normal((s.lambda_, s.dim))
        self.asked = s.centroid + s.sigma * normal @ s.BD.T
        return reflect(self.asked, self.low, self.high)

    def tell(self, costs: Array) -> None:
        s = self.strategy
        chosen = self.asked[np.argsort(costs, kind="stable")[: s.mu]] - s.centroid
        shift = s.weights @ chosen
        s.centroid = s.centroid + shift
        rising = self._cumulate(shift, self._whitened(shift))
        self._learn(chosen, rising)
        s.sigma *= np.exp((np.linalg.norm(s.ps) / s.chiN - 1.0) * s.cs / s.damps)
        if s.update_count % self.generations_per_decomposition == 0:
            self._decompose()

    def _whitened(self, shift: Genes) -> Genes:
        """A step in coordinates in which the search is round."""
        s = self.strategy
        return s.B @ ((s.B.T @ shift) / s.diagD)

    def _cumulate(self, shift: Genes, whitened: Genes) -> bool:
        """Lengthen both evolution paths; returns whether pc may grow (h_sigma)."""
        s = self.strategy
        s.ps = (1.0 - s.cs) * s.ps + np.sqrt(s.cs * (2.0 - s.cs) * s.mueff) / s.sigma * whitened
        length = np.linalg.norm(s.ps) / np.sqrt(1.0 - (1.0 - s.cs) ** (2.0 * (s.update_count + 1.0)))
        rising = bool(length / s.chiN < 1.4 + 2.0 / (s.dim + 1.0))
        s.update_count += 1
        s.pc = (1.0 - s.cc) * s.pc + rising * np.sqrt(s.cc * (2.0 - s.cc) * s.mueff) / s.sigma * shift
        return rising

    def _decay(self, rising: bool) -> float:
        """What a generation leaves of the covariance."""
        s = self.strategy
        return float(1.0 - s.ccov1 - s.ccovmu + (not rising) * s.ccov1 * s.cc * (2.0 - s.cc))

    def _learn(self, chosen: Genes, rising: bool) -> None:
        """Rank-one and rank-mu update of the covariance matrix, as one product of a matrix with itself."""
        s = self.strategy
        rows = np.empty((s.mu + 1, s.dim))
        np.multiply(chosen, np.sqrt(s.ccovmu * s.weights)[:, None] / s.sigma, out=rows[:-1])
        rows[-1] = np.sqrt(s.ccov1) * s.pc
        s.C *= self._decay(rising)
        s.C += rows.T @ rows

    def _decompose(self) -> None:
        """Axes and their lengths; an axis too short for the arithmetic is lengthened, in the matrix too."""
        s = self.strategy
        variances, s.B = np.linalg.eigh(s.C)
        missing = LEAST_VARIANCE * variances[-1] - variances[0]
        if missing > 0.0:
            s.C += missing * np.eye(s.dim)
            variances = variances + missing
        s.diagD = np.sqrt(variances)
        s.BD = s.B * s.diagD

    def estimate(self) -> Genes:
        return reflect(self.strategy.centroid, self.low, self.high)

    def state(self) -> dict[str, Array]:
        names = (*self._arrays, "sigma", "update_count")
        return {name: np.asarray(getattr(self.strategy, name), float) for name in names}

    def restore(self, state: dict[str, Array]) -> None:
        for name in self._arrays:
            setattr(self.strategy, name, np.array(state[name]))
        self.strategy.sigma = float(state["sigma"])
        self.strategy.update_count = int(state["update_count"])


class SeparableCmaEs(CmaEs):
    """CMA-ES with a diagonal covariance (Ros and Hansen 2008): time and memory linear in the number of genes.

    Having less to learn it learns faster, by (genes + 2) / 3.
    """

    _arrays = ("centroid", "pc", "ps", "variances")

    def __init__(
        self, start: Genes, sigma: float, low: Array, high: Array, population: int, generator: np.random.Generator
    ) -> None:
        super().__init__(start[:1], sigma, low, high, population, generator)
        s = self.strategy
        s.centroid, s.dim = np.array(start, float), len(start)
        s.pc, s.ps, s.variances = np.zeros(s.dim), np.zeros(s.dim), np.ones(s.dim)
        s.chiN = np.sqrt(s.dim) * (1.0 - 1.0 / (4.0 * s.dim) + 1.0 / (21.0 * s.dim**2))
        s.computeParams({})
        faster = (s.dim + 2.0) / 3.0
        s.ccov1 = min(1.0, faster * s.ccov1)
        s.ccovmu = min(1.0 - s.ccov1, faster * s.ccovmu)

    def ask(self) -> Genes:
        s = self.strategy
        normal = self.generator.standard_normal((s.lambda_, s.dim))
        self.asked = s.centroid + s.sigma * np.sqrt(s.variances) * normal
        return reflect(self.asked, self.low, self.high)

    def _whitened(self, shift: Genes) -> Genes:
        return shift / np.sqrt(self.strategy.variances)

    def _learn(self, chosen: Genes, rising: bool) -> None:
        s = self.strategy
        s.variances *= self._decay(rising)
        s.variances += s.ccov1 * s.pc**2 + s.ccovmu * (s.weights @ chosen**2) / s.sigma**2

    def _decompose(self) -> None:
        """A diagonal is its own decomposition."""


MOST_GENES = 1000  # with more the covariance matrix costs more than the flights


def cma_es(
    start: Genes, sigma: float, low: Array, high: Array, population: int, generator: np.random.Generator
) -> CmaEs:
    """CMA-ES with the whole covariance matrix, or its diagonal where there are more than MOST_GENES genes."""
    kind = CmaEs if len(start) <= MOST_GENES else SeparableCmaEs
    return kind(start, sigma, low, high, population, generator)


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


class Nsga2:
    """NSGA-II (Deb et al. 2002) with DEAP's selection, for costs (individual, objective).

    The start is asked for first, then children. A child lies on the line through two parents, or beside one of them,
    and some of its genes are mutated. Parents keep their costs: those must not change from generation to generation,
    or the luckiest would stay.
    """

    crossover, mutation, beyond = 0.7, 0.1, 0.1

    def __init__(self, start: Genes, sigma: float, low: Array, high: Array, generator: np.random.Generator) -> None:
        self.low, self.high, self.sigma, self.generator = low, high, sigma, generator
        self.parents = reflect(start, low, high)
        self.costs: Array = np.empty((0, 0))  # of the parents
        self.children: Genes = np.empty((0, len(low)))

    def ask(self) -> Genes:
        """The start, and ever after as many children, (individual, gene)."""
        if not len(self.costs):
            return self.parents
        self.children = np.array([self._child() for _ in self.parents])
        return self.children

    def tell(self, costs: Array) -> None:
        """Costs of those last asked for, (individual, objective)."""
        pool = np.concatenate([self.parents, self.children])
        known = np.concatenate([self.costs, costs]) if len(self.costs) else costs
        everybody = [_Candidate(index, row) for index, row in enumerate(known.tolist())]
        chosen = [candidate.index for candidate in tools.selNSGA2(everybody, len(self.parents))]
        self.parents, self.costs = pool[chosen], known[chosen]

    def _child(self) -> Genes:
        """One child; parents are in the order of selection, so that of two the first one is the better."""
        mother, father = (self.parents[self.generator.integers(len(self.parents), size=2).min()] for _ in range(2))
        mix = self.generator.uniform(-self.beyond, 1.0 + self.beyond) * (self.generator.random() < self.crossover)
        child = mother + mix * (father - mother)
        hit = self.generator.random(len(child)) < self.mutation
        child = child + hit * self.sigma * self.generator.standard_normal(len(child))
        return reflect(child, self.low, self.high)

    def estimate(self) -> Genes:
        """The parents that no other parent dominates, (individual, gene)."""
        return self.parents[undominated(self.costs)] if len(self.costs) else self.parents

    def state(self) -> dict[str, Array]:
        return {"parents": self.parents, "costs": self.costs}

    def restore(self, state: dict[str, Array]) -> None:
        self.parents, self.costs = state["parents"], state["costs"]


class _Candidate:
    """A row of costs as DEAP's selection wants it."""

    def __init__(self, index: int, costs: list[float]) -> None:
        self.index = index
        self.fitness = _Fitnesses(len(costs))
        self.fitness.values = tuple(costs)


class _Fitnesses(base.Fitness):
    """Several costs, all to be minimised."""

    def __init__(self, objectives: int) -> None:
        self.weights = (-1.0,) * objectives
        super().__init__()


def undominated(costs: Array) -> NDArray[np.bool_]:
    """Which rows of costs (individual, objective) no other row beats: nowhere worse, and better somewhere."""
    worse = np.all(costs[:, None] >= costs, axis=2) & np.any(costs[:, None] > costs, axis=2)
    return ~np.any(worse, axis=1)


STRATEGIES: dict[str, Any] = {"cma": cma_es, "ga": Genetic}
