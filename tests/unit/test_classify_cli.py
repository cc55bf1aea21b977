"""`snn train gesture` and `snn events classify`: a model made, used, and every mistake in one line."""

import json
import sys

import numpy as np
import pytest

from snn_cli import train_gesture
from snn_cli.main import main
from snn_perception.classify.spiking_layers import LayerConfig
from unit.moving_bars import bars


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with recordings and a small model trained on them."""
    pytest.importorskip("torch", reason="training needs torch: make venv EXTRAS=train")
    path = tmp_path_factory.mktemp("bars")
    np.savez(path / "bars.npz", **bars(100, 1))
    options = ["--epochs", "8", "--members", "2", "--held-out", "20", "--steps", "9", "--step-ms", "10"]
    files = ["--out", str(path / "m.safetensors"), "--json", str(path / "r.json")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_gesture, "LAYERS", (LayerConfig(channels=6, kernel=5, stride=2, delays=3),))
        assert main(["train", "gesture", str(path / "bars.npz"), *options, *files]) == 0
    return path


def test_training_reports_validation_and_test_apart(folder):
    found = json.loads((folder / "r.json").read_text())
    assert (found["classes"], found["learnt_from"], found["test_samples"]) == (2, 80, 20)
    assert found["validation_samples"] == 32
    assert {"test_accuracy", "test_early_accuracy", "test_early_steps", "threshold", "alpha"} <= set(found)


def test_classify_says_label_and_steps(folder, capsys):
    sample = f"{folder / 'bars.npz'}:3"
    model = ("--model", str(folder / "m.safetensors"))
    assert main(["events", "classify", sample, *model, "--min-confidence", "0", "--json", "-"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["label"] in ("0", "1")
    assert found["label"] == max(found["probabilities"], key=found["probabilities"].get)
    assert 1 <= found["steps"] <= found["of_steps"] == 9
    assert main(["events", "classify", sample, *model, "--no-early-exit", "--min-confidence", "1", "--json", "-"]) == 0
    unsure = json.loads(capsys.readouterr().out)
    assert (unsure["label"], unsure["steps"]) == (None, 9)
    assert main(["events", "classify", sample, *model]) == 0
    assert "confidence" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train", "gesture", "none.npz", "--out", "m.safetensors"), "found nothing there"),
        (("train", "gesture", "bars.npz", "--out", "m.safetensors", "--held-out", "90"), "--held-out"),
        (("events", "classify", "bars.npz:0", "--model", "none.safetensors"), "cannot be read"),
        (
            ("events", "classify", "large.npz", "--model", "m.safetensors"),
            "large.npz: expected events of a sensor of 12 x 12 px",
        ),
        (("events", "classify", "bars.npz:0", "--model", "m.safetensors", "--from-s", "9"), "found none"),
        (("events", "classify", "bars.npz:0", "--model", "m.safetensors", "--min-confidence", "2"), "min_confidence"),
    ],
)
def test_what_goes_wrong_is_one_line(folder, capsys, monkeypatch, arguments, said):
    monkeypatch.chdir(folder)
    np.savez("large.npz", x=[100], y=[100], t_us=[0], on=[1], width=128, height=128)
    assert main(list(arguments)) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1


def test_without_torch_training_says_what_to_install(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "snn_perception.classify.classifier_training", None)
    assert main(["train", "gesture", str(folder / "bars.npz"), "--out", "m.safetensors", "--held-out", "9"]) == 1
    assert "pip install torch" in capsys.readouterr().err
