"""Islands: who migrates where and when, that islands change nothing but through migrants, and going on from a state."""

import numpy as np
import pytest

from snn_control.islands import Archipelago, admit
from snn_control.strategies import CmaEs, Genetic, SeparableCmaEs

LOW, HIGH = np.full(3, -10.0), np.full(3, 10.0)
POPULATION = 8


def island(generator: np.random.Generator, kind: type = CmaEs, start: float = 1.0, sigma: float = 0.1):
    return kind(np.full(3, start), sigma, LOW, HIGH, POPULATION, generator)


def archipelago(kind: type = CmaEs, count: int = 3, every: int = 4, seed: int = 0) -> Archipelago:
    generators = np.random.default_rng(seed).spawn(count)
    return Archipelago([island(g, kind, start=k) for k, g in enumerate(generators)], generators, every)


def spheres(genes: np.ndarray) -> np.ndarray:
    return (genes**2).sum(axis=1)


def generation(islands: Archipelago) -> np.ndarray:
    genes = islands.ask()
    islands.tell(spheres(genes))
    return genes


def test_islands_are_alone_until_the_first_migration() -> None:
    together, generators = archipelago(every=4), np.random.default_rng(0).spawn(3)
    alone = [island(g, start=k) for k, g in enumerate(generators)]
    for _ in range(4):
        genes = generation(together).reshape(3, POPULATION, 3)
        for k, own in enumerate(alone):
            asked = own.ask()
            np.testing.assert_array_equal(genes[k], asked)
            own.tell(spheres(asked))


def test_the_best_of_each_island_goes_to_the_next_one_in_the_ring() -> None:
    islands = archipelago(Genetic, every=4)
    for _ in range(4):
        last = generation(islands).reshape(3, POPULATION, 3)
    now = islands.ask().reshape(3, POPULATION, 3)
    for k in range(3):
        best = last[k][spheres(last[k]).argmin()]
        np.testing.assert_array_equal(now[(k + 1) % 3][-1], best)
        np.testing.assert_array_equal(islands.islands[(k + 1) % 3].genes[-1], best)


@pytest.mark.parametrize("kind", [CmaEs, SeparableCmaEs])
def test_a_migrant_comes_to_cma_es_only_as_far_as_the_furthest_native(kind: type) -> None:
    home = island(np.random.default_rng(0), kind)
    natives, centre = home.ask(), home.estimate()
    furthest = np.linalg.norm(natives - centre, axis=1).max()
    joined = admit(home, natives, np.full(3, 9.0))
    np.testing.assert_allclose(np.linalg.norm(joined[-1] - centre), furthest)
    np.testing.assert_allclose((joined[-1] - centre) / furthest, np.full(3, 3**-0.5))
    np.testing.assert_array_equal(joined[:-1], natives[:-1])
    near = admit(home, natives, centre + 1e-3)
    np.testing.assert_allclose(near[-1], centre + 1e-3)
    home.tell(np.arange(POPULATION, 0.0, -1.0))  # the migrant is the best: the step size must not explode
    assert home.strategy.sigma < 0.2


def test_the_estimate_is_that_of_the_island_that_does_best() -> None:
    islands = archipelago(every=1000)
    for _ in range(30):
        generation(islands)
    assert islands.standing.argmin() == 0  # it began at the optimum
    np.testing.assert_array_equal(islands.estimate(), islands.islands[0].estimate())


@pytest.mark.parametrize("kind", [CmaEs, Genetic, SeparableCmaEs])
@pytest.mark.parametrize("stop", [0, 3, 4, 7])
def test_going_on_from_a_state(kind: type, stop: int) -> None:
    whole, stopped, resumed = (archipelago(kind, every=4) for _ in range(3))
    for _ in range(stop):
        generation(whole)
        generation(stopped)
    resumed.restore(stopped.state())
    for _ in range(6):
        np.testing.assert_array_equal(generation(resumed), generation(whole))


def test_migrants_help() -> None:
    """An island far from the optimum comes closer when it has a neighbour at the optimum."""
    distances = [np.linalg.norm(after(every)) for every in (2, 10_000)]
    assert distances[0] < 0.7 * distances[1]


def after(every: int) -> np.ndarray:
    generators = np.random.default_rng(1).spawn(2)
    islands = [island(generators[0], start=0.0, sigma=0.01), island(generators[1], start=5.0, sigma=0.05)]
    together = Archipelago(islands, generators, every)
    for _ in range(25):
        generation(together)
    return together.islands[1].estimate()
