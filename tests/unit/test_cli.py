"""The `snn` command: what it prints, its exit status, and one clear line for whatever goes wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from snn_cli import bench
from snn_cli.main import main
from snn_core.genome import Genome
from snn_core.model_files import ModelHeader, load_model, save_model
from snn_core.network_config import NetworkConfig
from unit.networks import random_networks

STRUCTURE = {"pd": NetworkConfig(pairs=3, hidden="recurrent_iwta"), "integral": NetworkConfig(pairs=2)}
NETWORKS = {name: random_networks(config, 1, seed) for seed, (name, config) in enumerate(STRUCTURE.items())}
FLY_KEYS = {
    "controller", "world", "trial", "seed", "rmse_m", "steady_state_error_m", "overshoot_up_m", "overshoot_down_m",
    "t90_s", "settling_s", "iae_m_s", "total_variation", "reversals_per_min", "saturation", "spikes_per_s",
    "synops_per_s",
}  # fmt: skip
MIMIC_KEYS = {"model", "zero", "p_only", "ema_0.5", "ema_0.7", "samples"}
ROWS = [f"{k / 5:.1f},{1.0 + 0.4 * np.sin(k / 40):.4f}" for k in range(500)]


class Ran(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    err: str


Snn = Callable[..., Ran]


@pytest.fixture
def snn(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Snn:
    """Run `snn` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Ran:
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as leaving:
            status = int(leaving.code or 0)
        out, err = capsys.readouterr()
        return Ran(status, out, err.replace(str(tmp_path), ""))  # a folder's name may hold any word

    return run


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save(tmp_path / "model.safetensors")


@pytest.fixture
def flight(tmp_path: Path) -> Path:
    return write(tmp_path / "flight.csv", ROWS)


def save(path: Path, dt_s: float = 0.1, parts: tuple[str, ...] = ("pd", "integral")) -> Path:
    structure = {part: STRUCTURE[part] for part in parts}
    header = ModelHeader(kind="spiking_pid", dt_s=dt_s, networks=structure)
    save_model(path, header, {part: NETWORKS[part] for part in parts})
    return path


def write(path: Path, rows: list[str], header: str = "t_s,h_m") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def check_failure(ran: Ran, *words: str) -> None:
    """Exit status 1, nothing on standard output, and one line on standard error that holds the words."""
    assert ran.status == 1
    assert ran.out == ""
    assert ran.err.startswith("snn: ")
    assert ran.err.count("\n") == 1
    for word in words:
        assert word in ran.err


# --- what it prints


def test_fly_prints_json_and_nothing_else(snn: Snn, model: Path) -> None:
    ran = snn("fly", "--model", model, "--trial", "step", "--seed", 3, "--json", "-")
    result = json.loads(ran.out)
    assert ran.status == 0
    assert set(result) >= FLY_KEYS
    assert (result["controller"], result["world"], result["trial"], result["seed"]) == (
        "snn", "tudelft_2023", "step", 3,
    )  # fmt: skip
    assert result["spikes_per_s"] > 0
    assert result["overshoot_down_m"] is None  # the trial has no step down


@pytest.mark.parametrize("controller", ["pid", "pd"])
def test_fly_the_teachers(snn: Snn, controller: str) -> None:
    result = json.loads(snn("fly", "--model", controller, "--trial", "step", "--json", "-").out)
    assert set(result) >= FLY_KEYS
    assert (result["controller"], result["spikes_per_s"]) == (controller, 0.0)
    assert result["t90_s"] < 5.0


def test_fly_shows_the_integral_of_a_heavy_blimp(snn: Snn) -> None:
    errors = {
        controller: json.loads(
            snn("fly", "--model", controller, "--trial", "step", "--buoyancy", -0.12, "--json", "-").out
        )["steady_state_error_m"]
        for controller in ("pid", "pd")
    }
    assert errors["pid"] < 0.05 < 0.25 < errors["pd"]


def test_the_seed_makes_the_flight(snn: Snn) -> None:
    flights = [snn("fly", "--model", "pid", "--trial", "step", "--seed", s, "--json", "-").out for s in (1, 1, 2)]
    assert flights[0] == flights[1] != flights[2]


def test_several_seeds_are_averaged(snn: Snn) -> None:
    together = json.loads(snn("fly", "--model", "pd", "--trial", "step", "--seeds", 2, "--json", "-").out)
    alone = [
        json.loads(snn("fly", "--model", "pd", "--trial", "step", "--seed", s, "--json", "-").out)["rmse_m"]
        for s in (0, 1)
    ]
    assert together["rmse_m"] == pytest.approx(np.mean(alone), abs=1e-5)
    assert len(together["per_seed"]) == 2


def test_a_sweep_compares_controllers(snn: Snn, model: Path, tmp_path: Path) -> None:
    plot, result = tmp_path / "plots" / "sweep.png", tmp_path / "sweep.json"
    ran = snn(
        "fly", "--sweep", "--model", model, "--against", "pid", "--trial", "step", "--seeds", 1,
        "--json", result, "--plot", plot,
    )  # fmt: skip
    assert ran.status == 0, ran.err
    assert plot.read_bytes().startswith(b"\x89PNG")
    flown = json.loads(result.read_text())
    own = str(model).removesuffix(".safetensors")
    assert {"factors", "worst", "margins", "grid"} <= set(flown)
    for part in ("factors", "worst", "margins", "grid"):
        assert {row["controller"] for row in flown[part]} == {own, "pid"}
    assert set(flown["factors"][0]) >= {
        "factor", "unit", "level", "controller", "rmse_m", "steady_state_error_m", "oscillation_m", "overshoot_m",
        "total_variation",
    }  # fmt: skip
    lines = ran.out.splitlines()
    assert lines[0] == f"|  | {own} | pid |"
    assert any(line.startswith("| gain until oscillation | none, fails at nominal | ×") for line in lines)
    assert any(line.startswith("Oscillation: half of peak to peak above 25 cm") for line in lines)
    assert "untuned teachers" in lines[-1]


def test_mimic_evaluate_prints_json_and_nothing_else(snn: Snn, model: Path, flight: Path) -> None:
    ran = snn("mimic", "evaluate", "--model", model, "--flight", flight, "--json", "-")
    result = json.loads(ran.out)
    assert ran.status == 0
    assert set(result) >= MIMIC_KEYS
    assert result["samples"] == 999
    assert result["ema_0.5"] < result["ema_0.7"] < result["zero"]


def test_results_for_people_and_in_a_file(snn: Snn, model: Path, flight: Path, tmp_path: Path) -> None:
    path = tmp_path / "results" / "mimic.json"
    ran = snn("mimic", "evaluate", "--model", model, "--flight", flight, "--json", path)
    assert ran.status == 0
    assert "ema_0.7" in ran.out
    assert set(json.loads(path.read_text())) >= MIMIC_KEYS


def test_evolve_goes_from_flights_to_a_model_that_flies(snn: Snn, flight: Path, tmp_path: Path) -> None:
    settings = ("--descent-iterations", 2, "--integral-generations", 2, "--flight-generations", 1, "--population", 4)
    config = tmp_path / "small.yaml"
    config.write_text("pairs: 2\n")
    out = tmp_path / "run"
    ran = snn("evolve", "altitude", "--flights", flight, "--out", out, "--config", config, *settings, "--json", "-")
    assert ran.status == 0, ran.err
    assert set(json.loads(ran.out)) == {"model", "mimic", "flights"}
    header, _ = load_model(out / "best.safetensors", 0.1)
    assert header.seed == 1
    assert header.command.startswith("snn evolve altitude --flights flight.csv --pairs 2 --population 4")
    assert {path.name for path in out.iterdir()} == {"config.yaml", "log.csv", "checkpoint.npz", "best.safetensors"}
    before = (out / "best.safetensors").read_bytes()
    check_failure(snn("evolve", "altitude", "--flights", flight, "--out", out), "holds a run already", "--resume")
    other = write(tmp_path / "other.csv", ROWS[:-1])
    check_failure(snn("evolve", "altitude", "--flights", other, "--out", out, "--resume"), "not the recordings")
    assert (out / "best.safetensors").read_bytes() == before
    resumed = snn("evolve", "altitude", "--flights", flight, "--out", out, "--resume", "--json", "-")
    assert resumed.status == 0, resumed.err
    assert (out / "best.safetensors").read_bytes() == before


# --- wrong usage


@pytest.mark.parametrize(
    "arguments",
    [
        (), ("soar",), ("fly", "--world", "mars"), ("fly", "--trial", "loop"), ("fly", "--seeds", "0"),
        ("fly", "--against", "pid"), ("fly", "--plot", "sweep.png"),
        ("fly", "--buoyancy", "much"), ("mimic",), ("mimic", "evaluate"), ("evolve", "altitude"), ("bench", "luck"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage(snn: Snn, arguments: tuple[str, ...]) -> None:
    ran = snn(*arguments)
    assert ran.status == 2
    assert ran.out == ""
    assert "usage: snn" in ran.err


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("fly", "--help"), ("mimic", "evaluate", "--help")])
def test_help(snn: Snn, arguments: tuple[str, ...]) -> None:
    ran = snn(*arguments)
    assert (ran.status, ran.err) == (0, "")
    assert "snn" in ran.out


NUMBERS = {
    "no number": ("--buoyancy", "nan"),
    "infinite": ("--buoyancy", "inf"),
    "negative seed": ("--seed", "-1"),
}


@pytest.mark.parametrize("option", NUMBERS.values(), ids=NUMBERS)
def test_impossible_numbers_are_wrong_usage(snn: Snn, option: tuple[str, str]) -> None:
    assert snn("fly", "--model", "pid", "--trial", "step", *option).status == 2


# --- one line for whatever goes wrong

BAD_FLIGHTS: dict[str, tuple[Callable[[Path], Path], tuple[str, ...]]] = {
    "missing column": (lambda p: write(p, ROWS, "t_s,depth"), ("h_m", "found t_s, depth")),
    "short row": (lambda p: write(p, [*ROWS[:5], "1.0", *ROWS[6:]]), ("line 7", "expected 2 columns, found 1")),
    "NaN row": (lambda p: write(p, [*ROWS[:5], "1.0,nan", *ROWS[6:]]), ("line 7", "finite")),
    "too short": (lambda p: write(p, ROWS[:50]), ("at least 30 s",)),
    "missing file": (lambda p: p, ("cannot be read",)),
}


@pytest.mark.parametrize(("make", "words"), BAD_FLIGHTS.values(), ids=BAD_FLIGHTS)
def test_bad_flights(snn: Snn, model: Path, tmp_path: Path, make: Callable[[Path], Path], words: tuple) -> None:
    path = make(tmp_path / "bad.csv")
    ran = snn("mimic", "evaluate", "--model", model, "--flight", path, "--json", tmp_path / "result.json")
    check_failure(ran, path.name, *words)
    assert not (tmp_path / "result.json").exists()


def test_evolving_from_a_bad_flight_leaves_nothing_behind(snn: Snn, tmp_path: Path) -> None:
    path = write(tmp_path / "bad.csv", ROWS[:50])
    check_failure(snn("evolve", "altitude", "--flights", path, "--out", tmp_path / "run"), "at least 30 s")
    check_failure(snn("evolve", "altitude", "--flights", tmp_path / "none", "--out", tmp_path / "run"), "found none")
    assert not (tmp_path / "run").exists()


def truncate(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-100])
    return path


BAD_MODELS: dict[str, tuple[Callable[[Path], Path], tuple[str, ...]]] = {
    "other dt": (lambda p: save(p, dt_s=0.05), ("expected a model for dt 0.1 s", "dt 0.05 s")),
    "truncated": (lambda p: truncate(save(p)), ("truncated",)),
    "no model": (lambda p: write(p, ROWS), ("foreign",)),
    "missing": (lambda p: p, ("cannot be read",)),
}


@pytest.mark.parametrize(("make", "words"), BAD_MODELS.values(), ids=BAD_MODELS)
def test_bad_models(snn: Snn, tmp_path: Path, make: Callable[[Path], Path], words: tuple[str, ...]) -> None:
    path = make(tmp_path / "bad.safetensors")
    check_failure(snn("fly", "--model", path, "--trial", "step", "--json", "-"), path.name, *words)


def test_a_model_without_a_pd_network_mimics_nothing(snn: Snn, flight: Path, tmp_path: Path) -> None:
    path = save(tmp_path / "integral.safetensors", parts=("integral",))
    check_failure(snn("mimic", "evaluate", "--model", path, "--flight", flight), path.name, "expected a network 'pd'")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("populaton: 8", ("unknown key 'populaton'", "did you mean 'population'?")),
        ("population: 2", ("population", "greater than or equal to 4", "got 2")),
        ("sigma: .nan", ("sigma", "finite")),
        ("pairs: [", ("not valid YAML",)),
    ],
)
def test_bad_settings(snn: Snn, flight: Path, tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text(text)
    ran = snn("evolve", "altitude", "--flights", flight, "--config", config, "--out", tmp_path / "run")
    check_failure(ran, config.name, *words)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--population", "3"), ("population", "greater than or equal to 4")),
        (("--population", "many"), ("population", "integer", "'many'")),
        (("--strategy", "luck"), ("strategy", "'cma' or 'ga'")),
    ],
)
def test_bad_options_of_evolve(snn: Snn, flight: Path, option: tuple[str, str], words: tuple[str, ...]) -> None:
    check_failure(snn("evolve", "altitude", "--flights", flight, *option), *words)


def test_an_unreachable_output_overwrites_nothing(snn: Snn, flight: Path, tmp_path: Path) -> None:
    before = flight.read_bytes()
    ran = snn("fly", "--model", "pid", "--trial", "step", "--json", flight / "result.json")
    assert ran.status == 1
    assert "cannot be written" in ran.err
    assert ran.err.count("\n") == 1
    ran = snn("evolve", "altitude", "--flights", flight, "--out", flight / "run")
    check_failure(ran, "flight.csv/run", "cannot be written")
    assert flight.read_bytes() == before


def test_resuming_needs_a_run(snn: Snn, flight: Path, tmp_path: Path) -> None:
    ran = snn("evolve", "altitude", "--flights", flight, "--out", tmp_path / "none", "--resume")
    check_failure(ran, "config.yaml", "cannot be read")


# --- tuning, and comparing hidden layers

TINY_TUNING = (
    "--population", 4, "--anchor-generations", 2, "--front-population", 8, "--front-generations", 2, "--worlds", 3,
    "--front-worlds", 4,
)  # fmt: skip


@pytest.fixture
def tied(tmp_path: Path) -> Path:
    """A model whose networks have the symmetry of evolved ones."""
    path, generator = tmp_path / "tied.safetensors", np.random.default_rng(0)
    genomes = {part: Genome(config) for part, config in STRUCTURE.items()}
    networks = {
        part: g.decode(generator.uniform(np.maximum(g.low, -2), np.minimum(g.high, 2))[None])
        for part, g in genomes.items()
    }
    save_model(path, ModelHeader(kind="spiking_pid", dt_s=0.1, networks=STRUCTURE), networks)
    return path


def test_tuning_leaves_a_front_a_model_and_a_pid(snn: Snn, tied: Path, tmp_path: Path) -> None:
    ran = snn("evolve", "tune", "--model", tied, "--out", "run", *TINY_TUNING, "--json", "-")
    result = json.loads(ran.out)
    assert ran.status == 0
    assert set(result["test"]) >= {"snn, start", "snn, tuned", "pid, start", "pid, tuned", "pd, tuned"}
    ratio = result["test"]["snn, tuned"]["rmse_m"] / result["test"]["pid, tuned"]["rmse_m"]
    assert result["snn_to_pid"]["rmse_m"] == pytest.approx(ratio, rel=1e-3)
    header, networks = load_model(tmp_path / "run" / "best.safetensors", 0.1)
    assert set(networks) == {"pd", "integral"}
    assert header.score["rmse_m"] == pytest.approx(result["test"]["snn, tuned"]["rmse_m"], abs=1e-4)
    rows = (tmp_path / "run" / "front.csv").read_text().splitlines()
    assert rows[0] == "contender,point,tracking_m,variation_per_step,spikes_per_step"
    assert {row.split(",")[0] for row in rows[1:]} == {"snn", "pid", "pd"}
    assert (tmp_path / "run" / "front.png").read_bytes().startswith(b"\x89PNG")
    flown = json.loads(snn("fly", "--model", "run/pid.yaml", "--trial", "step", "--json", "-").out)
    assert flown["controller"] == "pid"
    exported = snn("evolve", "tune", "--model", tied, "--out", "run", "--export", 1)
    assert "point-1.safetensors" in exported.out
    assert snn("fly", "--model", "run/point-1.safetensors", "--trial", "step").status == 0
    check_failure(snn("evolve", "tune", "--model", tied, "--out", "run", "--export", 99), "expected a point from 1 to")
    other = save(tmp_path / "other.safetensors")
    ran = snn("evolve", "tune", "--model", other, "--out", "run", "--resume")
    check_failure(ran, "not the model that run was started on")


def test_tuning_needs_both_networks(snn: Snn, tmp_path: Path) -> None:
    path = save(tmp_path / "pd.safetensors", parts=("pd",))
    ran = snn("evolve", "tune", "--model", path, "--out", "run")
    check_failure(ran, path.name, "expected networks pd and integral")
    assert not (tmp_path / "run").exists()


def test_hidden_layers_are_compared_and_what_is_done_is_kept(snn: Snn, flight: Path, tmp_path: Path) -> None:
    command = ("evolve", "layers", "--flights", flight, "--seeds", 1, "--descent-iterations", 2, "--out", "table")
    ran = snn(*command, "--integral-generations", 2, "--json", "-")
    runs = json.loads(ran.out)["runs"]
    assert [(r["network"], r["hidden"]) for r in runs] == [
        (network, hidden) for network in ("pd", "integral") for hidden in ("lif", "iwta", "recurrent", "recurrent_iwta")
    ]
    results = (tmp_path / "table" / "results.csv").read_bytes()
    assert json.loads(snn(*command, "--integral-generations", 2, "--json", "-").out)["runs"] == runs
    assert (tmp_path / "table" / "results.csv").read_bytes() == results
    check_failure(snn(*command, "--integral-generations", 3), "begun with other settings or recordings")


def test_a_pid_file_with_a_fault_is_refused(snn: Snn, tmp_path: Path) -> None:
    (tmp_path / "pid.yaml").write_text("kq: 3.0\n")
    check_failure(snn("fly", "--model", "pid.yaml", "--trial", "step"), "pid.yaml", "did you mean 'kp'?")


def test_a_benchmark_is_a_row_beside_its_peer(snn: Snn) -> None:
    ran = snn("bench", "control_step", "--json", "-")
    (row,) = json.loads(ran.out)
    assert set(row) == {"name", "value", "unit", "peer", "peer_value", "ratio", "machine"}
    assert row["ratio"] == pytest.approx(row["peer_value"] / row["value"], rel=1e-4)


def test_benchmarks_stay_in_the_source_tree(snn: Snn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "SOURCE_TREE", tmp_path)
    check_failure(snn("bench"), "belong to the source tree", "make bench")
