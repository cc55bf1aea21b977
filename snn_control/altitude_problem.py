"""What altitude controllers are judged by: how well they mimic, and how well they fly.

The flights are up to the caller, who knows a simulated world.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn_control.altitude_config import AltitudeEvolutionConfig
from snn_control.mimicry import Lesson
from snn_core import blocks, lanes
from snn_core.genome import Genes, Genome
from snn_core.network import NetworkParams
from snn_core.network_config import NetworkConfig
from snn_core.vectors import LANES

Array = NDArray[np.float64]
Population = dict[str, NetworkParams]
FlightCost = Callable[[Population, int], Array]
"""(networks of a population, seed) -> cost of each individual's flights, (individual,)."""

# The I network's read-out may not remember (table I: decay at most 0.3), so that its hidden layer has to.
INTEGRAL_BOUNDS = {"leak_out": (1e-3, 0.3), "w_own": (-0.02, 0.02), "leak_syn": (0.9999, 1.0)}


class Lessons(NamedTuple):
    """Training material of the two networks."""

    pd: list[Lesson]
    integral: list[Lesson]

    def arrays(self) -> dict[str, Array]:
        """The lessons as named arrays, such as pd.0.error, (time,)."""
        return {
            f"{part}.{i}.{name}": values
            for part, lessons in self._asdict().items()
            for i, lesson in enumerate(lessons)
            for name, values in lesson._asdict().items()
        }

    @classmethod
    def of(cls, arrays: dict[str, NDArray[Any]]) -> "Lessons":
        """The inverse of `arrays`."""
        counts = {part: sum(name.startswith(f"{part}.") for name in arrays) // 2 for part in cls._fields}
        return cls(
            *(
                [Lesson(arrays[f"{part}.{i}.error"], arrays[f"{part}.{i}.target"]) for i in range(count)]
                for part, count in counts.items()
            )
        )


class PairGenome:
    """The genes of a PD and an I network, one after the other."""

    def __init__(self, config: AltitudeEvolutionConfig) -> None:
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

    @property
    def size(self) -> int:
        """Genes of both."""
        return self.pd.size + self.integral.size

    @property
    def structure(self) -> dict[str, NetworkConfig]:
        """The networks, as a model file describes them."""
        return {"pd": self.pd.config, "integral": self.integral.config}

    def decode(self, genes: Genes) -> Population:
        """(individual, gene) -> parameters of both networks."""
        cut = self.pd.size
        return {"pd": self.pd.decode(genes[:, :cut]), "integral": self.integral.decode(genes[:, cut:])}


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


class AltitudeProblem:
    """The costs of the evolved stages: `integral` judges genes of I networks, `flight` genes of pairs."""

    def __init__(self, config: AltitudeEvolutionConfig, lessons: Lessons, flight_cost: FlightCost) -> None:
        self.config, self.lessons, self.flight_cost = config, lessons, flight_cost
        self.genome = PairGenome(config)

    def terms(self, stage: str, genes: Genes, generation: int) -> dict[str, Array]:
        """Weighted terms of the cost of genes (individual, gene), (individual,) each."""
        if stage == "integral":
            return {"integral mimic loss": mimic_losses(self.genome.integral.decode(genes), self.lessons.integral)}
        networks = self.genome.decode(genes)
        pd = mimic_losses(networks["pd"], self.lessons.pd[:LANES])  # as many as fill a kernel's lanes
        integral = mimic_losses(networks["integral"], self.lessons.integral[:4])
        flight = self.flight_cost(networks, generation)
        return {
            "PD mimic loss": pd,
            "integral mimic loss": self.config.integral_weight * integral,
            "flight cost": self.config.flight_weight * flight,
        }
