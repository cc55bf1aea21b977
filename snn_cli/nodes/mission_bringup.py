"""`mission_bringup`: the whole robot and its world composed in one process, and who has it fly a mission."""

from typing import Any, NamedTuple

from pydantic import Field
from rclpy.context import Context
from rclpy.node import Node

from sim_worlds.nodes.robot_world import RobotWorldNode
from snn_cli.nodes.composition import Composition
from snn_cli.nodes.mission_director import MissionDirectorNode
from snn_control.nodes.altitude_controller import AltitudeControllerNode
from snn_control.nodes.command_gate import CommandGateNode
from snn_control.nodes.coordinator import CoordinatorNode
from snn_control.nodes.pid_controller import PidControllerNode
from snn_control.nodes.route_follower import RouteFollowerNode
from snn_core.config import Config
from snn_core.nodes.parameters import OPEN, Parameters
from snn_core.nodes.process import StoppableNode, run
from snn_perception.nodes.event_motion import EventMotionNode
from snn_perception.nodes.ground_velocity import GroundVelocityNode
from snn_perception.nodes.place_recognizer import PlaceRecognizerNode

TOPICS: tuple[str, ...] = ()
DOWN_RAD = 1.5708  # the event camera looks at the ground, for velocity over it
PATIENCE_S = 2.0  # lock step: a busy machine must not change the flight
VELOCITY_PATIENCE_S = 0.5
ANY_LOAD = 10.0  # the world draws its pictures in this process: its load says nothing about a robot's computer
EVENT_SIZE = 96, 72  # of the simulated event camera (px)


class MissionBringupConfig(Config):
    """What flies where; everything else stands in the parameter file of each node."""

    scene: str = Field("street", description="scene, by its name or a .yaml file; a mission brings its own")
    condition: str = Field("summer", description="condition that it is seen in; a mission brings its own")
    seed: int = Field(1, ge=0, le=2**31 - 1, description="seed of weather, sensors, and what has been moved")
    mission: str = Field("", description="mission of kind route to fly, empty = hover until somebody commands")
    repeat_in: str = Field("", description="condition to repeat the route in, empty = those that the mission names")
    to_m: float = Field(
        0.0, ge=0, le=1e6, description="where on the scene's route it ends, 0 = as the mission says (m)"
    )
    result: str = Field("", description="file that the mission's result is written to as JSON, empty = none")
    model: str = Field("default", description="model file of the altitude's spiking controller")
    map: str = Field("", description="map of places to begin with, empty = an empty one")
    route: str = Field("", description="taught route to begin with, empty = none")
    networks: bool = Field(False, description="spiking networks for heading and speed too, not PIDs")
    motion: bool = Field(True, description="event_motion too, which the coordinator and people watch")
    coordinator: bool = Field(True, description="let the coordinator choose the controller and the sensing rates")
    real_time_factor: float = Field(
        1.0, ge=0, le=1000, description="speed of simulated time; 0 = lock step, as fast as commands come"
    )
    config_dir: str = Field("", description="folder of the nodes' parameter files, empty = the shipped ones")


class MissionGraph(NamedTuple):
    """The composed nodes, those first that stop first."""

    director: MissionDirectorNode | None
    follower: RouteFollowerNode
    snn: AltitudeControllerNode
    pid: PidControllerNode
    gate: CommandGateNode
    places: PlaceRecognizerNode
    velocity: GroundVelocityNode
    motion: EventMotionNode | None
    coordinator: CoordinatorNode | None
    world: RobotWorldNode

    @property
    def nodes(self) -> list[StoppableNode]:
        """All that are there."""
        return [node for node in self if node is not None]


def compose_mission(
    config: MissionBringupConfig, context: Context | None = None, namespace: str | None = None
) -> MissionGraph:
    """Make every node, configured from its parameter file and from `config`.

    Raises:
        SnnError: a parameter, the mission or a file is wrong.
    """
    of = Composition(config.config_dir, context, namespace)
    world: dict[str, Any] = {name: getattr(config, name) for name in ("scene", "condition", "seed", "real_time_factor")}
    width, height = EVENT_SIZE
    lens = ("camera_info", "events/camera_info")
    patience: dict[str, Any] = {"velocity_patience_s": VELOCITY_PATIENCE_S} if config.real_time_factor == 0.0 else {}
    mission: dict[str, Any] = {
        "mission": config.mission,
        "condition": config.repeat_in,
        "to_m": config.to_m,
        "seed": config.seed,
    }
    return MissionGraph(
        MissionDirectorNode(**of("mission_director", result=config.result, **mission)) if config.mission else None,
        RouteFollowerNode(**of("route_follower", route=config.route, networks=config.networks, **patience)),
        AltitudeControllerNode(**of("altitude_controller", model=config.model)),
        PidControllerNode(**of("pid_controller")),
        CommandGateNode(**of("command_gate", frozen_clock_s=0.0)),
        PlaceRecognizerNode(**of("place_recognizer", ("odom", "route/pose"), map=config.map, frame="route")),
        GroundVelocityNode(**of("ground_velocity", lens, width=width, height=height)),
        EventMotionNode(**of("event_motion", lens, width=width, height=height)) if config.motion else None,
        CoordinatorNode(**of("coordinator", load_high=ANY_LOAD)) if config.coordinator else None,
        RobotWorldNode(
            **of("robot_world", event_pitch_rad=DOWN_RAD, patience_s=PATIENCE_S, use_sim_time=False, **world)
        ),
    )


class MissionBringupNode(Node):
    """Reads what is to be composed from its own parameters."""

    def __init__(self) -> None:
        super().__init__("mission_bringup", **OPEN)
        self.config = Parameters(self, MissionBringupConfig, frozenset(), lambda config: None).config

    def stop(self) -> None:
        """Nothing to make safe: the gate does."""


def _make() -> list[Any]:
    node = MissionBringupNode()
    return [*compose_mission(node.config, namespace=node.get_namespace()).nodes, node]


def main() -> int:
    """Run the graph until SIGINT or SIGTERM."""
    return run(_make)
