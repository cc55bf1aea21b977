"""`mission_director`: has a route taught and repeated in a simulated world, by the nodes of a robot, and judges it."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from geometry_msgs.msg import PointStamped, PoseWithCovarianceStamped, WrenchStamped
from nav_msgs.msg import Odometry
from pydantic import Field
from rcl_interfaces.srv import SetParameters
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_msgs.msg import Float64, String
from std_srvs.srv import SetBool, Trigger

from sim_worlds.robot import Truth
from sim_worlds.route import Route
from sim_worlds.scene_config import load_condition, load_scene
from snn_cli.missions.mission_config import RouteMission, load_mission
from snn_cli.missions.route_mission import summary
from snn_cli.missions.route_script import Answer, Reply, RouteScript, Wait
from snn_cli.output import plain
from snn_control.coordination.streams import HEIGHT, MOTION, PLACE
from snn_control.nodes.route_follower import STATE_QOS, yaw_of
from snn_core.errors import ConfigError, SnnError
from snn_core.files import write_atomically
from snn_core.nodes.diagnostics import Diagnostics
from snn_core.nodes.guard import Guard
from snn_core.nodes.parameters import OPEN, Parameters
from snn_core.nodes.process import run
from snn_core.nodes.sensing_listener import SensingListener
from snn_core.nodes.wire import COMMAND_QOS, WireConfig, from_drive_wrench, from_wrench, seconds, to_drive_wrench
from snn_core.signals import Drive, Health, Level

TOPICS: tuple[str, ...] = (
    "odom", "clearance", "command", "drive", "place", "coordinator/sensing", "route/pose", "route/state", "target",
    "drive/pilot", "mission/result",
)  # fmt: skip
CHAIN = ("range", "imu", "image", "events/points", "velocity", "command", "drive")  # all must be said and heard
SENSED = (HEIGHT, PLACE, MOTION)  # streams of which the coordinator's orders count
TRIGGERS = ("reset", "route/teach", "route/follow", "route/stop", "place/teach", "place/forget")
TUNED = ("robot_world", "route_follower", "place_recognizer")
LOOK_S = 0.05  # of real time
EARLY_S = 0.01  # by which a stamp may differ from that of the same instant
NOTHING_MORE = Wait(lambda: False, "nothing more", patient=False)


class MissionDirectorConfig(WireConfig):
    """Parameters of the node."""

    mission: str = Field("", description="mission of kind route, by its name or a .yaml file; empty = none")
    condition: str = Field("", description="condition to repeat it in, empty = those that the mission names")
    to_m: float = Field(
        0.0, ge=0, le=1e6, description="where on the scene's route it ends, 0 = as the mission says (m)"
    )
    seed: int = Field(1, ge=0, le=2**31 - 1, description="seed of weather, sensors, and what has been moved")
    result: str = Field("", description="file that the result is written to as JSON, empty = none")
    patience_s: float = Field(120.0, gt=0, le=3600, description="real time that nodes and services are waited for (s)")

    def route_mission(self) -> RouteMission:
        """The mission with these changes.

        Raises:
            ConfigError: there is none, it is of another kind, or a condition is unknown.
        """
        mission = load_mission(self.mission)
        if mission.kind != "route" or mission.robots != 1:
            raise ConfigError(f"expected a mission of kind route for one robot, got '{mission.name}', {mission.kind}")
        changes: dict[str, Any] = {"repeat_in": [self.condition]} if self.condition else {}
        changes |= {"to_m": self.to_m} if self.to_m else {}
        for condition in (mission.taught_in, *changes.get("repeat_in", mission.repeat_in)):
            load_condition(condition)
        return mission.model_copy(update=changes)


class MissionDirectorNode(Node):
    """The stage of a `RouteScript`: carries its wishes to the nodes, and shows it and its judge what odometry shows.

    Raises:
        SnnError: a parameter or the mission is wrong.
    """

    def __init__(self, **node_args: Any) -> None:
        super().__init__("mission_director", **OPEN, **node_args)
        self.guard = Guard(self)
        self.parameters = Parameters(self, MissionDirectorConfig, frozenset(), lambda config: None)
        self.config = self.parameters.config
        self.script = self._script() if self.config.mission else None
        self.truth: Truth | None = None
        self.state = ""
        self.orders: dict[str, SensingListener] = {}
        self.commands, self.clearance_m, self.along_m = np.zeros(3), math.inf, 0.0
        self.held: Drive | None = None  # of the pilot, until the robot has measured that instant
        self.measured_s = 0.0
        self.result: dict[str, Any] | None = None
        self.failure = ""
        self.play = self.script.play() if self.script is not None else iter(())
        self.wait = Wait(lambda: True, "the beginning")
        self.waited_s = time.monotonic()
        if self.script is not None:
            self._connect(self.script)
        self.diagnostics = Diagnostics(self, self.guard, self._health, ("odom", "route/state"))

    def _script(self) -> RouteScript:
        try:
            mission = self.config.route_mission()
            scene = load_scene(mission.scene)
        except SnnError as error:
            raise ConfigError(f"{self.get_name()}: {error}") from None
        return RouteScript(mission, self.config.seed, Route(scene.route_m, scene.corner_radius_m), self)

    def _connect(self, script: RouteScript) -> None:
        self.target = self.create_publisher(PointStamped, "target", COMMAND_QOS)
        self.drive = self.create_publisher(WrenchStamped, "drive/pilot", COMMAND_QOS)
        self.told = self.create_publisher(String, "mission/result", STATE_QOS)
        hear: dict[str, tuple[Any, Callable[[Any], None]]] = {
            "odom": (Odometry, lambda message: self._on_odometry(message, script)),
            "clearance": (Float64, self._on_clearance), "command": (WrenchStamped, self._on_command),
            "drive": (WrenchStamped, self._on_drive), "route/state": (String, self._on_state),
            "route/pose": (Odometry, lambda message: self._on_pose(message, script)),
            "place": (PoseWithCovarianceStamped, lambda message: self._on_place(message, script)),
        }  # fmt: skip
        for topic, (kind, callback) in hear.items():
            qos = STATE_QOS if topic == "route/state" else COMMAND_QOS
            self.create_subscription(kind, topic, self.guard(callback), qos)
        self.orders = {stream: SensingListener(self, self.guard, stream) for stream in SENSED}
        self.triggers = {name: self.create_client(Trigger, name) for name in TRIGGERS}
        self.pausing = self.create_client(SetBool, "pause")
        self.tuners = {name: self.create_client(SetParameters, f"{name}/set_parameters") for name in TUNED}
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.timer = self.create_timer(LOOK_S, self.guard(self._go_on), clock=steady)

    def stop(self) -> None:
        """The pilot lets go: the gate goes neutral by itself."""

    def _on_clearance(self, message: Float64) -> None:
        self.clearance_m = float(message.data)

    def _on_command(self, message: WrenchStamped) -> None:
        self.commands[0] = from_wrench(message, self.config.newtons_per_command).value

    def _on_drive(self, message: WrenchStamped) -> None:
        drive = from_drive_wrench(message, self.config.newtons_per_command)
        self.commands[1:] = drive.turn, drive.ahead

    def _on_place(self, message: PoseWithCovarianceStamped, script: RouteScript) -> None:
        if script.judge is not None:
            script.judge.answer(float(message.pose.pose.position.x))

    def _on_pose(self, message: Odometry, script: RouteScript) -> None:
        self.along_m, self.measured_s = float(message.pose.pose.position.x), seconds(message.header.stamp)
        self._fly(script)

    def _fly(self, script: RouteScript) -> None:
        """The pilot's drive for this instant; while he teaches he flies no faster than the robot measures."""
        if self.held is None or (script.recording and self.measured_s < self.held.stamp_s - EARLY_S):
            return
        self.drive.publish(to_drive_wrench(self.held, self.config.newtons_per_command))
        self.held = None

    def _on_state(self, message: String) -> None:
        self.state = str(message.data)

    def _on_odometry(self, message: Odometry, script: RouteScript) -> None:
        truth = truth_of(message, self.clearance_m)
        if not (np.isfinite(truth.position_m).all() and math.isfinite(truth.yaw_rad)):
            return
        self.truth = truth
        aim = PointStamped(header=message.header)
        aim.point.z = float(script.mission.pilot.height_m)
        self.target.publish(aim)
        self.held = script.see(truth, float(message.twist.twist.linear.x), self.along_m)
        self._fly(script)
        if script.judge is not None:
            script.judge.tell(self.state)
            orders = {stream: listener.order for stream, listener in self.orders.items()}
            rates_hz = {stream: order.rate_hz for stream, order in orders.items() if order is not None}
            script.judge.see(truth, self.commands.copy(), rates_hz)
        self._go_on()

    def _go_on(self) -> None:
        """Play the script as far as it goes."""
        if self.failure:
            return
        try:
            while self.wait.holds():
                self.wait, self.waited_s = next(self.play, NOTHING_MORE), time.monotonic()
        except SnnError as error:
            self._fail(str(error))
        if self.result is None and self.script is not None and self.script.is_flown:
            self._finish(self.script)
        if self.wait.patient and time.monotonic() - self.waited_s > self.config.patience_s:
            self._fail(f"waited {self.config.patience_s:g} s for {self.wait.what}")

    def _finish(self, script: RouteScript) -> None:
        self.result = summary(script.flights)
        text = json.dumps(plain(self.result))
        if self.config.result:
            write_atomically(Path(self.config.result), f"{text}\n".encode())
        self.told.publish(String(data=text))
        self.get_logger().info(f"mission {self.result['mission']}: {text}")

    def _fail(self, why: str) -> None:
        self.failure = why
        if self.script is not None:
            self.script.pilot = self.script.judge = None
        self.get_logger().error(f"mission {self.config.mission}: {why}")

    def is_complete(self) -> bool:
        """Whether every service is offered and every link of the chain is there, so that nothing is told in vain."""
        clients = [*self.triggers.values(), self.pausing, *self.tuners.values()]
        connected = all(self.count_publishers(topic) and self.count_subscribers(topic) for topic in CHAIN)
        matched = self.target.get_subscription_count() and self.drive.get_subscription_count()
        return bool(connected and matched and self.truth and all(client.service_is_ready() for client in clients))

    def call(self, service: str) -> Answer:
        """Ask a service for its work."""
        return triggered(self.triggers[service].call_async(Trigger.Request()))

    def pause(self, paused: bool) -> Answer:
        """Let simulated time stand still, or go on."""
        return triggered(self.pausing.call_async(SetBool.Request(data=paused)))

    def set(self, node: str, values: dict[str, Any]) -> Answer:
        """Set parameters of a node, all of them or, where one is refused, none that comes after it."""
        parameters = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
        future = self.tuners[node].call_async(SetParameters.Request(parameters=parameters))

        def answer() -> Reply | None:
            if not future.done():
                return None
            refused = [str(found.reason) for found in future.result().results if not found.successful]
            return Reply(not refused, "; ".join(refused))

        return answer

    def _health(self) -> Health:
        if self.script is None:
            return Health(Level.OK, "no mission")
        values: dict[str, float | int | str] = {"waits_for": self.wait.what, "flights": len(self.script.flights)}
        if self.failure:
            return Health(Level.ERROR, self.failure, values)
        done = "done" if self.result is not None else f"waits for {self.wait.what}"
        return Health(Level.OK, done, values)


def triggered(future: Any) -> Answer:
    """The answer of a service that says success and a message."""

    def answer() -> Reply | None:
        if not future.done():
            return None
        return Reply(bool(future.result().success), str(future.result().message))

    return answer


def truth_of(message: Odometry, clearance_m: float) -> Truth:
    """The truth that a simulated odometry tells; velocities, which are along the hull's axes, are left out."""
    place = message.pose.pose.position
    position = np.array([float(place.x), float(place.y), float(place.z)])
    yaw_rad = yaw_of(message.pose.pose.orientation)
    return Truth(seconds(message.header.stamp), position, yaw_rad, np.zeros(3), clearance_m)


def main() -> int:
    """Run the node until SIGINT or SIGTERM."""
    return run(lambda: [MissionDirectorNode()])
