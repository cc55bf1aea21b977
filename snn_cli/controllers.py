"""Controllers by name, as a rollout calls them."""

import sys
import time
from pathlib import Path

from snn_control.axis_control import CONTROLS
from snn_control.pid import Pid, PidConfig
from snn_control.spiking_pid import SpikingPid, model_path

SLOW_S = 2.0
TEACHERS = ("pid", "pd")


def teacher_named(name: str, axis: str) -> PidConfig:
    """The PID that taught the networks of an axis, or what is left of it without its integral."""
    teacher = CONTROLS[axis].teacher
    return teacher if name == "pid" else teacher.model_copy(update={"ki": 0.0})


def controller_named(model: str, dt_s: float, batch: int, axis: str = "altitude") -> tuple[str, Pid | SpikingPid]:
    """The controller of `--model` (default, a path, pid or pd) and its kind ('snn', 'pid', 'pd').

    A path that ends in .yaml holds the settings of a PID.
    """
    if model in TEACHERS:
        return model, Pid(teacher_named(model, axis), dt_s, batch)
    if model.endswith(".yaml"):
        return "pid", Pid(PidConfig.load(Path(model)), dt_s, batch)
    controller = SpikingPid.load(model_path(model, f"{axis}.safetensors"), dt_s, batch, axis)
    warm(controller)
    return "snn", controller


def warm(controller: SpikingPid) -> None:
    """Load the compiled kernels; say so if they had to be compiled, as the first flight after installation does."""
    start = time.perf_counter()
    controller.warm()
    seconds = time.perf_counter() - start
    if seconds > SLOW_S:
        print(f"compiled the kernels in {seconds:.0f} s, once after installation", file=sys.stderr)
