"""Heading and speed of a robot that follows something: a PID for each axis, or spiking networks."""

from typing import NamedTuple

import numpy as np

from snn_control.pid import Pid, PidConfig
from snn_control.spiking_pid import SpikingPid, model_path

HEADING_PID = PidConfig(
    kp=10, ki=0.5, kd=12, integral_limit=5, integrate_within_m=1.0, derivative_filter_s=0.1
)  # fmt: skip
SPEED_PID = PidConfig(kp=8, ki=2.5, kd=0, integral_limit=9, integrate_within_m=1.0)


class DriveControl(NamedTuple):
    """The controllers of both axes, a batch of one each: (setpoint, measured) -> command."""

    heading: Pid | SpikingPid  # radians
    speed: Pid | SpikingPid  # metres per second

    def step(self, turn_rad: float, speed_mps: float, heading_rad: float, forward_mps: float) -> tuple[float, float]:
        """Commands (ahead, turn) towards a heading `turn_rad` to the left and a speed; NaN where none is measured."""
        heading = np.array([heading_rad])
        turn = self.heading(heading + turn_rad, heading)[0]
        ahead = self.speed(np.array([speed_mps]), np.array([forward_mps]))[0]
        return float(ahead), float(turn)

    def reset(self) -> None:
        """Forget everything."""
        self.heading.reset()
        self.speed.reset()


def pid_drive(dt_s: float) -> DriveControl:
    """The PIDs."""
    return DriveControl(Pid(HEADING_PID, dt_s), Pid(SPEED_PID, dt_s))


def spiking_drive(dt_s: float, heading_model: str = "default", speed_model: str = "default") -> DriveControl:
    """The spiking networks of two model files, compiled.

    Raises:
        ModelError: a file cannot be used, or its networks hold another axis or were evolved for another period.
    """
    models = (("heading", heading_model), ("speed", speed_model))
    loaded = [SpikingPid.load(model_path(name, f"{axis}.safetensors"), dt_s, 1, axis) for axis, name in models]
    for network in loaded:
        network.warm()
    return DriveControl(*loaded)
