"""`altitude_controller`: spiking networks hold the altitude."""

from typing import Any

from pydantic import Field

from snn_control.controllers import SpikingController
from snn_control.nodes.altitude_node import LIVE, AltitudeNode, AltitudeNodeConfig
from snn_control.spiking_pid import SpikingPid, model_path
from snn_core.errors import ConfigError, SnnError
from snn_core.nodes.process import run

TOPICS: tuple[str, ...] = ("range", "target", "coordinator/sensing", "command/snn")


class AltitudeControllerConfig(AltitudeNodeConfig):
    """Parameters of the node."""

    model: str = Field("default", description="model file, or default for the one shipped with the package")


class AltitudeControllerNode(AltitudeNode[AltitudeControllerConfig]):
    """Steps the networks once per accepted reading; compiles them before it is active.

    Another model may be set in flight: it is checked, flies along, then takes over; a bad one is refused, and the old
    one flies on.
    """

    def __init__(self, **node_args: Any) -> None:
        live = LIVE | {"model"}
        super().__init__("altitude_controller", AltitudeControllerConfig, "command/snn", live, **node_args)

    def build(self, config: AltitudeControllerConfig) -> SpikingController:
        return SpikingController(SpikingPid.load(model_path(config.model), config.dt_s))

    def change(self, config: AltitudeControllerConfig) -> None:
        if self.loop is not None and config.model != self.parameters.config.model:
            try:
                self.loop.exchange(self.build(config))
            except (SnnError, OSError) as error:
                raise ConfigError(f"model refused, the one before flies on: {error}") from None
        super().change(config)


def main() -> int:
    """Run the node until SIGINT or SIGTERM."""
    return run(lambda: [AltitudeControllerNode()])
