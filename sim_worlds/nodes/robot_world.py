"""`robot_world`: the whole robot in a scene, with every sensor, and the clock that everybody else follows."""

import math
from typing import Any

from geometry_msgs.msg import WrenchStamped
from nav_msgs.msg import Odometry
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock as ClockMessage
from sensor_msgs.msg import CameraInfo, Image, Imu, PointCloud2, Range
from std_msgs.msg import Float64
from std_srvs.srv import SetBool, Trigger

from sim_worlds.nodes.pace import PaceConfig
from sim_worlds.nodes.robot_messages import (
    camera_info,
    image_of,
    imu_of,
    odometry_of,
    packet_of,
    points_of,
    range_of,
    transform_of,
)
from sim_worlds.robot import Senses
from sim_worlds.robot_faults import FaultConfig
from sim_worlds.robot_flight import AT_RESET, RobotFlight, RobotFlightConfig
from snn_core.errors import ConfigError, SnnError
from snn_core.frames import CAMERA_FRAME, EVENT_FRAME
from snn_core.nodes.diagnostics import Diagnostics
from snn_core.nodes.guard import Guard
from snn_core.nodes.parameters import OPEN, Parameters
from snn_core.nodes.process import run
from snn_core.nodes.wire import COMMAND_QOS, WireConfig, from_drive_wrench, from_wrench, stamp
from snn_core.signals import Command, Health

TOPICS: tuple[str, ...] = (
    "command", "drive", "range", "image", "camera_info", "events", "events/points", "events/camera_info", "imu", "odom",
    "clearance",
)  # fmt: skip


class RobotWorldConfig(PaceConfig, RobotFlightConfig, WireConfig):
    """Parameters of the node."""


class RobotWorldNode(Node):
    """Publishes an instant, the clock first and the range last, then flies until the next one.

    In lock step it flies on when the command for the instant has arrived, and the drive where somebody drives; or when
    patience ends.

    Raises:
        SnnError: a parameter is wrong, or the scene cannot be used.
    """

    def __init__(self, **node_args: Any) -> None:
        super().__init__("robot_world", **OPEN, **node_args)
        self.guard = Guard(self)
        self.flight: RobotFlight | None = None
        live = frozenset(FaultConfig.model_fields) | AT_RESET
        self.parameters = Parameters(self, RobotWorldConfig, live, self._change)
        config = self.parameters.config
        self.get_logger().info(f"building {config.scene} in {config.condition}")
        try:
            self.flight = RobotFlight(config)
        except SnnError as error:
            raise ConfigError(f"{self.get_name()}: {error}") from None
        self.paused, self.unanswered = config.paused, 0
        self.answered: set[str] = set()  # axes that have their command for this instant
        self.driven, self.drive_s = -1, 0.0  # period in which a drive came that was new, and its stamp
        self.lock_step = config.real_time_factor == 0.0
        self._make_publishers()
        self.create_subscription(WrenchStamped, "command", self.guard(self._on_command), COMMAND_QOS)
        self.create_subscription(WrenchStamped, "drive", self.guard(self._on_drive), COMMAND_QOS)
        self.create_service(SetBool, "pause", self.guard(self._on_pause))
        self.create_service(Trigger, "reset", self.guard(self._on_reset))
        self.create_service(Trigger, "step", self.guard(self._on_step))
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.timer = self.create_timer(config.timer_s(config.dt_s), self.guard(self._on_timer), clock=steady)
        self.diagnostics = Diagnostics(self, self.guard, self._health, ("command", "drive"))

    def _make_publishers(self) -> None:
        qos: QoSProfile = COMMAND_QOS
        self.clock = self.create_publisher(ClockMessage, "/clock", qos)
        self.odom = self.create_publisher(Odometry, "odom", qos)
        self.imu = self.create_publisher(Imu, "imu", qos)
        self.image = self.create_publisher(Image, "image", qos)
        self.camera_info = self.create_publisher(CameraInfo, "camera_info", qos)
        self.points = self.create_publisher(PointCloud2, "events/points", qos)
        self.event_camera_info = self.create_publisher(CameraInfo, "events/camera_info", qos)
        self.packets = self._packet_publisher()
        self.range = self.create_publisher(Range, "range", qos)
        self.clearance = self.create_publisher(Float64, "clearance", qos)
        self.transforms = self._transform_publisher()

    def _transform_publisher(self) -> Any:
        try:
            from tf2_msgs.msg import TFMessage
        except ImportError:
            self.get_logger().info("tf2_msgs is not installed: no /tf")
            return None
        return self.create_publisher(TFMessage, "/tf", COMMAND_QOS)

    def _packet_publisher(self) -> Any:
        try:
            from event_camera_msgs.msg import EventPacket
        except ImportError:
            self.get_logger().info("event_camera_msgs is not installed: events as points only")
            return None
        return self.create_publisher(EventPacket, "events", COMMAND_QOS)

    def pause(self, paused: bool) -> None:
        """Stop or continue simulated time."""
        self.paused = paused

    def stop(self) -> None:
        """Nothing to make safe in a simulation."""

    def _flight(self) -> RobotFlight:
        if self.flight is None:
            raise SnnError("expected a scene, found none yet; wait for the node to start")
        return self.flight

    def _change(self, config: RobotWorldConfig) -> None:
        config.check_place()
        if self.flight is not None:
            self.flight.config = config

    def _on_pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self.pause(bool(request.data))
        response.success, response.message = True, "paused" if self.paused else "flying"
        return response

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        flight = self._flight()
        flight.reset()
        self.driven = -1
        response.success, response.message = True, f"at rest at the start, in {flight.config.condition}; time goes on"
        return response

    def _on_step(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self.paused
        response.message = "one period" if self.paused else "expected a paused world; call pause first"
        if self.paused:
            self._advance()
        return response

    def _on_command(self, message: WrenchStamped) -> None:
        command = from_wrench(message, self.parameters.config.newtons_per_command)
        self._answer("altitude", self._flight().offer("altitude", command))

    def _on_drive(self, message: WrenchStamped) -> None:
        """Thrust ahead (force x) and moment to the left (torque z)."""
        drive, flight = from_drive_wrench(message, self.parameters.config.newtons_per_command), self._flight()
        if drive.stamp_s > self.drive_s:
            self.driven, self.drive_s = flight.ticks, drive.stamp_s
        ahead = flight.offer("speed", Command(drive.ahead, drive.stamp_s))
        turn = flight.offer("heading", Command(drive.turn, drive.stamp_s))
        self._answer("drive", ahead and turn)

    def _answer(self, axis: str, fresh: bool) -> None:
        """In lock step: fly on when every axis that is commanded has its command for this instant.

        A drive is waited for where one came in the period before; one that is only repeated says that nobody drives.
        """
        if fresh:
            self.answered.add(axis)
        driving = 0 <= self._flight().ticks - self.driven <= 1
        needed = {"altitude", "drive"} if driving else {"altitude"}
        if fresh and self.lock_step and not self.paused and needed <= self.answered:
            self._advance()

    def _on_timer(self) -> None:
        if not self.paused:
            self.unanswered += self.lock_step
            self._advance()

    def _advance(self) -> None:
        self.answered.clear()
        senses = self._flight().advance()
        if self.lock_step:
            self.timer.reset()
        config, time = self.parameters.config, stamp(senses.time_s)
        self.clock.publish(ClockMessage(clock=time))
        odometry = odometry_of(self._flight().pose(), time)
        self.odom.publish(odometry)
        if self.clearance.get_subscription_count():
            self.clearance.publish(Float64(data=float(self._flight().robot.truth().clearance_m)))
        if self.transforms is not None:
            self.transforms.publish(transform_of(odometry))
        self.imu.publish(imu_of(senses, time))
        self.image.publish(image_of(senses, time))
        rows, columns = senses.image.shape
        self.camera_info.publish(camera_info((rows, columns), config.fov_rad, time, CAMERA_FRAME))
        self._publish_events(senses)
        if not math.isnan(senses.range_m):
            self.range.publish(range_of(senses.range_m, config.lidar_max_m, time))

    def _publish_events(self, senses: Senses) -> None:
        """The events of the period that ends now, as points, and as a packet where that message is installed."""
        config, flight = self.parameters.config, self._flight()
        begun = stamp(senses.time_s - config.dt_s)
        base_us = round(flight.robot.time_s * 1e6) - round(config.dt_s * 1e6)
        eye = flight.robot.config
        info = camera_info((eye.event_height, eye.event_width), eye.event_fov_rad, stamp(senses.time_s), EVENT_FRAME)
        self.event_camera_info.publish(info)
        self.points.publish(points_of(senses.events, base_us, begun))
        if self.packets is not None:
            size = config.event_width, config.event_height
            packet = packet_of(self.packets.msg_type, senses.events, base_us, begun, size, flight.ticks)
            self.packets.publish(packet)

    def _health(self) -> Health:
        return self._flight().health({"unanswered": self.unanswered})


def main() -> int:
    """Run the node until SIGINT or SIGTERM."""
    return run(lambda: [RobotWorldNode()])
