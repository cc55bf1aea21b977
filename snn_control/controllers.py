"""The controllers that an altitude loop can step: one interface, two ways to fly."""

from typing import Protocol

import numpy as np

from snn_control.pid import PidConfig, pid_rest, pid_step
from snn_control.spiking_pid import SpikingPid


class Controller(Protocol):
    """A controller of one vehicle, with memory."""

    @property
    def limit(self) -> float:
        """Largest command, either sign (command units)."""

    @property
    def spikes(self) -> int | None:
        """Spikes that reached the output in the newest step; None where there are no neurons."""

    def counters(self) -> dict[str, float | int | str]:
        """What its inside has counted, for diagnostics."""

    def ask(self, parts: str) -> None:
        """Let one network alone speak ('pd', 'integral'), or all ('' and 'pair'); what was silent begins at rest."""

    def step(self, target_m: float, height_m: float, elapsed_s: float) -> float:
        """Command, command units, `elapsed_s` after the step before."""

    def reset(self) -> None:
        """Forget everything."""


class PidController:
    """The PID twin: it integrates and differentiates over the time that really passed."""

    spikes = None

    def __init__(self, config: PidConfig) -> None:
        self.config = config
        self.state = pid_rest()

    @property
    def limit(self) -> float:
        return self.config.limit

    def counters(self) -> dict[str, float | int | str]:
        return {}

    def ask(self, parts: str) -> None:
        """A PID has no networks."""

    def step(self, target_m: float, height_m: float, elapsed_s: float) -> float:
        target, height = np.array([target_m]), np.array([height_m])
        self.state, terms = pid_step(self.state, target, height, self.config, elapsed_s)
        return float(terms.command[0])

    def reset(self) -> None:
        self.state = pid_rest()


class SpikingController:
    """The spiking networks: they know one period only, the one they were evolved for."""

    def __init__(self, network: SpikingPid) -> None:
        self.network = network
        network.warm()

    @property
    def limit(self) -> float:
        return self.network.limit

    @property
    def spikes(self) -> int | None:
        return self.network.output_spikes_last_step

    def counters(self) -> dict[str, float | int | str]:
        network, found = self.network, {"output_spikes_last_step": self.network.output_spikes_last_step}
        for part, params in network.parts.items():
            found[f"{part}_spikes"] = network.output_spikes[part]
            found[f"{part}_neuron_steps"] = params.neurons * network.steps
        return {**found}

    def ask(self, parts: str) -> None:
        network = self.network
        muted = frozenset(network.parts) - {parts} if parts in network.parts else frozenset()
        for part in network.muted - muted:  # what it gathered while nobody listened is nobody's need
            network.rest(part)
        network.muted = muted

    def step(self, target_m: float, height_m: float, elapsed_s: float) -> float:
        return self.network.step(target_m, height_m)

    def reset(self) -> None:
        self.network.reset()
