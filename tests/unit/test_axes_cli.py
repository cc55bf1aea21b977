"""Heading and speed on the command line: evolve, tune, fly, each on its own axis."""

import json
from pathlib import Path

import pytest
import yaml

from snn_cli.main import main
from snn_core.model_files import read_header

TINY = {
    "pairs": 2, "population": 4, "descent-iterations": 2, "integral-generations": 1, "flight-generations": 1,
    "pd-hidden": "lif",
}  # fmt: skip
TINY_TUNE = {
    "worlds": 1, "population": 4, "anchor-generations": 1, "front-worlds": 1, "front-population": 8,
    "front-generations": 1,
}  # fmt: skip


def options(values: dict[str, object]) -> list[str]:
    return [word for name, value in values.items() for word in (f"--{name}", str(value))]


def test_a_heading_model_is_evolved_tuned_and_flown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """From nothing to a tuned pair; every file says which axis it is for."""
    monkeypatch.setattr("snn_cli.tune.JUDGES", 2)
    evolved, tuned = tmp_path / "evolved", tmp_path / "tuned"
    assert main(["evolve", "heading", "--out", str(evolved), *options(TINY)]) == 0
    assert read_header(evolved / "best.safetensors").axis == "heading"
    assert read_header(evolved / "best.safetensors").command.startswith("snn evolve heading --flights sim")
    model = ["--model", str(evolved / "best.safetensors")]
    assert main(["evolve", "tune", *model, "--out", str(tuned), *options(TINY_TUNE)]) == 0
    assert read_header(tuned / "best.safetensors").axis == "heading"
    assert yaml.safe_load((tuned / "config.yaml").read_text())["axis"] == "heading"
    capsys.readouterr()
    assert main(["fly", *model, "--axis", "heading", "--json", "-"]) == 0
    flown = json.loads(capsys.readouterr().out)
    assert (flown["world"], flown["trial"], flown["unit"]) == ("airship", "heading", "rad")
    assert main(["fly", *model, "--axis", "speed"]) == 1
    assert "expected networks that hold speed, found some for heading" in capsys.readouterr().err


def test_the_teachers_fly_every_axis(capsys: pytest.CaptureFixture[str]) -> None:
    """A PID beats itself without the integral where something steady pulls: here the drag of flying on."""
    errors = {}
    for model in ("pid", "pd"):
        assert main(["fly", "--axis", "speed", "--model", model, "--json", "-"]) == 0
        errors[model] = json.loads(capsys.readouterr().out)["steady_state_error_m"]
    assert errors["pid"] < 0.03 < errors["pd"]


@pytest.mark.parametrize("option", ["--world", "--trial", "--sweep"])
def test_an_axis_has_its_own_world_and_trial(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    value = {"--world": ["tudelft_2021"], "--trial": ["hover"], "--sweep": []}[option]
    with pytest.raises(SystemExit, match="2"):
        main(["fly", "--axis", "heading", option, *value])
    assert "--axis has a world and a trial of its own" in capsys.readouterr().err
