"""`pid_controller`: the PID twin, always flying along, ready to take over."""

from typing import Any

from snn_control.controllers import PidController
from snn_control.nodes.altitude_node import LIVE, AltitudeNode, AltitudeNodeConfig
from snn_control.pid import PidConfig
from snn_core.nodes.process import run

TOPICS: tuple[str, ...] = ("range", "target", "coordinator/sensing", "command/pid")


class PidControllerConfig(PidConfig, AltitudeNodeConfig):
    """Parameters of the node."""


class PidControllerNode(AltitudeNode[PidControllerConfig]):
    """Steps the PID once per accepted reading; its gains may change in flight."""

    def __init__(self, **node_args: Any) -> None:
        live = LIVE | set(PidConfig.model_fields)
        super().__init__("pid_controller", PidControllerConfig, "command/pid", live, **node_args)

    def build(self, config: PidControllerConfig) -> PidController:
        self.pid = PidController(config)
        return self.pid

    def change(self, config: PidControllerConfig) -> None:
        super().change(config)
        if self.loop is not None:
            self.pid.config = config


def main() -> int:
    """Run the node until SIGINT or SIGTERM."""
    return run(lambda: [PidControllerNode()])
