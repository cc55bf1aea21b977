"""`snn runs`: what it tells of finished, interrupted, running and damaged runs, and the picture of their losses."""

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from snn_cli.loss_plot import loss_figure, running_mean
from snn_cli.main import main
from snn_control.checkpoints import Row, occupied
from snn_control.evolution import Interrupted, Run
from unit.small_runs import SMALL, evolution_of, evolve


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a finished run, an interrupted one, a damaged one, one not begun, and something else."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs"
    evolve(folder / "done")
    with pytest.raises(Interrupted):
        evolve(folder / "stopped", SMALL.model_copy(update={"islands": 2}), stop_after=5)
    evolve(folder / "torn")
    (folder / "torn" / "checkpoint.npz").write_bytes(b"torn")
    Run(folder / "early", SMALL).begin()
    (folder / "notes").mkdir()
    return folder


def snn(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    capsys.readouterr()
    status = main([str(argument) for argument in arguments])
    return status, *capsys.readouterr()


def result_of(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict:
    status, out, complaint = snn(capsys, *arguments, "--json", "-")
    assert (status, complaint) == (0, "")
    return json.loads(out)


def test_list(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = {record["run"]: record for record in result_of(capsys, "runs", "list")}
    assert {name: (record["status"], record["at"]) for name, record in records.items() if name != "torn"} == {
        "done": ("finished", ""),
        "stopped": ("interrupted", "integral 2/3"),
        "early": ("interrupted", "before the first checkpoint"),
    }
    assert records["torn"]["status"] == "damaged"
    assert records["stopped"]["settings"] == {
        "seed": 3, "pairs": 2, "population": 6, "descent_iterations": 4, "integral_generations": 3,
        "flight_generations": 3, "islands": 2,
    }  # fmt: skip
    lines = snn(capsys, "runs", "list", runs)[1].splitlines()
    assert [line.split()[:2] for line in lines[2:]] == [
        ["done", "finished"], ["early", "interrupted"], ["stopped", "interrupted"], ["torn", "damaged"],
    ]  # fmt: skip


def test_a_run_that_someone_is_at(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with occupied(runs / "stopped"):
        record = result_of(capsys, "runs", "show", runs / "stopped")
    assert (record["status"], record["at"]) == ("running", "integral 2/3")


def test_show(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = result_of(capsys, "runs", "show", runs / "done")
    logged = [line.split(",") for line in (runs / "done" / "log.csv").read_text().splitlines()[1:]]
    assert [(s["stage"], s["step"], s["steps"], s["bad"]) for s in record["stages"]] == [
        ("pd", 4, 4, 0), ("integral", 3, 3, 0), ("flight", 3, 3, 0),
    ]  # fmt: skip
    assert record["stages"][2]["last_loss"] == pytest.approx(float(logged[-1][2]), rel=1e-4)
    assert all(stage["steps_per_s"] > 0.0 for stage in record["stages"])
    assert record["model"] == str(runs / "done" / "best.safetensors")
    text = snn(capsys, "runs", "show", runs / "done")[1]
    assert "finished" in text
    assert "population=6" in text


def test_show_bad_fitness(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(runs / "stopped", SMALL)
    run.resume()
    run.note("integral", 1, 4, "flight cost is nan")
    for _ in evolution_of(SMALL.model_copy(update={"islands": 2})).run(run):
        pass
    record = result_of(capsys, "runs", "show", runs / "stopped")
    assert {s["stage"]: s["bad"] for s in record["stages"]} == {"pd": 0, "integral": 1, "flight": 0}
    assert record["bad"] == [
        {"stage": "integral", "generation": "1", "individual": "4", "reason": "flight cost is nan"}
    ]
    assert "flight cost is nan" in snn(capsys, "runs", "show", runs / "stopped")[1]


def test_plot(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = runs.parent / "loss.png"
    assert snn(capsys, "runs", "plot", runs / "done", runs / "stopped", "--out", path)[0] == 0
    picture = imread(path)
    assert picture.shape[0] > 300
    assert len(np.unique(picture.reshape(-1, picture.shape[2]), axis=0)) > 10


def test_each_stage_has_a_panel_and_each_run_a_curve() -> None:
    long = [Row("pd", 10 * k, 100.0 / (1 + k)) for k in range(200)]
    figure = loss_figure({"a": [*long, Row("flight", 0, 2.0), Row("flight", 10, 1.9)], "b": long})
    pd, flight = figure.axes
    assert (pd.get_title(), pd.get_yscale(), len(pd.lines)) == ("stage pd", "log", 4)
    assert (flight.get_title(), flight.get_yscale(), len(flight.lines)) == ("stage flight", "linear", 2)
    np.testing.assert_array_equal(pd.lines[0].get_xdata(), 10 * np.arange(200) + 1)
    np.testing.assert_array_equal(flight.lines[0].get_ydata(), [2.0, 1.9])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]


def test_running_mean() -> None:
    assert running_mean(np.array([1.0, 2.0, 6.0, 3.0]), 1).tolist() == [1.5, 3.0, pytest.approx(11 / 3), 4.5]
    assert running_mean(np.array([1.0, 2.0]), 0).tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("list", "nowhere"), "nowhere: expected a folder of runs"),
        (("show", "runs/notes"), "runs/notes: expected the folder of a run"),
        (("plot", "runs/early", "--out", "x.png"), "log.csv: expected the columns"),
        (("plot", "runs/done", "--out", "x.pdf"), "x.pdf: expected a name that ends in .png"),
        (("plot", "runs/done", "--out", "runs/done/log.csv/x.png"), "cannot be written"),
    ],
)
def test_what_cannot_be_told(
    runs: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    status, out, complaint = snn(capsys, "runs", *arguments)
    assert (status, out, complaint.count("\n")) == (1, "", 1)
    assert words in complaint
