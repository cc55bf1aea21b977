"""Making nodes in one process: the arguments of each, from its parameter file and from who composes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions

from snn_core.errors import ConfigError
from snn_core.resources import config_dir

DISCOVERY = "ROS_AUTOMATIC_DISCOVERY_RANGE"


class Composition:
    """Called with a node's name and parameters it returns the arguments that its class is made with."""

    def __init__(self, folder: str, context: Context | None, namespace: str | None) -> None:
        self.folder = Path(folder) if folder else config_dir()
        self.context, self.namespace = context, namespace

    def __call__(
        self, name: str, *remaps: tuple[str, str], use_sim_time: bool = True, **overrides: Any
    ) -> dict[str, Any]:
        """Arguments of the node of that name; `remaps` rename topics.

        Raises:
            ConfigError: it has no parameter file.
        """
        path = self.folder / f"{name}.yaml"
        if not path.is_file():
            raise ConfigError(f"{path}: no parameter file for {name}")
        values = {"use_sim_time": use_sim_time, **overrides}
        renamed = [word for source, target in remaps for word in ("-r", f"{source}:={target}")]
        return {
            "context": self.context,
            "namespace": self.namespace,
            "use_global_arguments": False,
            "cli_args": ["--ros-args", "--params-file", str(path), *renamed],
            "parameter_overrides": [Parameter(key, value=value) for key, value in values.items()],
        }


def open_context(isolated: bool, domain_id: int | None = None) -> Context:
    """A context without signal handlers; an isolated one is invisible to every other ROS process, and those to it."""
    context = Context()
    with _discovery("OFF" if isolated else None):
        rclpy.init(context=context, domain_id=domain_id, signal_handler_options=SignalHandlerOptions.NO)
    return context


@contextmanager
def _discovery(value: str | None) -> Iterator[None]:
    """How far participants made inside look around; ROS reads it from the environment when a context starts."""
    before = os.environ.get(DISCOVERY)
    if value is not None:
        os.environ[DISCOVERY] = value
    try:
        yield
    finally:
        os.environ.pop(DISCOVERY, None)
        if before is not None:
            os.environ[DISCOVERY] = before
