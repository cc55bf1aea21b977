"""`mission_director`: has a route taught and repeated in a simulated world, by the nodes of a robot, and judges it."""

import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

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
from snn_cli.missions.route_judge import RouteJudge, TaughtPath
from snn_cli.missions.route_mission import SETTLE_S, end_of, summary
from snn_cli.missions.route_pilot import RoutePilot
from snn_control.nodes.route_follower import STATE_QOS
from snn_control.route_follower import FollowerConfig
from snn_core.errors import ConfigError, SnnError
from snn_core.files import write_atomically
from snn_core.nodes.diagnostics import Diagnostics
from snn_core.nodes.guard import Guard
from snn_core.nodes.parameters import OPEN, Parameters
from snn_core.nodes.process import run
from snn_core.nodes.wire import COMMAND_QOS, WireConfig, from_drive_wrench, from_wrench, seconds, to_drive_wrench
from snn_core.signals import Health, Level

TOPICS: tuple[str, ...] = (
    "odom", "clearance", "command", "drive", "place", "place/turn", "route/pose", "route/state", "target",
    "drive/pilot", "mission/result",
)  # fmt: skip
CHAIN = ("range", "imu", "image", "events/points", "velocity", "command", "drive")  # all must be said and heard
TRIGGERS = ("reset", "route/teach", "route/follow", "route/stop", "place/teach", "place/reset")
TUNED = ("robot_world", "route_follower", "place_recognizer")
LOOK_S = 0.05  # of real time
HALT_S = 5.0  # in which the pilot brings the robot to rest
LET_GO_S = 1.0  # after the pilot's last drive, until the gate has forgotten it


class MissionDirectorConfig(WireConfig):
    """Parameters of the node."""

    mission: str = Field("teach_repeat", description="mission of kind route, by its name or a .yaml file")
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


class Wait(NamedTuple):
    """What the script waits for; without patience for as long as it takes."""

    holds: Callable[[], Any]
    what: str
    patient: bool = True


Script = Iterator[Wait]


class MissionDirectorNode(Node):
    """Pilots while it teaches, restarts the world, orders the robot to repeat, and judges what the odometry shows.

    Raises:
        SnnError: a parameter or the mission is wrong.
    """

    def __init__(self, **node_args: Any) -> None:
        super().__init__("mission_director", **OPEN, **node_args)
        self.guard = Guard(self)
        self.parameters = Parameters(self, MissionDirectorConfig, frozenset(), lambda config: None)
        self.config = self.parameters.config
        try:
            self.mission = self.config.route_mission()
            scene = load_scene(self.mission.scene)
        except SnnError as error:
            raise ConfigError(f"{self.get_name()}: {error}") from None
        self.route = Route(scene.route_m, scene.corner_radius_m)
        self.pilot: RoutePilot | None = None
        self.taught = TaughtPath()
        self.judge: RouteJudge | None = None
        self.recording = False
        self.flights: list[dict[str, Any]] = []
        self.result: dict[str, Any] | None = None
        self.failure = ""
        self.truth: Truth | None = None
        self.commands, self.clearance_m, self.along_m = np.zeros(3), math.inf, 0.0
        self.state, self.used = "", False
        self._connect()
        self.script = self._play()
        self.wait = Wait(lambda: True, "the beginning")
        self.waited_s = time.monotonic()
        self.timer = self.create_timer(LOOK_S, self.guard(self._go_on), clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.diagnostics = Diagnostics(self, self.guard, self._health, ("odom", "route/state"))

    def _connect(self) -> None:
        self.target = self.create_publisher(PointStamped, "target", COMMAND_QOS)
        self.drive = self.create_publisher(WrenchStamped, "drive/pilot", COMMAND_QOS)
        self.told = self.create_publisher(String, "mission/result", STATE_QOS)
        hear: dict[str, tuple[Any, Callable[[Any], None]]] = {
            "odom": (Odometry, self._on_odometry), "clearance": (Float64, self._on_clearance),
            "command": (WrenchStamped, self._on_command), "drive": (WrenchStamped, self._on_drive),
            "place": (PoseWithCovarianceStamped, self._on_place),
            "place/turn": (PoseWithCovarianceStamped, self._on_turn),
            "route/pose": (Odometry, self._on_pose), "route/state": (String, self._on_state),
        }  # fmt: skip
        for topic, (kind, callback) in hear.items():
            qos = STATE_QOS if topic == "route/state" else COMMAND_QOS
            self.create_subscription(kind, topic, self.guard(callback), qos)
        self.triggers = {name: self.create_client(Trigger, name) for name in TRIGGERS}
        self.pausing = self.create_client(SetBool, "pause")
        self.tuners = {name: self.create_client(SetParameters, f"{name}/set_parameters") for name in TUNED}

    def stop(self) -> None:
        """The pilot lets go: the gate goes neutral by itself."""

    def _on_clearance(self, message: Float64) -> None:
        self.clearance_m = float(message.data)

    def _on_command(self, message: WrenchStamped) -> None:
        self.commands[0] = from_wrench(message, self.config.newtons_per_command).value

    def _on_drive(self, message: WrenchStamped) -> None:
        drive = from_drive_wrench(message, self.config.newtons_per_command)
        self.commands[1:] = drive.turn, drive.ahead

    def _on_place(self, message: PoseWithCovarianceStamped) -> None:
        self.used = True
        if self.judge is not None:
            self.judge.answer(float(message.pose.pose.position.x))

    def _on_turn(self, _: PoseWithCovarianceStamped) -> None:
        self.used = True

    def _on_pose(self, message: Odometry) -> None:
        self.along_m = float(message.pose.pose.position.x)

    def _on_state(self, message: String) -> None:
        self.state = str(message.data)

    def _on_odometry(self, message: Odometry) -> None:
        self.truth = truth = truth_of(message, self.clearance_m)
        aim = PointStamped()
        aim.header.stamp, aim.point.z = message.header.stamp, float(self.mission.pilot.height_m)
        self.target.publish(aim)
        if self.pilot is not None:
            forward = float(message.twist.twist.linear.x)
            drive = self.pilot.drive(truth.position_m, truth.yaw_rad, forward, truth.time_s)
            self.drive.publish(to_drive_wrench(drive, self.config.newtons_per_command))
        if self.recording:
            self.taught.add(truth, self.along_m)
        if self.judge is not None:
            self.judge.tell(self.state)
            self.judge.see(truth, self.commands.copy(), self.used)
            self.used = False
        self._go_on()

    def _go_on(self) -> None:
        """Play the script as far as it goes."""
        if self.result is not None or self.failure:
            return
        try:
            while self.wait.holds():
                self.wait, self.waited_s = next(self.script), time.monotonic()
        except StopIteration:
            return
        except SnnError as error:
            self._fail(str(error))
        if self.wait.patient and time.monotonic() - self.waited_s > self.config.patience_s:
            self._fail(f"waited {self.config.patience_s:g} s for {self.wait.what}")

    def _fail(self, why: str) -> None:
        self.failure = why
        self.pilot = self.judge = None
        self.get_logger().error(f"mission {self.mission.name}: {why}")

    def _play(self) -> Script:
        """The mission from its beginning to its end."""
        mission = self.mission
        yield Wait(self._is_complete, "every node of the robot and its world")
        yield from self._tune()
        yield from self._teach()
        for condition in mission.repeat_in or [mission.condition]:
            yield from self._repeat(condition)
        self.result = summary(self.flights)
        text = json.dumps(self.result, default=float)
        if self.config.result:
            write_atomically(Path(self.config.result), f"{text}\n".encode())
        self.told.publish(String(data=text))
        self.get_logger().info(f"mission {mission.name}: {text}")

    def _is_complete(self) -> bool:
        clients = [*self.triggers.values(), self.pausing, *self.tuners.values()]
        connected = all(self.count_publishers(topic) and self.count_subscribers(topic) for topic in CHAIN)
        matched = self.target.get_subscription_count() and self.drive.get_subscription_count()
        return bool(connected and matched and self.truth and all(client.service_is_ready() for client in clients))

    def _tune(self) -> Script:
        """What the mission says about the robot's nodes; they have the same settings as without ROS."""
        mission = self.mission
        follower = {name: getattr(mission.follower, name) for name in FollowerConfig.model_fields}
        yield from self._set("route_follower", {**follower, "spacing_m": mission.spacing_m, "settle_s": SETTLE_S})
        places = {
            "rate_hz": 1.0 / mission.place_every_s, "turn_rate_hz": 1.0 / mission.shift_every_s,
            "min_correlation": mission.min_correlation, "sequence": mission.sequence, "slowest": 0.2, "fastest": 1.4,
            "min_probability": 0.2,
        }  # fmt: skip
        yield from self._set("place_recognizer", places)

    def _teach(self) -> Script:
        """The pilot flies along the scene's route; the robot measures and learns."""
        mission = self.mission
        self.pilot = pilot = RoutePilot(self.route, mission.follower.speed_mps, mission.robot.dt_s)
        yield from self._restart(mission.taught_in, self.config.seed, 0.0, 0.0, "route/stop")
        yield from self._pass(SETTLE_S)
        yield from self._call("route/teach")
        self.recording, pilot.moving, end_m = True, True, end_of(mission, self.route)
        limit_s = self._time_s() + SETTLE_S + 3.0 * (end_m - mission.from_m) / mission.follower.speed_mps
        yield Wait(lambda: pilot.reached_m >= end_m or self._time_s() > limit_s, "the pilot", patient=False)
        self.recording = False
        yield from self._call("route/stop")
        yield from self._halt()
        if pilot.reached_m < end_m:
            raise SnnError(f"the pilot reached {pilot.reached_m:.1f} m of {end_m:.1f} m; does the drive get through?")

    def _repeat(self, condition: str) -> Script:
        """The robot flies the route by itself."""
        mission, seed = self.mission, self.config.seed
        beside = np.random.default_rng([seed, 3]).uniform(-1.0, 1.0, 2) * (mission.beside_m, mission.turned_rad)
        yield from self._restart(condition, seed, float(beside[0]), float(beside[1]), "route/follow")
        self.judge = judge = RouteJudge(mission, condition, seed, self.taught)
        yield Wait(lambda: judge.over, "the robot", patient=False)
        self.judge = None
        self.flights.append(judge.result())
        yield from self._call("route/stop")
        yield from self._halt()

    def _halt(self) -> Script:
        """The pilot brings the robot to rest, so that it does not remember a speed that it has no more, and lets go."""
        self.pilot = RoutePilot(self.route, self.mission.follower.speed_mps, self.mission.robot.dt_s)
        yield from self._pass(HALT_S)
        self.pilot = None
        yield from self._pass(LET_GO_S)

    def _restart(self, condition: str, seed: int, left_m: float, turned_rad: float, order: str) -> Script:
        """The world begins anew, and the robot with an order; time stands still meanwhile."""
        mission = self.mission
        yield from self._pause(True)
        wind_x, wind_y = mission.robot.wind_mps
        start = {
            "scene": mission.scene, "condition": condition, "seed": seed, "along_m": mission.from_m, "left_m": left_m,
            "turned_rad": turned_rad, "start_height_m": mission.pilot.height_m, "wind_x_mps": wind_x,
            "wind_y_mps": wind_y, "draft_mps": mission.robot.draft_mps, "buoyancy_mps2": mission.robot.buoyancy_mps2,
        }  # fmt: skip
        yield from self._set("robot_world", start)
        yield from self._call("reset")
        yield from self._call(order)
        wanted = {"route/follow": "following"}.get(order, "idle")
        yield Wait(lambda: self.state == wanted, f"route/state to be {wanted}")
        yield from self._pause(False)
        seen = self.truth
        yield Wait(lambda: self.truth is not seen, "odom")

    def _pass(self, seconds_s: float) -> Script:
        begun_s = self._time_s()
        yield Wait(lambda: self._time_s() >= begun_s + seconds_s, "simulated time to pass")

    def _time_s(self) -> float:
        return self.truth.time_s if self.truth is not None else 0.0

    def _call(self, name: str) -> Script:
        future = self.triggers[name].call_async(Trigger.Request())
        yield Wait(future.done, f"an answer of {name}")
        answer = future.result()
        if answer is None or not answer.success:
            raise SnnError(f"{name}: {answer.message if answer is not None else 'no answer'}")
        self.get_logger().info(f"{name}: {answer.message}")

    def _pause(self, paused: bool) -> Script:
        future = self.pausing.call_async(SetBool.Request(data=paused))
        yield Wait(future.done, "an answer of pause")

    def _set(self, node: str, values: dict[str, Any]) -> Script:
        parameters = [Parameter(name, value=value).to_parameter_msg() for name, value in values.items()]
        future = self.tuners[node].call_async(SetParameters.Request(parameters=parameters))
        yield Wait(future.done, f"{node} to take its parameters")
        answer = future.result()
        refused = (
            [found.reason for found in answer.results if not found.successful] if answer is not None else ["no answer"]
        )
        if refused:
            raise SnnError(f"{node}: {refused[0]}")

    def _health(self) -> Health:
        values: dict[str, float | int | str] = {"waits_for": self.wait.what, "flights": len(self.flights)}
        if self.failure:
            return Health(Level.ERROR, self.failure, values)
        done = "done" if self.result is not None else f"waits for {self.wait.what}"
        return Health(Level.OK, done, values)


def truth_of(message: Odometry, clearance_m: float) -> Truth:
    """The truth that a simulated odometry tells; velocities along the hull's axes are left out."""
    place, turn = message.pose.pose.position, message.pose.pose.orientation
    w, x, y, z = (float(value) for value in (turn.w, turn.x, turn.y, turn.z))
    yaw = math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
    position = np.array([float(place.x), float(place.y), float(place.z)])
    return Truth(seconds(message.header.stamp), position, yaw, np.zeros(3), clearance_m)


def main() -> int:
    """Run the node until SIGINT or SIGTERM."""
    return run(lambda: [MissionDirectorNode()])
