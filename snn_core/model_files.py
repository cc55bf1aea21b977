"""Model files: safetensors with a JSON header. Data only, never code; everything is checked before it can fly."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_core.errors import ModelError
from snn_core.network import NetworkParams
from snn_core.network_config import LEAKS, THRESHOLDS, NetworkConfig
from snn_core.tensor_files import parse_header, parse_tensors, read_payload, write_tensor_file
from snn_core.version import VERSION

FORMAT_VERSION = 1
LARGEST_FILE = 64 * 1024 * 1024  # bytes; checked before anything is read
_HINT = "give 'default' or the path of a .safetensors file"
_REMAKE = "evolve"


class ModelHeader(Config):
    """What a model file says about itself."""

    kind: Literal["spiking_pid"] = Field(description="what the networks are for")
    axis: Literal["altitude", "heading", "speed"] = Field("altitude", description="what the networks hold")
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
    write_tensor_file(path, header, tensors)


def read_header(path: Path) -> ModelHeader:
    """The header of a model file, validated; the tensors are not looked at."""
    return parse_header(path, read_payload(path, LARGEST_FILE, _HINT), ModelHeader, _REMAKE)


def load_model(path: Path, dt_s: float | None = None) -> tuple[ModelHeader, dict[str, NetworkParams]]:
    """Read and check a model file. With `dt_s`, refuse a model evolved for another control period."""
    payload = read_payload(path, LARGEST_FILE, _HINT)
    header = parse_header(path, payload, ModelHeader, _REMAKE)
    if dt_s is not None and abs(header.dt_s - dt_s) > 1e-9:
        raise ModelError(
            f"{path}: expected a model for dt {dt_s} s, found one for dt {header.dt_s} s; "
            f"set dt_s to {header.dt_s} or evolve one for {dt_s} s"
        )
    tensors = parse_tensors(path, payload, _REMAKE)
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
