"""A whole run, small: what it leaves behind, that its seed decides it, and that stopping it changes nothing."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from snn_control.altitude_config import AltitudeEvolutionConfig
from snn_control.altitude_problem import mimic_losses
from snn_control.engines import LocalEngine
from snn_control.evolution import Interrupted, Run, Search
from snn_control.mimicry import Lesson
from snn_control.problems import Judged
from snn_control.strategies import CmaEs
from snn_core.errors import ModelError, OutputError
from snn_core.metrics import mimic_loss
from unit.networks import STRUCTURES, name_of, plain_run, random_networks
from unit.small_runs import ERRORS, SMALL, evolution_of, evolve, spec_of


def test_the_seed_makes_the_model(tmp_path: Path) -> None:
    first, again = evolve(tmp_path / "first"), evolve(tmp_path / "again")
    other = evolve(tmp_path / "other", SMALL.model_copy(update={"seed": 4}))
    assert first == again != other
    for name in ("log.csv", "config.yaml", "checkpoint.npz"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


@pytest.mark.parametrize("strategy", ["cma", "ga"])
@pytest.mark.parametrize("stop_after", [1, 3, 5, 8])
def test_a_stopped_run_goes_on_as_if_it_had_not_been(tmp_path: Path, stop_after: int, strategy: str) -> None:
    config = SMALL.model_copy(update={"strategy": strategy})
    whole = evolve(tmp_path / "whole", config)
    with pytest.raises(Interrupted, match="go on with --resume"):
        evolve(tmp_path / "stopped", config, stop_after=stop_after)
    assert not (tmp_path / "stopped" / "best.safetensors").exists()
    assert evolve(tmp_path / "stopped", config, resume=True) == whole
    assert (tmp_path / "stopped" / "log.csv").read_bytes() == (tmp_path / "whole" / "log.csv").read_bytes()


def test_a_finished_run_has_nothing_left_to_do(tmp_path: Path) -> None:
    model = evolve(tmp_path / "run")
    evolution, run = evolution_of(), Run(tmp_path / "run", SMALL)
    run.resume()
    assert list(evolution.run(run)) == []
    assert evolve(tmp_path / "run", resume=True) == model


def test_the_folder_tells_what_was_asked_and_how_it_went(tmp_path: Path) -> None:
    evolve(tmp_path)
    assert AltitudeEvolutionConfig.load(tmp_path / "config.yaml") == SMALL
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert [(row["stage"], row["step"]) for row in rows] == [
        ("pd", "0"), ("pd", "3"), ("integral", "0"), ("integral", "2"), ("flight", "0"), ("flight", "2"),
    ]  # fmt: skip
    assert all(float(row["loss"]) > 0.0 for row in rows)
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["seed"] == 3


def test_a_folder_with_a_run_is_refused_and_untouched(tmp_path: Path) -> None:
    evolve(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(OutputError, match="holds a run already; go on with --resume"):
        evolve(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="cannot be written"):
        evolve(tmp_path / "file" / "run")
    assert (tmp_path / "file").read_text() == "mine"


def damaged(payload: bytes) -> bytes:
    return payload[: len(payload) // 2]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(damaged, id="half"),
        pytest.param(lambda payload: b"", id="empty"),
        pytest.param(lambda payload: b"not an archive", id="text"),
    ],
)
def test_a_damaged_checkpoint(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    evolve(tmp_path)
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ModelError, match=r"checkpoint\.npz: damaged checkpoint"):
        Run(tmp_path, SMALL).resume()


def test_a_cost_that_is_not_finite_counts_as_the_worst() -> None:
    told: list[np.ndarray] = []

    class Listening(CmaEs):
        def tell(self, costs: np.ndarray) -> None:
            told.append(costs)
            super().tell(costs)

    generator = np.random.default_rng(0)
    strategy = Listening(np.zeros(2), 0.1, -np.ones(2), np.ones(2), 6, generator)
    costs = np.array([1.0, np.nan, 3.0, np.inf, -np.inf, 2.0])
    judged = Judged(costs, np.array(["", "a is nan", "", "b is inf", "b is -inf", ""]))
    noted: list[tuple[int, int, str]] = []
    search = Search(strategy, lambda genes, generation: judged, 1, generator, lambda *note: noted.append(note))
    assert search.step() == 1.0
    assert told[0].tolist() == [1.0, 1003.0, 3.0, 1003.0, 1003.0, 2.0]
    assert noted == [(0, 1, "a is nan"), (0, 3, "b is inf"), (0, 4, "b is -inf")]


def test_bad_fitness_stops_no_run(tmp_path: Path) -> None:
    engine = LocalEngine(spec_of(SMALL))
    costs = np.array([np.nan, 1.0, np.inf, 2.0, 3.0, 4.0])
    engine.problem.flight_cost = lambda population, seed: costs
    assert evolve(tmp_path / "once", engine=engine) == evolve(tmp_path / "again", engine=engine)
    rows = list(csv.reader((tmp_path / "once" / "bad_fitness.csv").open()))
    assert rows[1:] == [
        ["flight", str(g), str(i), f"flight cost is {costs[i]}"]
        for g in range(SMALL.flight_generations)
        for i in (0, 2)
    ]


def test_the_flight_stage_leaves_the_matrices_of_the_pd_network_alone(tmp_path: Path) -> None:
    evolution, run = evolution_of(), Run(tmp_path, SMALL)
    run.begin()
    assert {now.stage for now in evolution.run(run)} == {"pd", "integral", "flight"}
    descended, flown = evolution.genome.pd.decode(run.finished["pd"]), evolution.networks(run)["pd"]
    np.testing.assert_array_equal(flown.w_recurrent, descended.w_recurrent)
    np.testing.assert_array_equal(flown.w_threshold, descended.w_threshold)
    assert (flown.w_in != descended.w_in).any()


@pytest.mark.parametrize("config", [STRUCTURES[1], STRUCTURES[-1]], ids=name_of)
def test_mimic_losses_are_means_over_lessons_cut_to_the_shortest(config) -> None:
    p = random_networks(config, 3)
    lessons = [Lesson(ERRORS[0][:100], 2.0 * ERRORS[0][:100]), Lesson(ERRORS[1], 2.0 * ERRORS[1])]
    out = plain_run(p, ERRORS[:2, :100].astype(np.float32))[0].clip(-0.5, 0.5).astype(float)
    expected = [np.mean([mimic_loss(out[i, q], 2.0 * ERRORS[q, :100]) for q in range(2)]) for i in range(3)]
    np.testing.assert_allclose(mimic_losses(p, lessons, limit=0.5), expected, atol=1e-6)
