"""`route_follower`: learns a route while somebody flies it, and flies it again by what the robot measures and sees."""

import math
from pathlib import Path
from typing import Any

from geometry_msgs.msg import PoseWithCovarianceStamped, TwistWithCovarianceStamped, WrenchStamped
from nav_msgs.msg import Odometry
from pydantic import Field
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Imu
from std_msgs.msg import String
from std_srvs.srv import Trigger

from snn_control.drive_control import DriveControl, pid_drive, spiking_drive
from snn_control.route_loop import RouteLoop, RouteLoopConfig
from snn_control.route_steps import RoutePose, RouteState, RouteStep
from snn_control.taught_route import TaughtRoute
from snn_core.attitude import Attitude
from snn_core.errors import ConfigError, SnnError
from snn_core.frames import BASE_FRAME
from snn_core.nodes.diagnostics import Diagnostics
from snn_core.nodes.guard import Guard
from snn_core.nodes.parameters import OPEN, Parameters
from snn_core.nodes.process import run
from snn_core.nodes.sources import Sources
from snn_core.nodes.triggers import serve_trigger
from snn_core.nodes.wire import COMMAND_QOS, SENSOR_QOS, WireConfig, now_s, seconds, stamp, to_drive_wrench
from snn_core.signals import Health, Verdict

TOPICS: tuple[str, ...] = (
    "velocity", "imu", "place", "place/turn", "route/pose", "route/state", "drive/snn", "drive/pid", "route/teach",
    "route/follow", "route/stop", "route/save", "place/teach", "place/forget", "place/reset",
    "place/save",
)  # fmt: skip
STATE_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
PLACE_SERVICES = ("teach", "forget", "reset", "save")
SAY_S = 1.0
PLACE_PATIENCE_S = 2.0  # silence of a source of places after which another one is listened to


class RouteFollowerConfig(RouteLoopConfig, WireConfig):
    """Parameters of the node."""

    route: str = Field("", description="route file to begin with, empty = none yet")
    save_path: str = Field("", description="file that route/save writes, empty = the one of route")
    frame: str = Field(
        "route", description="frame of route/pose and of the poses of places: x = metres along the route"
    )
    networks: bool = Field(False, description="spiking networks too, on drive/snn; the PIDs speak on drive/pid always")
    heading_model: str = Field("default", description="networks that hold the heading: 'default' or a model file")
    speed_model: str = Field("default", description="networks that hold the speed: 'default' or a model file")
    velocity_patience_s: float = Field(
        0.05, ge=0.001, le=5, description="real time that a step waits for its velocity (s)"
    )


FIXED = frozenset(
    {"dt_s", "route", "frame", "networks", "heading_model", "speed_model", "velocity_patience_s", "newtons_per_command"}
)


class RouteFollowerNode(Node):
    """Steps once per period of the gyro, when the velocity of the period has come or patience ends.

    Raises:
        SnnError: a parameter is wrong, or the route or a model cannot be used.
    """

    def __init__(self, **node_args: Any) -> None:
        super().__init__("route_follower", **OPEN, **node_args)
        self.guard = Guard(self, self._publish_neutral)
        self.loop: RouteLoop | None = None
        live = frozenset(RouteFollowerConfig.model_fields) - FIXED
        self.parameters = Parameters(self, RouteFollowerConfig, live, self._change)
        self.loop = self._build()
        self.said: RouteState | None = None
        self.asked: Any = None  # what place_recognizer is doing for a route that is taught
        self.drives = {
            owner: self.create_publisher(WrenchStamped, f"drive/{owner}", COMMAND_QOS) for owner in self.loop.controls
        }
        self.pose = self.create_publisher(Odometry, "route/pose", COMMAND_QOS)
        self.state = self.create_publisher(String, "route/state", STATE_QOS)
        self._listen()
        self.places = {
            name: self.create_client(Trigger, f"place/{name}") for name in ("teach", "forget", "reset", "save")
        }
        for name, work in (
            ("teach", self._teach),
            ("follow", self._follow),
            ("stop", self._stop),
            ("save", self._save),
        ):
            serve_trigger(self, self.guard, f"route/{name}", work, self._say)
        self._make_timers()
        self.diagnostics = Diagnostics(self, self.guard, self._health, ("velocity", "imu", "place"), self.sources)
        self._say()

    def _build(self) -> RouteLoop:
        config = self.parameters.config
        try:
            route = TaughtRoute.load(Path(config.route)) if config.route else None
            return RouteLoop(config, controls_of(config), route)
        except SnnError as error:
            raise ConfigError(f"{self.get_name()}: {error}") from None

    def _listen(self) -> None:
        config = self.parameters.config
        self.sources = Sources(self, self.guard)
        self.sources.subscribe(TwistWithCovarianceStamped, "velocity", self._on_velocity, SENSOR_QOS, config.silence_s)
        self.sources.subscribe(Imu, "imu", self._on_imu, SENSOR_QOS, config.max_imu_age_s)
        self.sources.subscribe(PoseWithCovarianceStamped, "place", self._on_place, SENSOR_QOS, PLACE_PATIENCE_S)
        self.sources.subscribe(PoseWithCovarianceStamped, "place/turn", self._on_turn, SENSOR_QOS, PLACE_PATIENCE_S)

    def _make_timers(self) -> None:
        """Of real time: silence must be noticed whatever the clock does."""
        config, steady = self.parameters.config, Clock(clock_type=ClockType.STEADY_TIME)
        self.waiting = self.create_timer(config.velocity_patience_s, self.guard(self._on_patience), clock=steady)
        self.waiting.cancel()
        self.watching = self.create_timer(config.dt_s, self.guard(self._on_watch), clock=steady)
        self.saying = self.create_timer(SAY_S, self.guard(self._say), clock=steady)

    def stop(self) -> None:
        """Nothing moves any more: the last word is neutral, and the gate goes neutral when silence follows."""
        self._publish_neutral()

    def _change(self, config: RouteFollowerConfig) -> None:
        if self.loop is not None:
            self.loop.configure(config)

    def _loop(self) -> RouteLoop:
        if self.loop is None:
            raise SnnError("expected a loop, found none yet; wait for the node to start")
        return self.loop

    def _on_imu(self, message: Imu) -> None:
        told = float(message.angular_velocity_covariance[0]) != -1.0  # how a message says that it has none
        turn_radps = float(message.angular_velocity.z) if told else math.nan
        self._loop().take_imu(turn_radps, seconds(message.header.stamp), now_s(self))
        self._advance()

    def _on_velocity(self, message: TwistWithCovarianceStamped) -> None:
        linear, frame = message.twist.twist.linear, str(message.header.frame_id)
        if frame not in ("", BASE_FRAME):
            self._loop().refuse("velocity", Verdict.WRONG_FRAME, f"frame {frame[:40]!r}, expected {BASE_FRAME!r}")
            return
        self._loop().take_velocity(float(linear.x), float(linear.y), seconds(message.header.stamp), now_s(self))
        self._advance()

    def _on_place(self, message: PoseWithCovarianceStamped) -> None:
        if self._of_route("place", message):
            along_m = float(message.pose.pose.position.x)
            self._loop().take_place(along_m, seconds(message.header.stamp), now_s(self))

    def _on_turn(self, message: PoseWithCovarianceStamped) -> None:
        if self._of_route("place/turn", message):
            turn, along_m = yaw_of(message.pose.pose.orientation), float(message.pose.pose.position.x)
            self._loop().take_turn(turn, along_m, seconds(message.header.stamp), now_s(self))

    def _of_route(self, name: str, message: PoseWithCovarianceStamped) -> bool:
        """Whether a pose is one along the route; places that were taught otherwise have other frames."""
        frame, expected = str(message.header.frame_id), self.parameters.config.frame
        if frame != expected:
            self._loop().refuse(name, Verdict.WRONG_FRAME, f"frame {frame[:40]!r}, expected {expected!r}")
        return frame == expected

    def _advance(self) -> None:
        """Step where a period is over and complete; else begin to wait for what is missing."""
        loop = self._loop()
        if loop.due and loop.complete:
            self._step()
        elif loop.due and self.waiting.is_canceled():
            self.waiting.reset()

    def _on_patience(self) -> None:
        self.waiting.cancel()
        if self._loop().due:
            self._step()

    def _on_watch(self) -> None:
        step = self._loop().watch(now_s(self))
        if step is not None:
            self._publish(step)

    def _step(self) -> None:
        self.waiting.cancel()
        self._publish(self._loop().step(now_s(self)))

    def _publish(self, step: RouteStep) -> None:
        loop = self._loop()
        for owner, drive in step.drives.items():
            self.drives[owner].publish(to_drive_wrench(drive, self.parameters.config.newtons_per_command))
        if loop.pose is not None:
            self.pose.publish(pose_message(loop.pose, step.stamp_s, self.parameters.config.frame))
        if loop.state is not self.said:
            self._say()
        if step.place_due:
            self._teach_place()

    def _publish_neutral(self) -> None:
        for owner, drive in self._loop().neutral_at(now_s(self)).items():
            self.drives[owner].publish(to_drive_wrench(drive, self.parameters.config.newtons_per_command))

    def _say(self) -> None:
        loop = self._loop()
        if loop.state is not self.said:
            self.get_logger().info(f"{loop.state.value} {loop.cause}".strip())
        self.said = loop.state
        self.state.publish(String(data=loop.state.value))

    def _teach_place(self) -> None:
        """Ask for one place at a time; one that is refused is asked for again."""
        client = self.places["teach"]
        if self.asked is not None:
            return
        if not client.service_is_ready():
            self._loop().place_taught(f"nobody offers {client.srv_name}; start place_recognizer, or fly without places")
            return
        self.asked = client.call_async(Trigger.Request())
        self.asked.add_done_callback(self.guard(self._on_place_taught))

    def _on_place_taught(self, future: Any) -> None:
        if self.asked is not future:  # of a route that was given up meanwhile
            return
        self.asked = None
        answer = future.result()
        if answer is not None:
            self._loop().place_taught("" if answer.success else str(answer.message))

    def _ask_places(self, name: str) -> str:
        """Ask the place recogniser along; what it answers is logged. No place is taught before it has forgotten."""
        client = self.places[name]
        if not client.service_is_ready():
            return f"; nobody offers {client.srv_name}"

        def answered(future: Any) -> None:
            answer = future.result()
            self.asked = None if self.asked is future else self.asked
            self.get_logger().info(f"{client.srv_name}: {answer.message if answer is not None else 'no answer'}")

        future = client.call_async(Trigger.Request())
        self.asked = future if name == "forget" else self.asked
        future.add_done_callback(self.guard(answered))
        return ""

    def _teach(self) -> str:
        self._publish_neutral()
        self._loop().teach()
        return "a route begins here" + self._ask_places("forget")

    def _follow(self) -> str:
        self._loop().follow()
        return "the taught route begins here" + self._ask_places("reset")

    def _stop(self) -> str:
        self._publish_neutral()
        loop = self._loop()
        loop.stop()
        return f"stopped; {loop.route.length_m:.1f} m are taught" if loop.route else "stopped; no route is taught"

    def _save(self) -> str:
        route, config = self._loop().route, self.parameters.config
        path = config.save_path or config.route
        if route is None or not path:
            missing = "taught route" if route is None else "path to save to"
            raise SnnError(f"expected a {missing}, found none; call route/stop after teaching, set save_path or route")
        route.save(Path(path))
        return f"{route.length_m:.1f} m written to {path}" + self._ask_places("save")

    def _health(self) -> Health:
        return self._loop().health()


def controls_of(config: RouteFollowerConfig) -> dict[str, DriveControl]:
    """The drive controllers by owner.

    Raises:
        ModelError: a model file cannot be used.
    """
    pids = {"pid": pid_drive(config.dt_s)}
    return (
        {"snn": spiking_drive(config.dt_s, config.heading_model, config.speed_model), **pids}
        if config.networks
        else pids
    )


def yaw_of(turn: Any) -> float:
    """Yaw of a quaternion message, to the left; NaN where it is none."""
    return Attitude(float(turn.x), float(turn.y), float(turn.z), float(turn.w)).yaw_rad


def pose_message(pose: RoutePose, stamp_s: float, frame: str) -> Odometry:
    """Along the route as x, to the left of it as y, heading relative to the taught one as yaw."""
    message = Odometry(child_frame_id=BASE_FRAME)
    message.header.stamp, message.header.frame_id = stamp(stamp_s), frame
    place, turn = message.pose.pose.position, message.pose.pose.orientation
    place.x, place.y = float(pose.along_m), float(pose.left_m)
    turn.z, turn.w = math.sin(0.5 * pose.heading_rad), math.cos(0.5 * pose.heading_rad)
    if math.isfinite(pose.forward_mps):
        message.twist.twist.linear.x = float(pose.forward_mps)
    return message


def main() -> int:
    """Run the node until SIGINT or SIGTERM."""
    return run(lambda: [RouteFollowerNode()])
