"""What a simulated robot senses, as ROS messages."""

import array
from typing import Any

from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from nav_msgs.msg import Odometry
from sensor_msgs.msg import CameraInfo, Image, Imu, PointCloud2, PointField, Range

from sim_worlds.lidar import VIEW_RAD
from sim_worlds.pinhole import camera_matrices
from sim_worlds.robot import Events, Senses
from sim_worlds.robot_flight import Pose
from snn_core.event_messages import FIELDS, PACKET_ENCODING, STEP, cloud_bytes, packet_bytes
from snn_core.frames import BASE_FRAME, CAMERA_FRAME, EVENT_FRAME, IMU_FRAME, LIDAR_FRAME, WORLD_FRAME

POINT_FIELDS = [PointField(name=name, offset=offset, datatype=kind, count=1) for name, offset, kind in FIELDS]


def odometry_of(pose: Pose, time: Time) -> Odometry:
    """The true pose and its change."""
    message = Odometry(child_frame_id=BASE_FRAME)
    message.header.stamp, message.header.frame_id = time, WORLD_FRAME
    place, turn = message.pose.pose.position, message.pose.pose.orientation
    place.x, place.y, place.z = (float(value) for value in pose.position_m)
    turn.w, turn.x, turn.y, turn.z = (float(value) for value in pose.attitude)
    linear, angular = message.twist.twist.linear, message.twist.twist.angular
    linear.x, linear.y, linear.z = (float(value) for value in pose.velocity_mps)
    angular.x, angular.y, angular.z = (float(value) for value in pose.spin_radps)
    return message


def transform_of(odometry: Odometry) -> Any:
    """The pose of an odometry message as a tf2_msgs/TFMessage."""
    from tf2_msgs.msg import TFMessage

    transform = TransformStamped(header=odometry.header, child_frame_id=odometry.child_frame_id)
    place, at = transform.transform.translation, odometry.pose.pose.position
    place.x, place.y, place.z = at.x, at.y, at.z
    transform.transform.rotation = odometry.pose.pose.orientation
    return TFMessage(transforms=[transform])


def imu_of(senses: Senses, time: Time) -> Imu:
    """Turning rates and specific force."""
    message = Imu()
    message.header.stamp, message.header.frame_id = time, IMU_FRAME
    message.orientation_covariance[0] = -1.0  # not measured
    turn, force = message.angular_velocity, message.linear_acceleration
    turn.x, turn.y, turn.z = (float(value) for value in senses.gyro_radps)
    force.x, force.y, force.z = (float(value) for value in senses.accel_mps2)
    return message


def image_of(senses: Senses, time: Time) -> Image:
    """The picture, grey."""
    rows, columns = senses.image.shape
    message = Image(height=rows, width=columns, encoding="mono8", step=columns)
    message.header.stamp, message.header.frame_id = time, CAMERA_FRAME
    message.data = array.array("B", senses.image.tobytes())
    return message


def camera_info(size: tuple[int, int], fov_rad: float, time: Time, frame: str) -> CameraInfo:
    """A pinhole without distortion; size is (rows, columns)."""
    rows, columns = size
    message = CameraInfo(height=rows, width=columns, distortion_model="plumb_bob", d=[0.0] * 5)
    message.header.stamp, message.header.frame_id = time, frame
    message.k, message.p = camera_matrices(rows, columns, fov_rad)
    message.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    return message


def points_of(events: Events, base_us: int, begun: Time) -> PointCloud2:
    """Events as points; `base_us` is the robot's own time at the stamp `begun`."""
    count = len(events.x)
    message = PointCloud2(height=1, width=count, point_step=STEP, row_step=STEP * count, is_dense=True)
    message.header.stamp, message.header.frame_id = begun, EVENT_FRAME
    message.fields = POINT_FIELDS
    message.data = array.array("B", cloud_bytes(events, base_us))
    return message


def packet_of(kind: Any, events: Events, base_us: int, begun: Time, size: tuple[int, int], seq: int) -> Any:
    """Events as an event_camera_msgs/EventPacket, which is `kind`; `size` is the sensor's width and height."""
    message = kind(width=size[0], height=size[1], seq=seq, encoding=PACKET_ENCODING, is_bigendian=False)
    message.header.stamp, message.header.frame_id = begun, EVENT_FRAME
    message.time_base = int(begun.sec) * 10**9 + int(begun.nanosec)
    message.events = array.array("B", packet_bytes(events, base_us))
    return message


def range_of(range_m: float, max_m: float, time: Time) -> Range:
    """What the lidar measures downwards."""
    reading = Range(radiation_type=Range.INFRARED, field_of_view=VIEW_RAD, min_range=0.0)
    reading.header.stamp, reading.header.frame_id = time, LIDAR_FRAME
    reading.max_range, reading.range = float(max_m), float(range_m)
    return reading
