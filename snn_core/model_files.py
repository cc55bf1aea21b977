"""Model files: safetensors with a JSON header. Data only, never code; everything is checked before it can fly."""

import json
import struct
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from snn_core.config import Config
from snn_core.errors import ModelError
from snn_core.files import write_atomically
from snn_core.network import NetworkParams
from snn_core.network_config import LEAKS, THRESHOLDS, NetworkConfig
from snn_core.version import VERSION

FORMAT_VERSION = 1
LARGEST_FILE = 64 * 1024 * 1024  # bytes; checked before anything is read
LARGEST_HEADER = 1024 * 1024
_HEADER_KEY = "snn_robotics"
_FOREIGN = {b"\x80": "a pickle", b"PK": "a zip archive (a torch checkpoint?)", b"\x89HDF": "an HDF5 file"}


class ModelHeader(Config):
    """What a model file says about itself."""

    kind: Literal["spiking_pid"] = Field(description="what the networks are for")
    format_version: int = Field(FORMAT_VERSION, description="version of this header")
    dt_s: float = Field(gt=0, le=10, description="control period the networks were evolved for (s)")
    networks: dict[str, NetworkConfig] = Field(description="structure of each network")
    limit: float = Field(10.0, gt=0, description="largest command (command units)")
    seed: int = Field(0, description="seed of the run")
    data_digest: str = Field("", description="SHA-256 of the training data")
    score: dict[str, float] = Field(default_factory=dict, description="figures on named data")
    command: str = Field("", description="the command that made the file")
    created_by: str = Field(f"snn_robotics {VERSION}", description="software and version")


def save_model(path: Path, header: ModelHeader, networks: dict[str, NetworkParams]) -> None:
    """Write a model file in one step: either the whole new file is there, or what was there before."""
    tensors = {
        f"{part}.{field}": getattr(params, field)[0] for part, params in networks.items() for field in params._fields
    }
    tensors = {name: np.array(value, np.float32) for name, value in tensors.items() if value.size}
    payload = save(tensors, {_HEADER_KEY: header.model_dump_json()})
    write_atomically(path, payload)


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise ModelError(
                f"{path}: expected at most {LARGEST_FILE} bytes, found {size}; not a model of this software"
            )
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path.absolute()}: cannot be read ({error.strerror}); give 'default' or the path of a .safetensors file"
        ) from None


def _check_envelope(path: Path, payload: bytes) -> None:
    header_begins = payload[8:9] == b"{"  # the bytes before are a length, which may look like anything
    for magic, what in _FOREIGN.items():
        if payload.startswith(magic) and not header_begins:
            raise ModelError(
                f"{path}: expected safetensors, found {what}; unsafe formats are never opened, export to safetensors"
            )
    length = struct.unpack("<Q", payload[:8])[0] if len(payload) >= 8 else 0
    if length == 0 or length > LARGEST_HEADER or 8 + length > len(payload):
        raise ModelError(
            f"{path}: expected a safetensors header, found {len(payload)} bytes that do not hold one; "
            "truncated or foreign file, copy or evolve it again"
        )


def read_header(path: Path) -> ModelHeader:
    """The header of a model file, validated; the tensors are not looked at."""
    return _header(path, _read(path))


def _check_version(path: Path, text: str) -> None:
    """Refuse another format before its fields are judged by the rules of this one."""
    try:
        stated = json.loads(text)
        version, maker = stated["format_version"], stated.get("created_by", "unknown software")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return  # no version at all: the validation that follows says what is wrong
    if version != FORMAT_VERSION:
        raise ModelError(
            f"{path}: expected format version {FORMAT_VERSION}, found {version!r}, made by {maker}; "
            "use that software, or evolve the model again"
        )


def _header(path: Path, payload: bytes) -> ModelHeader:
    _check_envelope(path, payload)
    length = struct.unpack("<Q", payload[:8])[0]
    try:
        outer: dict[str, Any] = json.loads(payload[8 : 8 + length])
        text = outer["__metadata__"][_HEADER_KEY]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ModelError(
            f"{path}: expected a header '{_HEADER_KEY}', found none; a safetensors file of other software"
        ) from None
    _check_version(path, text)
    try:
        header = ModelHeader.model_validate_json(text)
    except ValidationError as error:
        fault = error.errors()[0]
        raise ModelError(
            f"{path}: header {'.'.join(map(str, fault['loc']))}: {fault['msg'].lower()}, got {fault['input']!r}"
        ) from None
    return header


def load_model(path: Path, dt_s: float | None = None) -> tuple[ModelHeader, dict[str, NetworkParams]]:
    """Read and check a model file. With `dt_s`, refuse a model evolved for another control period."""
    payload = _read(path)
    header = _header(path, payload)
    if dt_s is not None and abs(header.dt_s - dt_s) > 1e-9:
        raise ModelError(
            f"{path}: expected a model for dt {dt_s} s, found one for dt {header.dt_s} s; "
            f"set dt_s to {header.dt_s} or evolve one for {dt_s} s"
        )
    try:
        tensors = load(payload)
    except SafetensorError as error:
        raise ModelError(f"{path}: truncated or damaged ({error}); copy or evolve it again") from None
    return header, {part: _network(path, part, config, tensors) for part, config in header.networks.items()}


def _network(path: Path, part: str, config: NetworkConfig, tensors: dict[str, NDArray[Any]]) -> NetworkParams:
    fields = []
    for name, shape in config.shapes().items():
        value = tensors.get(f"{part}.{name}", np.zeros(shape, np.float32) if 0 in shape else None)
        if value is None:
            raise ModelError(f"{path}: expected tensor '{part}.{name}', found none; damaged file")
        if value.shape != shape or value.dtype != np.float32:
            raise ModelError(
                f"{path}: {part}.{name}: expected float32 of shape {shape}, found {value.dtype} of shape {value.shape}"
            )
        _check_values(f"{path}: {part}.{name}", name, value)
        fields.append(value[None])
    return NetworkParams(*fields)


def _check_values(where: str, name: str, value: NDArray[np.float32]) -> None:
    rules: list[tuple[NDArray[np.bool_], str]] = [(np.isfinite(value), "a finite number")]
    if name in LEAKS:
        rules.append(((value > 0.0) & (value <= 1.0), "a leak in (0, 1]"))
    if name in THRESHOLDS:
        rules.append((value > 0.0, "a threshold > 0"))
    for good, expected in rules:
        if not good.all():
            index = tuple(int(i) for i in np.argwhere(~np.atleast_1d(good))[0])
            found = float(np.atleast_1d(value)[index])
            raise ModelError(f"{where}{list(index)}: expected {expected}, found {found}; refuse to fly it")
