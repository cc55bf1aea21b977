"""Engines: that where, with whom and in which order costs are computed changes no bit, and that workers may die."""

import multiprocessing
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep

import numba
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from snn_cli.altitude_spec import altitude_spec
from snn_control import engines
from snn_control.altitude_problem import PairGenome
from snn_control.engines import CHUNK, Arrivals, Engine, EngineError, LocalEngine, ProcessEngine
from snn_control.problems import ProblemSpec, worst_for_bad
from unit.small_runs import LESSONS, SMALL, evolve, spec_of, troubled_spec

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed; see requirements/ray.txt")
SPEC = altitude_spec(SMALL, LESSONS)  # the real problem, flights included
GENOME = PairGenome(SMALL)
TESTS = Path(__file__).resolve().parents[1]


class ShuffledEngine(LocalEngine):
    """Answers in any order: what other processes may do."""

    def __init__(self, spec: ProblemSpec, generator: np.random.Generator) -> None:
        super().__init__(spec)
        self.generator = generator

    def _judge(self, stage: str, chunks: list[np.ndarray], generation: int) -> Arrivals:
        answers = list(super()._judge(stage, chunks, generation))
        return [answers[i] for i in self.generator.permutation(len(answers))]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Workers have one each; here too, so that no barrier waits for a busy core."""
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(threads)


@pytest.fixture(scope="module")
def ray_engine() -> Iterator[Engine]:
    from snn_control.ray_engine import RayEngine

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(TESTS))  # whose problems Ray's workers import
        with RayEngine(SPEC, workers=2) as engine:
            yield engine


@pytest.fixture(scope="module")
def remote() -> Iterator[list[Engine]]:
    with ProcessEngine(SPEC, workers=2) as two, ProcessEngine(SPEC, workers=3) as three:
        yield [two, three]


def genes_of(stage: str, individuals: int, seed: int) -> np.ndarray:
    """Random genes of a stage, all over their bounds."""
    genome = GENOME.integral if stage == "integral" else GENOME
    low, high = (GENOME.integral.low, GENOME.integral.high)
    if stage == "flight":
        low, high = (np.concatenate([getattr(g, end) for g in (GENOME.pd, GENOME.integral)]) for end in ("low", "high"))
    return np.random.default_rng(seed).uniform(low, high, (individuals, genome.size))


population = given(
    stage=st.sampled_from(["integral", "flight"]), individuals=st.integers(1, 2 * CHUNK + 3), seed=st.integers(0, 1000),
    generation=st.integers(0, 100),
)  # fmt: skip
some = settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check_same(engine: Engine, stage: str, individuals: int, seed: int, generation: int) -> None:
    genes = genes_of(stage, individuals, seed)
    expected = LocalEngine(SPEC).evaluate(stage, genes, generation)
    got = engine.evaluate(stage, genes, generation)
    assert got.costs.tobytes() == expected.costs.tobytes()
    assert got.reasons.tolist() == expected.reasons.tolist()
    assert len(got.costs) == individuals


@population
@some
def test_the_order_of_arrival_does_not_matter(stage: str, individuals: int, seed: int, generation: int) -> None:
    check_same(ShuffledEngine(SPEC, np.random.default_rng(seed)), stage, individuals, seed, generation)


@population
@some
def test_processes_and_their_number_do_not_matter(
    remote: list[Engine], stage: str, individuals: int, seed: int, generation: int
) -> None:
    for engine in remote:
        check_same(engine, stage, individuals, seed, generation)


@needs_ray
@population
@some
def test_ray_does_not_matter(ray_engine: Engine, stage: str, individuals: int, seed: int, generation: int) -> None:
    check_same(ray_engine, stage, individuals, seed, generation)


def test_an_individual_put_elsewhere_is_seen() -> None:
    """The mutant of the three above: results in order of arrival."""
    genes = genes_of("integral", 2 * CHUNK, 0)
    costs = LocalEngine(SPEC).evaluate("integral", genes, 0).costs
    swapped = LocalEngine(SPEC).evaluate("integral", np.roll(genes, CHUNK, axis=0), 0).costs
    assert (costs != swapped).any()
    assert (costs == np.roll(swapped, CHUNK)).all()


@pytest.mark.parametrize("islands", [1, 3])
def test_a_run_has_the_same_bytes_on_any_engine(tmp_path: Path, islands: int) -> None:
    config = SMALL.model_copy(update={"islands": islands, "migrate_every": 1})
    with ProcessEngine(spec_of(config), workers=2) as engine:
        away = evolve(tmp_path / "away", config, engine=engine)
    assert away == evolve(tmp_path / "here", config)
    for name in ("checkpoint.npz", "log.csv"):
        assert (tmp_path / "away" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


# --- workers that die


def test_a_worker_killed_in_its_work_is_replaced(tmp_path: Path) -> None:
    genes = np.random.default_rng(0).uniform(0.0, 1.0, (5 * CHUNK, 3))
    with ProcessEngine(troubled_spec(tmp_path), workers=2) as engine:
        got = engine.evaluate("dies once", genes, 2)
    assert (tmp_path / "died").exists()
    assert got.costs.tobytes() == LocalEngine(troubled_spec(tmp_path)).evaluate("", genes, 2).costs.tobytes()


def test_a_worker_killed_from_outside_changes_no_run(tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"integral_generations": 40, "population": 40})
    others, killed = multiprocessing.active_children(), []

    def kill() -> None:
        until = monotonic() + 60.0
        while len(killed) < 2 and monotonic() < until:
            for worker in multiprocessing.active_children():
                if worker not in others and worker not in killed:
                    sleep(0.05)
                    worker.kill()
                    killed.append(worker)

    killer = threading.Thread(target=kill)
    with ProcessEngine(spec_of(config), workers=2) as engine:
        killer.start()
        survived = evolve(tmp_path / "survived", config, engine=engine)
        killer.join()
    assert len(killed) == 2
    assert survived == evolve(tmp_path / "quiet", config)


def test_workers_that_always_die_end_the_run_with_an_error(tmp_path: Path) -> None:
    with (
        ProcessEngine(troubled_spec(tmp_path), workers=1) as engine,
        pytest.raises(EngineError, match=r"stage 'dies', generation 7: workers died 5 times .* --engine local"),
    ):
        engine.evaluate("dies", np.zeros((2, 2)), 7)


def test_an_error_in_the_problem_is_no_death(tmp_path: Path) -> None:
    with ProcessEngine(troubled_spec(tmp_path), workers=1) as engine:
        with pytest.raises(RuntimeError, match="out of ideas"):
            engine.evaluate("fails", np.zeros((2, 2)), 0)
        assert len(engine.evaluate("", np.zeros((2, 2)), 0).costs) == 2


def test_closing_leaves_no_process(tmp_path: Path) -> None:
    before = set(multiprocessing.active_children())
    with ProcessEngine(troubled_spec(tmp_path), workers=2) as engine:
        engine.evaluate("", np.zeros((2, 2)), 0)
        assert set(multiprocessing.active_children()) > before
    engine.close()
    assert set(multiprocessing.active_children()) <= before


@needs_ray
def test_ray_replaces_a_killed_worker(ray_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    monkeypatch.setattr(ray_engine, "_spec", ray.put(troubled_spec(tmp_path)))
    genes = np.random.default_rng(0).uniform(0.0, 1.0, (5 * CHUNK, 3))
    got = ray_engine.evaluate("dies once", genes, 2)
    assert (tmp_path / "died").exists()
    assert got.costs.tobytes() == LocalEngine(troubled_spec(tmp_path)).evaluate("", genes, 2).costs.tobytes()


# --- costs


def test_costs_that_are_not_finite_come_with_their_reasons(tmp_path: Path) -> None:
    genes = np.ones((CHUNK + 3, 2))
    genes[1, 1], genes[CHUNK, 0] = -1.0, 11.0
    genes[CHUNK + 1] = 11.0, -1.0
    judged = LocalEngine(troubled_spec(tmp_path)).evaluate("", genes, 0)
    reasons = {i: reason for i, reason in enumerate(judged.reasons.tolist()) if reason}
    assert reasons == {1: "root is nan", CHUNK: "squares is inf", CHUNK + 1: "squares is inf, root is nan"}
    assert not np.isfinite(judged.costs[list(reasons)]).any()
    assert judged.costs[0] == 2.0 + 1.0 + 1.0


def test_several_objectives(tmp_path: Path) -> None:
    judged = LocalEngine(troubled_spec(tmp_path)).evaluate("objectives", np.array([[1.0, 2.0], [3.0, np.nan]]), 0)
    assert judged.costs[0].tolist() == [3.0, 2.0]
    assert judged.reasons.tolist() == ["", "sums is nan"]


def test_the_worst_of_each_objective_takes_the_place_of_what_is_not_finite() -> None:
    costs = np.array([[1.0, 5.0], [np.nan, 7.0], [2.0, -np.inf], [np.inf, np.nan]])
    assert worst_for_bad(costs).tolist() == [[1.0, 5.0], [1002.0, 7.0], [2.0, 1007.0], [1002.0, 1007.0]]
    assert worst_for_bad(np.array([np.nan, np.inf])).tolist() == [1000.0, 1000.0]


def test_threads_follow_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(engines.numba, "set_num_threads", asked.append)
    LocalEngine(SPEC, threads=1)
    LocalEngine(SPEC)
    assert asked == [1]
