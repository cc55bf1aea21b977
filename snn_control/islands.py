"""Islands: several populations that evolve apart, in a ring along which the best individual migrates now and then."""

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from snn_control.strategies import CmaEs, Genetic, Strategy
from snn_core.genome import Genes

Array = NDArray[np.float64]
SLOW = 0.9  # of the running mean of an island's costs


class Archipelago:
    """Strategies of equal population side by side: itself a strategy, of all individuals together.

    Every `migrate_every` generations the best individual of each island's last generation takes the place of the last
    one of the next island's new generation, and is judged with it.
    """

    def __init__(
        self, islands: Sequence[Strategy], generators: Sequence[np.random.Generator], migrate_every: int
    ) -> None:
        self.islands, self.generators, self.migrate_every = islands, generators, migrate_every
        self.generation = 0
        self.best: Genes | None = None  # (island, gene), of the last generation
        self.standing: Array = np.zeros(len(islands))  # running mean of each island's median cost
        self._asked: Genes = np.empty((0, 0))

    def ask(self) -> Genes:
        populations = [island.ask() for island in self.islands]
        if self.best is not None and self.generation % self.migrate_every == 0:
            migrants = np.roll(self.best, 1, axis=0)
            populations = [admit(*pair) for pair in zip(self.islands, populations, migrants, strict=True)]
        self._asked = np.concatenate(populations)
        return self._asked

    def tell(self, costs: Array) -> None:
        by_island = np.reshape(costs, (len(self.islands), -1))
        for island, its_costs in zip(self.islands, by_island, strict=True):
            island.tell(its_costs)
        asked = self._asked.reshape(*by_island.shape, -1)
        self.best = asked[np.arange(len(asked)), by_island.argmin(axis=1)]
        keep = SLOW if self.generation > 0 else 0.0
        self.standing = keep * self.standing + (1.0 - keep) * np.median(by_island, axis=1)
        self.generation += 1

    def estimate(self) -> Genes:
        """That of the island whose costs have been lowest of late."""
        return self.islands[int(self.standing.argmin())].estimate()

    def state(self) -> dict[str, Array]:
        state = {
            "islands.generation": np.array(self.generation),
            "islands.best": np.empty((0, 0)) if self.best is None else self.best,
            "islands.standing": self.standing,
        }
        for k, (island, generator) in enumerate(zip(self.islands, self.generators, strict=True)):
            state |= {f"island{k}.{name}": value for name, value in island.state().items()}
            state[f"island{k}.generator"] = np.array(json.dumps(generator.bit_generator.state))
        return state

    def restore(self, state: dict[str, Array]) -> None:
        self.generation, self.standing = int(state["islands.generation"]), state["islands.standing"]
        self.best = state["islands.best"] if len(state["islands.best"]) else None
        for k, (island, generator) in enumerate(zip(self.islands, self.generators, strict=True)):
            own = f"island{k}."
            island.restore({key.removeprefix(own): value for key, value in state.items() if key.startswith(own)})
            generator.bit_generator.state = json.loads(str(state[f"{own}generator"]))


def admit(island: Strategy, population: Genes, migrant: Genes) -> Genes:
    """The island's population with the migrant in the place of its last individual.

    CMA-ES learns from steps, so one from far away would blow up its step size: there the migrant comes only as far as
    the furthest native (a simple form of Hansen 2011, injecting external solutions into CMA-ES).
    """
    joined: Genes = population.copy()
    joined[-1] = migrant
    if isinstance(island, CmaEs):
        centre = island.estimate()
        furthest, way = np.linalg.norm(population - centre, axis=1).max(), np.linalg.norm(migrant - centre)
        joined[-1] = centre + (furthest / max(furthest, way)) * (migrant - centre)
        island.asked[-1] = joined[-1]
    elif isinstance(island, Genetic):
        island.genes[-1] = joined[-1]
    return joined
