"""`robot_world`: the whole robot in a scene, with every sensor, and the clock that everybody else follows."""

import array
import math
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import WrenchStamped
from nav_msgs.msg import Odometry
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock as ClockMessage
from sensor_msgs.msg import CameraInfo, Image, Imu, PointCloud2, PointField, Range
from std_msgs.msg import Float64
from std_srvs.srv import SetBool, Trigger

from sim_worlds.nodes.pace import PaceConfig
from sim_worlds.robot import Senses
from sim_worlds.robot_flight import AT_RESET, FaultConfig, RobotFlight, RobotFlightConfig
from snn_core.errors import ConfigError, SnnError
from snn_core.nodes.diagnostics import Diagnostics
from snn_core.nodes.guard import Guard
from snn_core.nodes.parameters import OPEN, Parameters
from snn_core.nodes.process import run
from snn_core.nodes.wire import BASE_FRAME, COMMAND_QOS, WireConfig, from_drive_wrench, from_wrench, stamp
from snn_core.signals import Command, Health

TOPICS: tuple[str, ...] = (
    "command", "drive", "range", "image", "camera_info", "events/points", "events/camera_info", "imu", "odom",
    "clearance",
)  # fmt: skip
WORLD_FRAME, CAMERA_FRAME, LIDAR_FRAME, IMU_FRAME = "odom", "camera_optical_frame", "range_link", "imu_link"
EVENT_FRAME = "event_camera_optical_frame"
LIDAR_VIEW_RAD = 0.035
POINT_STEP = 9
POINT_LAYOUT = np.dtype(
    {"names": ["x", "y", "t", "p"], "formats": ["<u2", "<u2", "<u4", "u1"], "offsets": [0, 2, 4, 8], "itemsize": 9}
)
POINT_FIELDS = [
    PointField(name="x", offset=0, datatype=PointField.UINT16, count=1),
    PointField(name="y", offset=2, datatype=PointField.UINT16, count=1),
    PointField(name="t", offset=4, datatype=PointField.UINT32, count=1),
    PointField(name="p", offset=8, datatype=PointField.UINT8, count=1),
]


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
        self.events = self.create_publisher(PointCloud2, "events/points", qos)
        self.event_camera_info = self.create_publisher(CameraInfo, "events/camera_info", qos)
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
        time = stamp(senses.time_s)
        self.clock.publish(ClockMessage(clock=time))
        self._publish_odometry(time)
        self._publish_imu(senses, time)
        self._publish_image(senses, time)
        self._publish_events(senses, time)
        self._publish_range(senses, time)

    def _publish_odometry(self, time: Time) -> None:
        pose = self._flight().pose()
        message = Odometry(child_frame_id=BASE_FRAME)
        message.header.stamp, message.header.frame_id = time, WORLD_FRAME
        place, turn = message.pose.pose.position, message.pose.pose.orientation
        place.x, place.y, place.z = (float(value) for value in pose.position_m)
        turn.w, turn.x, turn.y, turn.z = (float(value) for value in pose.attitude)
        linear, angular = message.twist.twist.linear, message.twist.twist.angular
        linear.x, linear.y, linear.z = (float(value) for value in pose.velocity_mps)
        angular.x, angular.y, angular.z = (float(value) for value in pose.spin_radps)
        self.odom.publish(message)
        if self.clearance.get_subscription_count():
            self.clearance.publish(Float64(data=float(self._flight().robot.truth().clearance_m)))
        if self.transforms is not None:
            self.transforms.publish(transform_of(message))

    def _publish_imu(self, senses: Senses, time: Time) -> None:
        message = Imu()
        message.header.stamp, message.header.frame_id = time, IMU_FRAME
        message.orientation_covariance[0] = -1.0  # not measured
        turn, force = message.angular_velocity, message.linear_acceleration
        turn.x, turn.y, turn.z = (float(value) for value in senses.gyro_radps)
        force.x, force.y, force.z = (float(value) for value in senses.accel_mps2)
        self.imu.publish(message)

    def _publish_image(self, senses: Senses, time: Time) -> None:
        rows, columns = senses.image.shape
        message = Image(height=rows, width=columns, encoding="mono8", step=columns)
        message.header.stamp, message.header.frame_id = time, CAMERA_FRAME
        message.data = array.array("B", senses.image.tobytes())
        self.image.publish(message)
        self.camera_info.publish(camera_info(rows, columns, self.parameters.config.fov_rad, time, CAMERA_FRAME))

    def _publish_events(self, senses: Senses, time: Time) -> None:
        config, events = self._flight().robot.config, senses.events
        begun_us = round((senses.time_s - config.dt_s) * 1e6)
        points = np.zeros(len(events.x), POINT_LAYOUT)
        flown_us = round(self._flight().robot.time_s * 1e6) - round(config.dt_s * 1e6)
        points["x"], points["y"], points["p"] = events.x, events.y, events.on
        points["t"] = np.maximum(events.t_us - flown_us, 0)
        message = PointCloud2(
            height=1, width=len(points), point_step=POINT_STEP, row_step=POINT_STEP * len(points), is_dense=True
        )
        message.header.stamp, message.header.frame_id = stamp(begun_us * 1e-6), EVENT_FRAME
        message.fields = POINT_FIELDS
        message.data = array.array("B", points.tobytes())
        size = config.event_height, config.event_width
        self.event_camera_info.publish(camera_info(*size, config.event_fov_rad, time, EVENT_FRAME))
        self.events.publish(message)

    def _publish_range(self, senses: Senses, time: Time) -> None:
        if math.isnan(senses.range_m):
            return
        reading = Range(radiation_type=Range.INFRARED, field_of_view=LIDAR_VIEW_RAD, min_range=0.0)
        reading.header.stamp, reading.header.frame_id = time, LIDAR_FRAME
        reading.max_range, reading.range = float(self.parameters.config.lidar_max_m), float(senses.range_m)
        self.range.publish(reading)

    def _health(self) -> Health:
        return self._flight().health({"unanswered": self.unanswered})


def camera_info(rows: int, columns: int, fov_rad: float, time: Time, frame: str) -> CameraInfo:
    """A pinhole without distortion."""
    focal = 0.5 * columns / math.tan(0.5 * fov_rad)
    message = CameraInfo(height=rows, width=columns, distortion_model="plumb_bob", d=[0.0] * 5)
    message.header.stamp, message.header.frame_id = time, frame
    message.k = [focal, 0.0, 0.5 * columns, 0.0, focal, 0.5 * rows, 0.0, 0.0, 1.0]
    message.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    message.p = [focal, 0.0, 0.5 * columns, 0.0, 0.0, focal, 0.5 * rows, 0.0, 0.0, 0.0, 1.0, 0.0]
    return message


def transform_of(odometry: Odometry) -> Any:
    """The pose of an odometry message as a tf2_msgs/TFMessage."""
    from geometry_msgs.msg import TransformStamped
    from tf2_msgs.msg import TFMessage

    transform = TransformStamped(header=odometry.header, child_frame_id=odometry.child_frame_id)
    place, at = transform.transform.translation, odometry.pose.pose.position
    place.x, place.y, place.z = at.x, at.y, at.z
    transform.transform.rotation = odometry.pose.pose.orientation
    return TFMessage(transforms=[transform])


def main() -> int:
    """Run the node until SIGINT or SIGTERM."""
    return run(lambda: [RobotWorldNode()])
