"""What a robot of a mission senses, does and decides, as serialised ROS messages: one set for bags and live views."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim_worlds.builder import Solids
from sim_worlds.lidar import VIEW_RAD
from sim_worlds.pinhole import camera_matrices
from sim_worlds.robot import Robot, Senses
from snn_cli.ros_messages import header, message, payload, stamp
from snn_core.event_messages import FIELDS, STEP, cloud_bytes
from snn_core.frames import BASE_FRAME, CAMERA_FRAME, EVENT_FRAME, IMU_FRAME, LIDAR_FRAME, WORLD_FRAME
from snn_core.signals import NEWTONS_PER_COMMAND

Array = NDArray[np.float64]
TYPES = {
    "/image": "sensor_msgs/msg/Image",
    "/camera_info": "sensor_msgs/msg/CameraInfo",
    "/range": "sensor_msgs/msg/Range",
    "/imu": "sensor_msgs/msg/Imu",
    "/events/points": "sensor_msgs/msg/PointCloud2",
    "/odom": "nav_msgs/msg/Odometry",
    "/tf": "tf2_msgs/msg/TFMessage",
    "/command": "geometry_msgs/msg/WrenchStamped",
    "/drive": "geometry_msgs/msg/WrenchStamped",
    "/target": "geometry_msgs/msg/PointStamped",
    "/motion/flow": "sensor_msgs/msg/Image",
    "/place": "geometry_msgs/msg/PoseWithCovarianceStamped",
    "/route": "nav_msgs/msg/Path",
    "/scene": "visualization_msgs/msg/MarkerArray",
    "/scene/moving": "visualization_msgs/msg/MarkerArray",
    "/time_to_contact/told": "std_msgs/msg/Float64",
    "/time_to_contact/true": "std_msgs/msg/Float64",
    "/mission/log": "rcl_interfaces/msg/Log",
}
CUBE, SPHERE, INFO = 1, 2, 20  # constants of visualization_msgs/Marker and rcl_interfaces/Log
HULL_COLOUR, SOLID_COLOUR, MOVING_COLOUR = (0.85, 0.85, 0.9, 0.9), (0.55, 0.55, 0.6, 0.5), (0.82, 0.29, 0.36, 0.8)


class Message(NamedTuple):
    """One message, serialised."""

    topic: str
    payload: bytes


def packed(topic: str, **fields: Any) -> Message:
    """A message of the topic's type, as bytes."""
    return Message(topic, payload(TYPES[topic], message(TYPES[topic], **fields)))


def sensed(robot: Robot, senses: Senses, time_ns: int) -> Iterator[Message]:
    """What every sensor reports, under the end of the period; events count from its begin."""
    config = robot.config
    yield picture("/image", senses.image, CAMERA_FRAME, time_ns)
    yield _camera_info(senses.image.shape, config.fov_rad, time_ns)
    if not math.isnan(senses.range_m):
        yield packed(
            "/range", header=header(time_ns, LIDAR_FRAME), radiation_type=1, field_of_view=VIEW_RAD,
            max_range=float(config.lidar_max_m), range=float(senses.range_m),
        )  # fmt: skip
    unknown = np.zeros(9)
    unknown[0] = -1.0  # the orientation is not measured
    yield packed(
        "/imu", header=header(time_ns, IMU_FRAME), orientation_covariance=unknown,
        angular_velocity=vector(senses.gyro_radps), linear_acceleration=vector(senses.accel_mps2),
    )  # fmt: skip
    begun_ns = time_ns - round(config.dt_s * 1e9)
    begun_us = round(senses.time_s * 1e6) - round(config.dt_s * 1e6)
    fields = [message("sensor_msgs/msg/PointField", name=n, offset=o, datatype=k, count=1) for n, o, k in FIELDS]
    data = np.frombuffer(cloud_bytes(senses.events, begun_us), np.uint8)
    yield packed(
        "/events/points", header=header(begun_ns, EVENT_FRAME), height=1, width=len(senses.events.x), fields=fields,
        point_step=STEP, row_step=len(data), data=data, is_dense=True,
    )  # fmt: skip


def moved(robot: Robot, time_ns: int) -> Iterator[Message]:
    """Where the robot truly is, for people and plots."""
    state = robot.state
    place, turn = state.position_m[0], _quaternion(state.attitude[0])
    pose = message("geometry_msgs/msg/Pose", position=point(place), orientation=turn)
    motion = message(
        "geometry_msgs/msg/Twist", linear=vector(state.velocity_mps[0]), angular=vector(state.spin_radps[0])
    )
    at = header(time_ns, WORLD_FRAME)
    yield packed(
        "/odom", header=at, child_frame_id=BASE_FRAME, pose=message("geometry_msgs/msg/PoseWithCovariance", pose=pose),
        twist=message("geometry_msgs/msg/TwistWithCovariance", twist=motion),
    )  # fmt: skip
    shift = message("geometry_msgs/msg/Transform", translation=vector(place), rotation=turn)
    yield packed(
        "/tf",
        transforms=[
            message("geometry_msgs/msg/TransformStamped", header=at, child_frame_id=BASE_FRAME, transform=shift)
        ],
    )


def commanded(commands: Array, target_m: float, time_ns: int) -> Iterator[Message]:
    """Thrust upwards, thrust ahead and moment to the left, as `robot_world` takes them; and the height wanted."""
    at = header(time_ns, BASE_FRAME)
    up, turn, ahead = (float(value) * NEWTONS_PER_COMMAND for value in commands)
    for topic, force, torque in (
        ("/command", (0.0, 0.0, up), (0.0, 0.0, 0.0)), ("/drive", (ahead, 0.0, 0.0), (0.0, 0.0, turn)),
    ):  # fmt: skip
        yield packed(
            topic, header=at, wrench=message("geometry_msgs/msg/Wrench", force=vector(force), torque=vector(torque))
        )
    yield packed("/target", header=header(time_ns, WORLD_FRAME), point=point((0.0, 0.0, target_m)))


def picture(topic: str, pixels: NDArray[np.uint8], frame: str, time_ns: int) -> Message:
    """An image, grey (row, column) or coloured (row, column, 3)."""
    rows, columns = pixels.shape[:2]
    colours = 1 if pixels.ndim == 2 else 3
    return packed(
        topic, header=header(time_ns, frame), height=rows, width=columns, encoding="mono8" if colours == 1 else "rgb8",
        step=colours * columns, data=np.ascontiguousarray(pixels).ravel(),
    )  # fmt: skip


def decided(text: str, time_ns: int) -> Message:
    """Something that the robot decided, as a line of a log."""
    return packed("/mission/log", stamp=stamp(time_ns), level=INFO, name="mission", msg=text)


def number(topic: str, value: float) -> Message:
    """A number to plot."""
    return packed(topic, data=float(value))


def place(position_m: Array, time_ns: int) -> Message:
    """Where the place that was recognised has been taught, (2,)."""
    pose = message("geometry_msgs/msg/Pose", position=point((*position_m, 0.0)), orientation=_yaw(0.0))
    return packed(
        "/place", header=header(time_ns, WORLD_FRAME), pose=message("geometry_msgs/msg/PoseWithCovariance", pose=pose)
    )


def route(path_m: Array, time_ns: int) -> Message:
    """A path (vertex, 3)."""
    at = header(time_ns, WORLD_FRAME)
    poses = [
        message(
            "geometry_msgs/msg/PoseStamped", header=at,
            pose=message("geometry_msgs/msg/Pose", position=point(each), orientation=_yaw(0.0)),
        )
        for each in path_m
    ]  # fmt: skip
    return packed("/route", header=at, poses=poses)


def still_scene(robot: Robot, time_ns: int) -> Message:
    """The hull, and everything that it could touch and that stands still."""
    solids, config = robot.scene.solids, robot.config
    moving = set(_moving(robot))
    around = 2.0 * config.radius_m
    hull = _marker(SPHERE, "hull", 0, (2.0 * config.half_length_m + around, around, around), HULL_COLOUR)
    hull.header, hull.frame_locked = header(time_ns, BASE_FRAME), True
    boxes = [_box(solids, k, "solids", SOLID_COLOUR, time_ns) for k in range(len(solids.yaw_rad)) if k not in moving]
    return packed("/scene", markers=[hull, *boxes])


def moving_scene(robot: Robot, time_ns: int) -> Message | None:
    """Who walks about and what approaches; none where nothing does."""
    boxes = [_box(robot.scene.solids, k, "moving", MOVING_COLOUR, time_ns) for k in _moving(robot)]
    return packed("/scene/moving", markers=boxes) if boxes else None


def point(values: Any) -> Any:
    """A geometry_msgs/Point of three numbers."""
    x, y, z = (float(value) for value in values)
    return message("geometry_msgs/msg/Point", x=x, y=y, z=z)


def vector(values: Any) -> Any:
    """A geometry_msgs/Vector3 of three numbers."""
    x, y, z = (float(value) for value in values)
    return message("geometry_msgs/msg/Vector3", x=x, y=y, z=z)


def _camera_info(shape: tuple[int, ...], fov_rad: float, time_ns: int) -> Message:
    rows, columns = shape
    intrinsic, projection = camera_matrices(rows, columns, fov_rad)
    return packed(
        "/camera_info", header=header(time_ns, CAMERA_FRAME), height=rows, width=columns, distortion_model="plumb_bob",
        d=np.zeros(5), k=np.array(intrinsic), r=np.eye(3).ravel(), p=np.array(projection),
    )  # fmt: skip


def _moving(robot: Robot) -> list[int]:
    """Rows of the solids that are moved about."""
    scene = robot.scene
    return [walker.solid for walker in (*scene.walkers, *([scene.obstacle] if scene.obstacle is not None else []))]


def _box(solids: Solids, k: int, name: str, colour: tuple[float, ...], time_ns: int) -> Any:
    marker = _marker(CUBE, name, k, tuple(2.0 * solids.half_m[k]), colour)
    marker.header, marker.pose.position = header(time_ns, WORLD_FRAME), point(solids.centre_m[k])
    marker.pose.orientation = _yaw(float(solids.yaw_rad[k]))
    return marker


def _marker(kind: int, name: str, number: int, size_m: tuple[float, ...], colour: tuple[float, ...]) -> Any:
    red, green, blue, alpha = colour
    return message(
        "visualization_msgs/msg/Marker", type=kind, ns=name, id=number, scale=vector(size_m),
        pose=message("geometry_msgs/msg/Pose", orientation=_yaw(0.0)),
        color=message("std_msgs/msg/ColorRGBA", r=red, g=green, b=blue, a=alpha),
    )  # fmt: skip


def _yaw(yaw_rad: float) -> Any:
    return _quaternion((math.cos(0.5 * yaw_rad), 0.0, 0.0, math.sin(0.5 * yaw_rad)))


def _quaternion(wxyz: Any) -> Any:
    w, x, y, z = (float(value) for value in wxyz)
    return message("geometry_msgs/msg/Quaternion", w=w, x=x, y=y, z=z)
