"""Files of trained layers of delays: weights, what they were trained on, and what their evidence is worth."""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from snn_core.config import Config
from snn_core.errors import ModelError
from snn_core.resources import models_dir
from snn_core.tensor_files import parse_header, parse_tensors, read_payload, write_tensor_file
from snn_core.version import VERSION
from snn_perception.motion.delay_layer import SHAPE, Floats
from snn_perception.motion.motion_training import MotionTrainingConfig

LARGEST_FILE = 64 * 1024 * 1024
_HINT = "give 'default' or the path of a file that 'snn train motion' wrote"
_REMAKE = "train"


class Calibration(Config):
    """Probability that the flow is right within half of it: a logistic function of what the fit says."""

    constant: float = Field(-3.0, description="where all below is zero")
    gain: float = Field(2.0, description="for each nat of evidence of a patch")
    patches: float = Field(0.3, description="for each factor e of patches")
    spread: float = Field(-0.5, description="for each factor e of the flow's relative standard deviation")
    sharpness: float = Field(0.0, description="for each nat by which alignment sharpens the events")
    correlation: float = Field(20.0, gt=0, le=1e6, description="patches that are worth one independent one")
    redundancy: float = Field(1.5, gt=0, le=1e6, description="aligned events that are worth one independent one")


class MotionHeader(Config):
    """What a file says about itself."""

    kind: Literal["motion_bank"] = Field("motion_bank", description="what the file is")
    format_version: int = Field(1, description="version of this header")
    training: MotionTrainingConfig = Field(description="what the layer learnt from")
    calibration: Calibration = Field(default_factory=Calibration, description="what its evidence is worth")
    score: dict[str, float] = Field(default_factory=dict, description="figures on held-out procedural textures")
    command: str = Field("", description="the command that made the file")
    created_by: str = Field(f"snn_robotics {VERSION}", description="software and version")


class MotionModel(NamedTuple):
    """A trained layer."""

    header: MotionHeader
    weights: Floats  # delay_layer.SHAPE


def save_motion_model(path: Path, model: MotionModel) -> None:
    """Write the file in one step."""
    write_tensor_file(path, model.header, {"weights": np.ascontiguousarray(model.weights, np.float32)})


def load_motion_model(text: str = "default") -> MotionModel:
    """Read the shipped layer or that of a path.

    Raises:
        ModelError: the file is missing, damaged, foreign, of another shape, or holds numbers that are not finite.
    """
    path = models_dir() / "motion.safetensors" if text == "default" else Path(text)
    payload = read_payload(path, LARGEST_FILE, _HINT)
    header = parse_header(path, payload, MotionHeader, _REMAKE)
    weights = parse_tensors(path, payload, _REMAKE).get("weights")
    if weights is None or weights.shape != SHAPE or weights.dtype != np.float32:
        found = "none" if weights is None else f"{weights.dtype} of shape {weights.shape}"
        raise ModelError(f"{path}: expected weights float32 of shape {SHAPE}, found {found}; train the layer again")
    if not np.isfinite(weights).all():
        raise ModelError(f"{path}: expected finite weights, found {int((~np.isfinite(weights)).sum())} that are not")
    return MotionModel(header, weights)
