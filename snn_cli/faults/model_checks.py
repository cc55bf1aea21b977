"""Checks of model files that went bad: each must be refused before it flies, by name, and without side effects."""

import json
import math
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sim_worlds.faults.files import CANARY, corrupted, with_header, with_value
from snn_cli.faults.case import Check, Missed, need
from snn_control.spiking_pid import model_path
from snn_core.errors import ModelError
from snn_core.model_files import load_model

DT_S = 0.1
HEADER = "snn_robotics"


@contextmanager
def workshop() -> Iterator[tuple[Path, bytes]]:
    """An empty folder, and the bytes of the shipped model."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder), model_path("default").read_bytes()


def refused(path: Path, *words: str, dt_s: float = DT_S) -> str:
    """Load the file; it must be refused with these words."""
    try:
        load_model(path, dt_s)
    except ModelError as error:
        text = str(error)
        missing = [word for word in words if word not in text]
        need(not missing, f"'{missing[0] if missing else ''}' is not said: {text[:160]}")
        return text
    raise Missed(f"{path.name} was loaded")


def refused_bytes(data: bytes, *words: str, name: str = "model.safetensors") -> str:
    """The same of bytes in a file."""
    with workshop() as (folder, _):
        path = folder / name
        path.write_bytes(data)
        return refused(path, str(path), *words)


def missing() -> str:
    with workshop() as (folder, data):
        seen = refused(folder / "none.safetensors", str(folder), "No such file", "give 'default'")
        locked = folder / "locked.safetensors"
        locked.write_bytes(data)
        locked.chmod(0)
        if os.geteuid() != 0:  # nothing is locked for root
            refused(locked, "Permission denied", "give 'default'")
    return _short(seen)


def truncated() -> str:
    with workshop() as (_, data):
        for fault in ("truncated", "empty", "flipped_header", "text"):
            seen = refused_bytes(corrupted(fault, data), "" if fault == "flipped_header" else "copy or evolve it again")
    return _short(seen)


def _header_change(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(header: dict[str, Any]) -> None:
        stated = json.loads(header["__metadata__"][HEADER])
        stated[key] = value
        header["__metadata__"][HEADER] = json.dumps(stated)

    return change


def wrong_version() -> str:
    with workshop() as (_, data):
        seen = refused_bytes(with_header(data, _header_change("format_version", 99)), "expected format version 1", "99")
        refused_bytes(with_header(data, _header_change("kind", "toaster")), "kind", "toaster")
    return _short(seen)


def wrong_shape() -> str:
    def change(header: dict[str, Any]) -> None:
        name = next(name for name in sorted(header) if name.endswith(".w_in"))
        header[name]["shape"] = [*header[name]["shape"][::-1], 1]

    with workshop() as (_, data):
        seen = refused_bytes(with_header(data, change), "w_in: expected float32 of shape", "found")
    refused(model_path("default"), "expected a model for dt 0.05 s", dt_s=0.05)
    return _short(seen)


def impossible_values() -> str:
    wanted = (
        (".w_in", math.nan, "expected a finite number"),
        (".leak_mem", 0.0, "expected a leak in (0, 1]"),
        (".threshold", 0.0, "expected a threshold > 0"),
        (".threshold", math.inf, "expected a finite number"),
    )
    with workshop() as (_, data):
        for tensor, value, words in wanted:
            seen = refused_bytes(with_value(data, tensor, value), f"{tensor}[0]", words)
    return _short(seen)


def bomb() -> str:
    with workshop() as (folder, data):
        refused_bytes(corrupted("giant_header", data), "expected a safetensors header")
        giant = folder / "giant.safetensors"
        with giant.open("wb") as file:
            file.truncate(10 * 2**30)  # sparse
        seen = refused(giant, "expected at most", str(10 * 2**30))
    return _short(seen)


def pickle() -> str:
    before = Path.cwd()
    with workshop() as (folder, data):
        try:
            os.chdir(folder)
            seen = refused_bytes(corrupted("pickle", data), "a pickle", "never opened", "export to safetensors")
            need(not (folder / CANARY).exists(), "the pickle was opened: the canary is there")
        finally:
            os.chdir(before)
        refused_bytes(corrupted("zip", data), "a zip archive")
        refused_bytes(corrupted("hdf5", data), "an HDF5 file")
    return _short(seen)


def traversal() -> str:
    with workshop() as (folder, _):
        secret = folder / "secret"
        secret.write_text("root:secret" * 20)
        link = folder / "model.safetensors"
        link.symlink_to(Path("..") / folder.name / "secret")
        seen = refused(link, "expected a safetensors header")
        need("root:secret" not in seen, "the content of a foreign file is told")
        refused(folder, "cannot be read")
    return _short(seen)


def _short(text: str) -> str:
    """The part of a refusal after the path."""
    return text.split(": ", 1)[-1][:110]


MODEL_CHECKS: dict[int, Check] = {
    54: missing,
    55: truncated,
    56: wrong_version,
    57: wrong_shape,
    58: impossible_values,
    59: bomb,
    60: pickle,
    61: traversal,
}
