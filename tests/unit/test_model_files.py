"""Model files: what was saved comes back; anything else is refused in one line that names the file."""

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from snn_core.errors import ModelError, OutputError
from snn_core.model_files import LARGEST_FILE, ModelHeader, load_model, read_header, save_model
from snn_core.network_config import NetworkConfig
from unit.networks import random_networks

PD = NetworkConfig(pairs=2, hidden="recurrent_iwta", connectivity="dense")
INTEGRAL = NetworkConfig(pairs=3)
HEADER = ModelHeader(
    kind="spiking_pid", dt_s=0.1, networks={"pd": PD, "integral": INTEGRAL}, seed=7, score={"mimic": 0.5}
)
NETWORKS = {"pd": random_networks(PD, 1), "integral": random_networks(INTEGRAL, 1)}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_model(path, HEADER, NETWORKS)
    return path


def refusal(path: Path, dt_s: float | None = None) -> str:
    """The message with which a file is refused, without the file's path, which may hold any word."""
    with pytest.raises(ModelError) as caught:
        load_model(path, dt_s)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message.replace(str(path), "")


def rewrite(path: Path, tensors: dict[str, Any] | None = None, header: dict[str, Any] | None = None) -> None:
    """Replace tensors (None = remove) and header entries of a good file."""
    stored = load(path.read_bytes()) | (tensors or {})
    about = json.loads(HEADER.model_dump_json()) | (header or {})
    kept = {name: value for name, value in stored.items() if value is not None}
    path.write_bytes(save(kept, {"snn_robotics": json.dumps(about)}))


def test_round_trip(model: Path) -> None:
    header, networks = load_model(model, 0.1)
    assert header == HEADER
    assert read_header(model) == HEADER
    for part, params in NETWORKS.items():
        for name, mine, stored in zip(params._fields, params, networks[part], strict=True):
            np.testing.assert_array_equal(stored, mine, err_msg=name)
            assert stored.shape == mine.shape


def test_headers_of_any_length(tmp_path: Path) -> None:
    path, lengths = tmp_path / "model.safetensors", set()
    for letters in range(0, 256, 8):
        header = HEADER.model_copy(update={"command": "x" * letters})
        save_model(path, header, NETWORKS)
        lengths.add(path.read_bytes()[0])
        assert read_header(path) == header
    assert 0x80 in lengths


def test_the_same_networks_make_the_same_bytes(model: Path, tmp_path: Path) -> None:
    save_model(tmp_path / "again.safetensors", HEADER, NETWORKS)
    assert (tmp_path / "again.safetensors").read_bytes() == model.read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.999])
def test_truncated(model: Path, share: float) -> None:
    payload = model.read_bytes()
    model.write_bytes(payload[: int(share * len(payload))])
    assert "truncated" in refusal(model)


class Canary:
    """Unpickling it leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_refused_and_its_code_never_runs(tmp_path: Path, protocol: int) -> None:
    path, canary = tmp_path / "model.safetensors", tmp_path / "ran"
    path.write_bytes(pickle.dumps(Canary(canary), protocol))
    message = refusal(path)
    assert not canary.exists()
    assert protocol < 2 or "a pickle" in message
    pickle.loads(path.read_bytes())
    assert canary.exists()  # the canary sings when it is opened


def zip_bytes() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data.pkl", b"")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (zip_bytes(), "a zip archive"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file"),
        (np.random.default_rng(0).bytes(5000), "foreign"),
        (b"t_s,h_m\n0.0,1.0\n" * 100, "foreign"),
        (struct.pack("<Q", 2**60) + b"{}" * 50, "foreign"),
        (struct.pack("<Q", 2_000_001) + bytes(2_000_100), "foreign"),
        (struct.pack("<Q", 2) + b"{}", "other software"),
        (struct.pack("<Q", 4) + b"nope", "other software"),
        (save({"w": np.ones(3, np.float32)}, {"format": "pt"}), "other software"),
        (struct.pack("<Q", 100_000) + b"[" * 100_000, "other software"),
    ],
    ids=["zip", "hdf5", "random", "csv", "long-header", "oversized-header", "no-header", "no-json", "pt", "nested"],
)  # fmt: skip
def test_foreign(tmp_path: Path, payload: bytes, words: str) -> None:
    path = tmp_path / "foreign.safetensors"
    path.write_bytes(payload)
    assert words in refusal(path)


def test_a_model_for_another_control_period(model: Path) -> None:
    message = refusal(model, dt_s=0.05)
    assert "expected a model for dt 0.05 s" in message
    assert "dt 0.1 s" in message


DAMAGES = {
    "nan": ("pd.w_in", lambda w: np.where(np.arange(w.size) == 1, np.nan, w), ("pd.w_in[1]", "finite", "nan")),
    "infinite": ("integral.w_out", lambda w: np.full_like(w, np.inf), ("integral.w_out[0]", "finite", "inf")),
    "leak 0": ("pd.leak_mem", np.zeros_like, ("pd.leak_mem[0]", "leak in (0, 1]", "0.0")),
    "leak 1.5": ("pd.leak_out", lambda w: np.float32(1.5), ("pd.leak_out", "leak in (0, 1]", "1.5")),
    "threshold 0": ("integral.threshold", np.zeros_like, ("integral.threshold[0]", "threshold > 0", "0.0")),
    "shape": ("pd.bias", lambda w: w[:-1], ("pd.bias", "shape (4,)", "shape (3,)")),
    "matrix": ("pd.w_recurrent", lambda w: w[:2], ("pd.w_recurrent", "shape (4, 4)", "shape (2, 4)")),
    "type": ("pd.bias", lambda w: w.astype(np.float64), ("pd.bias", "float32", "float64")),
    "missing": ("pd.w_recurrent", lambda w: None, ("pd.w_recurrent", "found none")),
}


@pytest.mark.parametrize(("tensor", "damage", "words"), DAMAGES.values(), ids=DAMAGES)
def test_damaged_tensors(model: Path, tensor: str, damage: Callable[[Any], Any], words: tuple[str, ...]) -> None:
    value = damage(load(model.read_bytes())[tensor])
    rewrite(model, {tensor: value if value is None else np.array(value, getattr(value, "dtype", np.float32))})
    message = refusal(model)
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"format_version": 2}, ("format version 1", "found 2", "made by snn_robotics")),
        ({"kind": "classifier"}, ("kind", "classifier")),
        ({"dt_s": 0.0}, ("dt_s", "greater than 0")),
        ({"dt_s": None}, ("dt_s",)),
        ({"limit": -1.0}, ("limit",)),
        ({"networks": {"pd": {"pairs": 100_000}}}, ("pairs", "512")),
        ({"code": "import os"}, ("code", "not permitted")),
        ({"format_version": 2, "new_in_2": 1}, ("format version 1", "found 2")),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)  # fmt: skip
def test_bad_headers(model: Path, entries: dict[str, Any], words: tuple[str, ...]) -> None:
    rewrite(model, header=entries)
    message = refusal(model)
    for word in words:
        assert word in message


def test_too_large_a_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.safetensors"
    with path.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    assert f"at most {LARGEST_FILE} bytes" in refusal(path)


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "nowhere.safetensors")
    assert "cannot be read" in refusal(tmp_path)


def test_a_failed_write_leaves_what_was_there(tmp_path: Path, model: Path) -> None:
    before = model.read_bytes()
    (tmp_path / "folder.safetensors").mkdir()
    for target in (model / "inside.safetensors", tmp_path / "folder.safetensors"):
        with pytest.raises(OutputError, match="cannot be written") as caught:
            save_model(target, HEADER, NETWORKS)
        assert str(target) in str(caught.value)
    assert model.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.safetensors", "model.safetensors"]
