"""Search strategies on a problem with a known answer."""

import subprocess
import sys

import numpy as np
import pytest
from deap import base, cma
from hypothesis import given
from hypothesis import strategies as st

from snn_control.strategies import (
    MOST_GENES,
    STRATEGIES,
    CmaEs,
    Genetic,
    Nsga2,
    SeparableCmaEs,
    Strategy,
    cma_es,
    reflect,
    undominated,
)

Array = np.ndarray
SIZE = 6
LOW, HIGH = np.full(SIZE, -1.0), np.full(SIZE, 2.0)
INSIDE = np.linspace(-0.5, 1.5, SIZE)
OUTSIDE = np.full(SIZE, 5.0)  # beyond the bounds: the best place is the corner
NAMES = pytest.mark.parametrize("name", STRATEGIES)


def make(name: str, seed: int = 0) -> Strategy:
    return STRATEGIES[name](np.zeros(SIZE), 0.3, LOW, HIGH, 24, np.random.default_rng(seed))


def advance(strategy: Strategy, target: Array, generations: int) -> list[Array]:
    """Minimise the squared distance to `target`; returns every population asked for."""
    seen = []
    for _ in range(generations):
        population = strategy.ask()
        seen.append(np.array(population))
        strategy.tell(((population - target) ** 2).sum(axis=1))
    return seen


@NAMES
@pytest.mark.parametrize(("target", "answer"), [(INSIDE, INSIDE), (OUTSIDE, HIGH)], ids=["inside", "corner"])
def test_a_bowl_is_minimised_within_bounds(name: str, target: Array, answer: Array) -> None:
    strategy = make(name)
    populations = np.concatenate(advance(strategy, target, 120))
    assert (populations >= LOW).all()
    assert (populations <= HIGH).all()
    np.testing.assert_allclose(strategy.estimate(), answer, atol=0.1)


@NAMES
def test_the_seed_makes_the_search(name: str) -> None:
    first, again, other = (advance(make(name, seed), INSIDE, 5) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (np.array(first) != np.array(other)).any()


@NAMES
def test_a_restored_search_goes_on_exactly(name: str) -> None:
    whole = make(name)
    advance(whole, INSIDE, 7)
    state = {key: np.array(value) for key, value in whole.state().items()}
    resumed = make(name, seed=99)
    resumed.restore(state)
    resumed.generator.bit_generator.state = whole.generator.bit_generator.state
    for key, value in resumed.state().items():
        np.testing.assert_array_equal(value, state[key], err_msg=key)
    np.testing.assert_array_equal(resumed.estimate(), whole.estimate())
    np.testing.assert_array_equal(advance(resumed, INSIDE, 5), advance(whole, INSIDE, 5))


class Eager(CmaEs):
    """Decomposes the covariance matrix in every generation."""

    staleness = 0.0


class DeapIndividual(np.ndarray):
    """What DEAP's own update takes."""


class DeapFitness(base.Fitness):
    weights = (-1.0,)


def test_the_eager_update_is_deaps_own() -> None:
    mine = Eager(np.zeros(SIZE), 0.3, LOW, HIGH, 24, np.random.default_rng(0))
    theirs = cma.Strategy(np.zeros(SIZE), 0.3, lambda_=24)
    for _ in range(40):
        population = mine.ask()
        costs = ((population - INSIDE) ** 2).sum(axis=1)
        individuals = []
        for genes, cost in zip(mine.asked, costs, strict=True):
            individual = np.array(genes).view(DeapIndividual)
            individual.fitness = DeapFitness((float(cost),))
            individuals.append(individual)
        mine.tell(costs)
        theirs.update(individuals)
    for name in ("centroid", "pc", "ps", "C", "sigma", "diagD"):
        np.testing.assert_allclose(getattr(mine.strategy, name), getattr(theirs, name), rtol=1e-6, atol=1e-12)


def final_costs(kind: type[CmaEs], genes: int, generations: int, seeds: int) -> Array:
    """Logarithms of what is left on an ellipsoid of condition 1000, one run per seed."""
    scales, left = np.logspace(0.0, 3.0, genes), []
    for seed in range(seeds):
        generator = np.random.default_rng(seed)
        strategy = kind(
            generator.uniform(0.5, 1.5, genes), 0.3, np.full(genes, -9.0), np.full(genes, 9.0), 16, generator
        )
        for _ in range(generations):
            strategy.tell((strategy.ask() ** 2 * scales).sum(axis=1))
        left.append(np.log10((strategy.estimate() ** 2 * scales).sum()))
    return np.array(left)


def test_lazy_and_eager_decompositions_agree_in_distribution() -> None:
    genes, seeds = 60, 12
    lazy, eager = (final_costs(kind, genes, 700, seeds) for kind in (CmaEs, Eager))
    crippled = final_costs(type("Never", (CmaEs,), {"staleness": 1e9}), genes, 700, seeds)
    spread = np.sqrt((lazy.var(ddof=1) + eager.var(ddof=1)) / seeds)
    assert CmaEs(np.zeros(genes), 1.0, LOW, HIGH, 16, np.random.default_rng(0)).generations_per_decomposition >= 4
    assert abs(lazy.mean() - eager.mean()) < 3.0 * spread
    assert crippled.mean() - eager.mean() > 3.0 * spread  # a matrix that is never looked at is another algorithm
    assert 0.4 < lazy.std() / eager.std() < 2.5


def test_many_genes_get_a_diagonal_covariance() -> None:
    few, many = (
        cma_es(np.zeros(n), 0.1, -np.ones(n), np.ones(n), 8, np.random.default_rng(0)) for n in (9, MOST_GENES + 1)
    )
    assert type(few) is CmaEs
    assert isinstance(many, SeparableCmaEs)
    assert max(value.size for value in many.state().values()) == MOST_GENES + 1


def test_a_diagonal_covariance_learns_scales_faster() -> None:
    separable, full = (final_costs(kind, 40, 150, 3) for kind in (SeparableCmaEs, CmaEs))
    assert separable.max() < full.min()


def front(seed: int, generations: int) -> Nsga2:
    """The way between the origin and (1, 1, 1), squared distances from both to be minimised."""
    generator = np.random.default_rng(seed)
    strategy = Nsga2(generator.uniform(-2.0, 2.0, (40, 3)), 0.1, np.full(3, -2.0), np.full(3, 2.0), generator)
    for _ in range(generations):
        x = strategy.ask()
        strategy.tell(np.stack([(x**2).sum(axis=1), ((x - 1.0) ** 2).sum(axis=1)], axis=1))
    return strategy


def test_nsga2_spreads_along_the_front() -> None:
    strategy = front(0, 80)
    a, b = np.sqrt(strategy.costs / 3.0).T  # on the front the distances add up to one
    assert (a + b < 1.1).all()
    assert a.min() < 0.1
    assert a.max() > 0.9
    assert np.diff(np.sort(a)).max() < 0.15
    assert len(strategy.estimate()) >= 30


def test_nsga2_goes_on_exactly_from_its_state() -> None:
    whole, part = front(1, 12), front(1, 8)
    resumed = Nsga2(np.zeros((40, 3)), 0.1, np.full(3, -2.0), np.full(3, 2.0), part.generator)
    resumed.restore(part.state())
    for _ in range(4):
        x = resumed.ask()
        resumed.tell(np.stack([(x**2).sum(axis=1), ((x - 1.0) ** 2).sum(axis=1)], axis=1))
    np.testing.assert_array_equal(resumed.parents, whole.parents)


def test_the_undominated_rows_are_those_that_no_row_beats() -> None:
    costs = np.array([[0.0, 3.0], [1.0, 1.0], [1.0, 1.0], [1.0, 2.0], [3.0, 0.0], [3.0, 0.5]])
    assert undominated(costs).tolist() == [True, True, True, False, True, False]


def test_the_genetic_algorithm_never_loses_its_best() -> None:
    strategy = make("ga")
    best = []
    for _ in range(20):
        advance(strategy, INSIDE, 1)
        best.append(((strategy.estimate() - INSIDE) ** 2).sum())
    assert (np.diff(best) <= 0.0).all()


def test_before_any_cost_the_start_is_the_estimate() -> None:
    for strategy in (make("cma"), make("ga")):
        np.testing.assert_array_equal(strategy.estimate(), np.zeros(SIZE))
    assert isinstance(make("cma"), CmaEs)
    assert isinstance(make("ga"), Genetic)


@given(x=st.floats(-1e3, 1e3), low=st.floats(-10, 10), span=st.floats(0.1, 10))
def test_reflection_maps_into_the_bounds_and_keeps_what_is_inside(x: float, low: float, span: float) -> None:
    bounds = np.array([low]), np.array([low + span])
    inside = reflect(np.array([x]), *bounds)[0]
    assert low - 1e-9 <= inside <= low + span + 1e-9
    if low <= x <= low + span:
        assert inside == pytest.approx(x, abs=1e-9)


def test_reflection_mirrors_at_both_bounds() -> None:
    seen = reflect(np.array([-0.25, 1.25, 2.25, -1.25]), np.zeros(4), np.ones(4))
    np.testing.assert_allclose(seen, [0.25, 0.75, 0.25, 0.75])


def test_the_global_random_states_stay_as_they_were() -> None:
    script = (
        "import random, numpy as np\n"
        "random.seed(5); np.random.seed(5)\n"
        "before = random.getstate(), np.random.get_state()[1].tolist(), np.random.get_state()[2]\n"
        "from snn_control.strategies import STRATEGIES\n"
        "for make in STRATEGIES.values():\n"
        "    s = make(np.zeros(3), 0.1, -np.ones(3), np.ones(3), 8, np.random.default_rng(0))\n"
        "    for _ in range(3): s.tell((s.ask() ** 2).sum(axis=1))\n"
        "assert before == (random.getstate(), np.random.get_state()[1].tolist(), np.random.get_state()[2])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
