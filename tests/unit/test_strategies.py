"""Search strategies on a problem with a known answer."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_control.strategies import STRATEGIES, CmaEs, Genetic, Strategy, reflect

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
