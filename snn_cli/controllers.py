"""Controllers by name, and whole populations of spiking ones, as a rollout calls them."""

import sys
import time

import numpy as np
from numpy.typing import NDArray

from snn_control.pid import Pid, PidConfig
from snn_control.spiking_pid import SpikingPid, finite_error, model_path
from snn_core import kernels
from snn_core.network import NetworkParams, initial_state

Array = NDArray[np.float64]
SLOW_S = 2.0
TEACHERS = {"pid": PidConfig(), "pd": PidConfig(ki=0.0)}


def controller_named(model: str, dt_s: float, batch: int) -> tuple[str, Pid | SpikingPid]:
    """The controller of `--model` (default, a path, pid or pd) and its kind ('snn', 'pid', 'pd')."""
    if model in TEACHERS:
        return model, Pid(TEACHERS[model], dt_s, batch)
    controller = SpikingPid.load(model_path(model), dt_s, batch)
    warm(controller)
    return "snn", controller


def warm(controller: SpikingPid) -> None:
    """Load the compiled kernels; say so if they had to be compiled, as the first flight after installation does."""
    start = time.perf_counter()
    controller.warm()
    seconds = time.perf_counter() - start
    if seconds > SLOW_S:
        print(f"compiled the kernels in {seconds:.0f} s, once after installation", file=sys.stderr)


class PopulationPid:
    """A population of spiking controllers, each flying `worlds` worlds: batch row = individual * worlds + world."""

    def __init__(self, population: dict[str, NetworkParams], worlds: int, limit: float = 10.0) -> None:
        self.limit = limit
        self.parts = [
            NetworkParams(*(np.repeat(field, worlds, axis=0) for field in part)) for part in population.values()
        ]
        self.states = [initial_state(part.population, part.neurons) for part in self.parts]

    def __call__(self, setpoint_m: Array, height_m: Array) -> Array:
        """Commands (batch,), command units; a missing height counts as no error."""
        error = finite_error(setpoint_m, height_m)
        total = np.zeros(len(error))
        for part, state in zip(self.parts, self.states, strict=True):
            kernels.advance(part, state, error)
            total += state.u
        return np.clip(total, -self.limit, self.limit)
