"""`bringup`: world, both controllers, the gate and the coordinator composed in one process, for simulation."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from pydantic import Field
from rclpy.context import Context
from rclpy.node import Node

from sim_worlds.blimp_flight import FlightStep
from sim_worlds.nodes.blimp_world import BlimpWorldConfig, BlimpWorldNode
from snn_cli.nodes.composition import Composition
from snn_control.nodes.altitude_controller import AltitudeControllerNode
from snn_control.nodes.command_gate import CommandGateNode
from snn_control.nodes.coordinator import CoordinatorNode
from snn_control.nodes.pid_controller import PidControllerNode
from snn_core.config import Config
from snn_core.nodes.parameters import OPEN, Parameters
from snn_core.nodes.process import StoppableNode, run

TOPICS: tuple[str, ...] = ()


class BringupConfig(Config):
    """What flies where; everything else stands in the parameter file of each node."""

    world: Literal["tudelft_2021", "tudelft_2023"] = Field("tudelft_2023", description="identified blimp")
    trial: Literal["", "steps", "step", "hover"] = Field("steps", description="staircase of targets, empty = none")
    buoyancy_mps2: float = Field(0.0, ge=-1, le=1, description="buoyancy, negative = heavy (m/s^2)")
    seed: int = Field(1, ge=0, le=2**31 - 1, description="seed of drafts and sensor noise")
    controller: Literal["snn", "pid"] = Field("snn", description="who flies; the PID twin is there in any case")
    model: str = Field("default", description="model file, or default for the one shipped with the package")
    coordinator: bool = Field(False, description="let the coordinator choose the controller and the sensing rates")
    real_time_factor: float = Field(
        1.0, ge=0, le=1000, description="speed of simulated time; 0 = lock step, as fast as commands come"
    )
    patience_s: float = Field(0.2, ge=0.01, le=10, description="lock step: real time that a command is waited for (s)")
    paused: bool = Field(False, description="start paused")
    config_dir: str = Field("", description="folder of the nodes' parameter files, empty = the shipped ones")


class Graph(NamedTuple):
    """The composed nodes, those first that stop first."""

    snn: AltitudeControllerNode | None
    pid: PidControllerNode
    gate: CommandGateNode
    coordinator: CoordinatorNode | None
    world: BlimpWorldNode

    @property
    def nodes(self) -> list[StoppableNode]:
        """All that are there."""
        return [node for node in self if node is not None]


def compose(
    config: BringupConfig,
    context: Context | None = None,
    namespace: str | None = None,
    on_step: Callable[[FlightStep], None] | None = None,
) -> Graph:
    """Make every node, configured from its parameter file and from `config`.

    Raises:
        SnnError: a parameter or the model is wrong.
    """
    of = Composition(config.config_dir, context, namespace)
    shared = set(BringupConfig.model_fields) & set(BlimpWorldConfig.model_fields)
    flight = {key: getattr(config, key) for key in shared}
    spiking = config.controller == "snn"
    model = of("altitude_controller", model=config.model)
    return Graph(
        AltitudeControllerNode(**model) if spiking else None,
        PidControllerNode(**of("pid_controller")),
        CommandGateNode(**of("command_gate", use_snn=spiking, frozen_clock_s=0.0)),
        CoordinatorNode(**of("coordinator")) if config.coordinator else None,
        BlimpWorldNode(on_step, **of("blimp_world", use_sim_time=False, **flight)),
    )


class BringupNode(Node):
    """Reads what is to be composed from its own parameters."""

    def __init__(self) -> None:
        super().__init__("bringup", **OPEN)
        self.config = Parameters(self, BringupConfig, frozenset(), lambda config: None).config

    def stop(self) -> None:
        """Nothing to make safe: the gate does."""


def _make() -> list[StoppableNode]:
    node = BringupNode()
    return [*compose(node.config, namespace=node.get_namespace()).nodes, node]


def main() -> int:
    """Run the graph until SIGINT or SIGTERM."""
    return run(_make)
