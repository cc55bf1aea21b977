"""The spiking controller: a PD network and an I network, summed. It speaks the language of the PID that taught it."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snn_core import kernels
from snn_core.errors import ModelError
from snn_core.model_files import load_model
from snn_core.network import NetworkParams, initial_state
from snn_core.resources import models_dir

Array = NDArray[np.float64]
PARTS = ("pd", "integral")
DEFAULT_MODEL = "altitude.safetensors"  # tuned in flight, no longer a mimic
MIMIC_MODEL = "altitude_mimic.safetensors"  # what it was tuned from


def model_path(name: str, default: str = DEFAULT_MODEL) -> Path:
    """The path of `--model`: 'default' is a model shipped with the package."""
    return models_dir() / default if name == "default" else Path(name)


def finite_error(setpoint_m: Array, height_m: Array) -> NDArray[np.float32]:
    """Setpoint minus height, (batch,) float32; 0 where either is not finite, so that no neuron ever sees it."""
    error = np.asarray(setpoint_m) - height_m
    return np.where(np.isfinite(error), error, 0.0).astype(np.float32)


class SpikingPid:
    """A batch of identical spiking controllers with memory: what a rollout or a node calls.

    parts: one or both of 'pd' and 'integral', each a population of one.
    """

    def __init__(self, parts: dict[str, NetworkParams], dt_s: float, limit: float = 10.0, batch: int = 1) -> None:
        if not parts or not set(parts) <= set(PARTS):
            raise ModelError(f"expected networks named {' and '.join(PARTS)}, found {', '.join(parts) or 'none'}")
        self.parts, self.dt_s, self.limit = parts, dt_s, limit
        self.muted: frozenset[str] = frozenset()  # networks that run along and are not listened to
        self.reset(batch)

    @classmethod
    def load(cls, path: Path, dt_s: float, batch: int = 1, axis: str = "altitude") -> "SpikingPid":
        """Read a model file; raises ModelError, among others when it was evolved for another dt or another axis."""
        header, parts = load_model(path, dt_s)
        if header.axis != axis:
            raise ModelError(f"{path}: expected networks that hold {axis}, found some for {header.axis}; give another")
        return cls(parts, header.dt_s, header.limit, batch)

    def reset(self, batch: int = 1) -> None:
        """Put every neuron to rest."""
        self.states = {part: initial_state(batch, params.neurons) for part, params in self.parts.items()}
        self.command: Array = np.zeros(batch)
        self.height_m: Array = np.full(batch, np.nan)  # seen last
        self.spikes = 0  # since the reset, over the whole batch
        self.synops = 0  # synaptic operations: each spike once per synapse that it crosses
        self.steps = 0
        self.spikes_last_step = 0
        self.output_spikes_last_step = 0  # of the hidden layers, those that the read-outs see
        self.output_spikes = dict.fromkeys(self.parts, 0)  # of each network, since the reset

    def rest(self, part: str) -> None:
        """Put the neurons of one network to rest."""
        self.states[part] = initial_state(len(self.command), self.parts[part].neurons)

    def warm(self) -> None:
        """Compile the kernels now rather than in the control loop."""
        for params in self.parts.values():
            kernels.warm(params)

    @property
    def neurons(self) -> int:
        """Neurons of all networks together."""
        return sum(2 * params.neurons for params in self.parts.values())

    def __call__(self, setpoint_m: Array, height_m: Array) -> Array:
        """Command (batch,), command units. Where a height is missing (not finite) the one seen last stands for it."""
        self.height_m = np.where(np.isfinite(height_m), height_m, self.height_m)
        error = finite_error(setpoint_m, self.height_m)
        total = np.zeros(len(error))
        self.spikes_last_step = self.output_spikes_last_step = 0
        for part, params in self.parts.items():
            state = self.states[part]
            kernels.advance(params, state, error)
            if part not in self.muted:
                total += state.u
            self._count(part, state.s_in, state.s)
        self.steps += 1
        self.command = np.clip(total, -self.limit, self.limit)
        return self.command

    def step(self, setpoint_m: float, height_m: float) -> float:
        """One control step of a single controller: metres in, command units out."""
        return float(self(np.array([setpoint_m]), np.array([height_m]))[0])

    def raster(self, row: int = 0) -> NDArray[np.bool_]:
        """Which neurons of one controller fired in the newest step, (neuron,): each network's encoding, then hidden."""
        return np.concatenate([layer[row] > 0 for state in self.states.values() for layer in (state.s_in, state.s)])

    def _count(self, part: str, s_in: NDArray[np.float32], s: NDArray[np.float32]) -> None:
        params = self.parts[part]
        encoding, hidden = int(s_in.sum()), int(s.sum())
        fan_out = 2 + params.w_threshold.shape[1]  # paired matrices lead to 2 neurons, dense ones to all
        self.spikes_last_step += encoding + hidden
        self.output_spikes_last_step += hidden
        self.output_spikes[part] += hidden
        self.spikes += encoding + hidden
        self.synops += encoding * fan_out + hidden * (1 + params.w_recurrent.shape[1])
