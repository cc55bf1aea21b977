"""`altitude_controller`: spiking networks hold the altitude."""

from typing import Any

from pydantic import Field

from snn_control.controllers import SpikingController
from snn_control.nodes.altitude_node import LIVE, AltitudeNode, AltitudeNodeConfig
from snn_control.spiking_pid import SpikingPid, model_path
from snn_core.nodes.process import run

TOPICS: tuple[str, ...] = ("range", "target", "coordinator/sensing", "command/snn")


class AltitudeControllerConfig(AltitudeNodeConfig):
    """Parameters of the node."""

    model: str = Field("default", description="model file, or default for the one shipped with the package")


class AltitudeControllerNode(AltitudeNode[AltitudeControllerConfig]):
    """Steps the networks once per accepted reading; compiles them before it is active."""

    def __init__(self, **node_args: Any) -> None:
        super().__init__("altitude_controller", AltitudeControllerConfig, "command/snn", LIVE, **node_args)

    def build(self, config: AltitudeControllerConfig) -> SpikingController:
        return SpikingController(SpikingPid.load(model_path(config.model), config.dt_s))


def main() -> int:
    """Run the node until SIGINT or SIGTERM."""
    return run(lambda: [AltitudeControllerNode()])
