"""Files of trained classifiers: synapses of the member networks, how to read them, and what they were trained on."""

from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_core.errors import ModelError
from snn_core.resources import models_dir
from snn_core.tensor_files import Tensors, parse_header, parse_tensors, read_payload, write_tensor_file
from snn_core.version import VERSION
from snn_perception.classify.early_exit import ExitConfig
from snn_perception.classify.spike_counts import InputConfig
from snn_perception.classify.spiking_layers import LayerParams, NetworkConfig, NetworkParams
from snn_perception.classify.training_config import TrainingConfig

LARGEST_FILE = 256 * 1024 * 1024
DEFAULT = "digits.safetensors"
_HINT = "give 'default' or the path of a file that 'snn train gesture' wrote"
_REMAKE = "train"


class ClassifierHeader(Config):
    """What a file says about itself."""

    kind: Literal["spiking_classifier"] = Field("spiking_classifier", description="what the file is")
    format_version: int = Field(1, description="version of this header")
    inputs: InputConfig = Field(description="how events reach the first layer")
    network: NetworkConfig = Field(description="structure of every member")
    members: int = Field(1, ge=1, le=100, description="networks whose evidence is averaged")
    names: tuple[str, ...] = Field(description="the classes")
    exit: ExitConfig = Field(default_factory=lambda: ExitConfig(), description="what evidence is worth, when to stop")
    training: TrainingConfig = Field(description="how it learnt")
    data_digest: str = Field("", description="SHA-256 of the labelled recordings")
    score: dict[str, float] = Field(default_factory=dict, description="figures on held-out samples")
    command: str = Field("", description="the command that made the file")
    created_by: str = Field(f"snn_robotics {VERSION}", description="software and version")


class Classifier(NamedTuple):
    """A trained classifier."""

    header: ClassifierHeader
    members: tuple[NetworkParams, ...]


def save_classifier(path: Path, classifier: Classifier) -> None:
    """Write the file in one step."""
    write_tensor_file(path, classifier.header, {k: v for m in _named(classifier.members) for k, v in m.items()})


def _named(members: tuple[NetworkParams, ...]) -> list[Tensors]:
    found = []
    for k, member in enumerate(members):
        tensors: Tensors = {f"{k}.readout": member.readout, f"{k}.constant": member.constant}
        for j, layer in enumerate(member.layers):
            tensors |= {f"{k}.{j}.{name}": value for name, value in layer._asdict().items()}
        found.append(tensors)
    return found


def load_classifier(text: str = "default") -> Classifier:
    """Read the shipped classifier or that of a path.

    Raises:
        ModelError: the file is missing, damaged, foreign, or holds tensors of another shape, delays beyond the longest
            or numbers that are not finite.
    """
    path = models_dir() / DEFAULT if text == "default" else Path(text)
    payload = read_payload(path, LARGEST_FILE, _HINT)
    header = parse_header(path, payload, ClassifierHeader, _REMAKE)
    if len(header.names) != header.network.classes:
        raise ModelError(
            f"{path}: expected {header.network.classes} class names, found {len(header.names)}; train again"
        )
    tensors = parse_tensors(path, payload, _REMAKE)
    return Classifier(header, tuple(_member(path, header, tensors, k) for k in range(header.members)))


def _member(path: Path, header: ClassifierHeader, tensors: Tensors, k: int) -> NetworkParams:
    places, layers = header.network.places(header.inputs), []
    for j, layer in enumerate(header.network.layers):
        shape = places[j][0], layer.kernel, layer.kernel, layer.channels
        weight = _tensor(path, tensors, f"{k}.{j}.weight", shape)
        delay = _tensor(path, tensors, f"{k}.{j}.delay", shape, np.uint8)
        if delay.max() >= layer.delays:
            raise ModelError(f"{path}: {k}.{j}.delay: expected delays below {layer.delays}, found {delay.max()}")
        layers.append(LayerParams(weight, delay, _tensor(path, tensors, f"{k}.{j}.bias", (layer.channels,))))
    classes, features = header.network.classes, int(np.prod(places[-1]))
    readout = _tensor(path, tensors, f"{k}.readout", (features, classes))
    return NetworkParams(tuple(layers), readout, _tensor(path, tensors, f"{k}.constant", (classes,)))


def _tensor(path: Path, tensors: Tensors, name: str, shape: tuple[int, ...], kind: Any = np.float32) -> NDArray[Any]:
    value = tensors.get(name)
    if value is None or value.shape != shape or value.dtype != kind:
        found = "none" if value is None else f"{value.dtype} of shape {value.shape}"
        raise ModelError(f"{path}: {name}: expected {np.dtype(kind)} of shape {shape}, found {found}; train it again")
    if not np.isfinite(value).all():
        raise ModelError(
            f"{path}: {name}: expected finite numbers, found {int((~np.isfinite(value)).sum())} that are not"
        )
    return np.ascontiguousarray(value)
