"""What an evolution judges genes by, as data that any process can rebuild: a factory's name, settings and arrays."""

import importlib
import json
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from snn_core.genome import Genes

Array = NDArray[np.float64]
Strings = NDArray[np.str_]


class Problem(Protocol):
    """A cost made of named terms; it must depend on nothing but its arguments and what it was built from."""

    def terms(self, stage: str, genes: Genes, generation: int) -> dict[str, Array]:
        """Terms whose sum is the cost, (individual,) or (individual, objective) each; genes (individual, gene)."""


class ProblemSpec(NamedTuple):
    """How to build a problem anywhere: `factory` is "module:function", called with the settings and the arrays."""

    factory: str
    settings: str  # JSON
    arrays: dict[str, NDArray[Any]]

    def build(self) -> Problem:
        """Call the factory, with arrays of its own: those that came from another process may be read-only."""
        module, name = self.factory.split(":")
        build = getattr(importlib.import_module(module), name)
        return build(json.loads(self.settings), {key: np.array(value) for key, value in self.arrays.items()})


class Judged(NamedTuple):
    """The verdict on a population."""

    costs: Array  # (individual,) or (individual, objective)
    reasons: Strings  # (individual,): why a cost is not finite, '' where it is


def judge(problem: Problem, stage: str, genes: Genes, generation: int) -> Judged:
    """Costs of a population, and for each that is not finite the terms to blame."""
    with np.errstate(all="ignore"):  # a cost that is not finite is told with its reason, not by a warning
        terms = {name: np.asarray(term, float) for name, term in problem.terms(stage, genes, generation).items()}
        costs = sum(terms.values(), start=np.zeros(()))
    if costs.shape[:1] != (len(genes),):
        raise ValueError(f"stage '{stage}': expected a cost for each of {len(genes)} individuals, got {costs.shape}")
    reasons = ["" if np.isfinite(cost).all() else _reason(terms, row) for row, cost in enumerate(costs)]
    return Judged(costs, np.array(reasons, np.str_))


def _reason(terms: dict[str, Array], row: int) -> str:
    """Such as "flight is nan"; only the sum is to blame where every term is finite."""
    values = {name: float(np.sum(term[row])) for name, term in terms.items()}
    blamed = [f"{name} is {value}" for name, value in values.items() if not np.isfinite(value)]
    return ", ".join(blamed) or "sum is too large"


def worst_for_bad(costs: Array) -> Array:
    """Costs in which everything that is not finite is 1000 worse than the worst of its column."""
    finite = np.isfinite(costs)
    worst = np.max(np.where(finite, costs, -np.inf), axis=0, initial=-np.inf)
    return np.where(finite, costs, np.where(np.isfinite(worst), worst, 0.0) + 1e3)
