"""`place_recognizer`: camera images in; the place where the robot is out, when it is sure."""

import array
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseWithCovarianceStamped
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from pydantic import Field
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Float32MultiArray, MultiArrayDimension

from snn_core.errors import ConfigError, DataError, SnnError
from snn_core.nodes.diagnostics import Diagnostics
from snn_core.nodes.guard import Guard
from snn_core.nodes.parameters import OPEN, Parameters
from snn_core.nodes.process import run
from snn_core.nodes.sensing_listener import SensingListener
from snn_core.nodes.sources import Sources
from snn_core.nodes.triggers import serve_trigger
from snn_core.nodes.wire import SENSOR_QOS, now_s, seconds, stamp
from snn_perception.lens import focal_length_px
from snn_perception.places.image_files import decode_image
from snn_perception.places.images import Images
from snn_perception.places.pixel_buffers import PixelBuffer, grey_of
from snn_perception.places.place_loop import Due, Frame, LoopConfig, PlaceLoop, Sighting, open_map, save_map, warm
from snn_perception.places.pose_trail import PoseTrail
from snn_perception.places.view_comparison import Turn
from snn_perception.region_of_interest import under_order

TOPICS: tuple[str, ...] = (
    "image", "image/compressed", "camera_info", "odom", "coordinator/sensing", "place", "place/scores", "place/turn",
    "place/teach", "place/save", "place/reset", "place/forget",
)  # fmt: skip
IMAGE_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)  # an old image is worth nothing
QUIET_S = 5.0
INDEX_FRAME = "place_index"


class PlaceRecognizerConfig(LoopConfig):
    """Parameters of the node."""

    map: str = Field("", description="map file to start with, empty = an empty map to teach")
    save_path: str = Field("", description="file that place/save writes, empty = the one of map")
    frame: str = Field("map", description="frame of the poses of places")
    focal: float = Field(
        0.0, ge=0, le=1000, description="focal length without camera_info, as a share of the image's width, 0 = none"
    )
    pose_stddev_m: float = Field(1.0, gt=0, le=10000, description="standard deviation of a place's position (m)")
    yaw_stddev_rad: float = Field(0.5, gt=0, le=10, description="standard deviation of a place's yaw (rad)")


FIXED = frozenset({"map", "frame", "focal"})


class PlaceRecognizerNode(Node):
    """Judges every image, recognises those that are due, and learns places on request.

    Raises:
        SnnError: a parameter is wrong, or the map cannot be used.
    """

    def __init__(self, **node_args: Any) -> None:
        super().__init__("place_recognizer", **OPEN, **node_args)
        self.guard = Guard(self)
        self.loop: PlaceLoop | None = None
        live = frozenset(PlaceRecognizerConfig.model_fields) - FIXED
        self.parameters = Parameters(self, PlaceRecognizerConfig, live, self._change)
        self.loop = self._build()
        self.poses = PoseTrail()
        self.pose_s = 0.0  # when the newest came
        self.places = self.create_publisher(PoseWithCovarianceStamped, "place", 10)
        self.scores = self.create_publisher(Float32MultiArray, "place/scores", 10)
        self.turns = self.create_publisher(PoseWithCovarianceStamped, "place/turn", 10)
        self.sources = Sources(self, self.guard)
        patience_s = self.parameters.config.max_image_age_s
        self.sources.subscribe(Image, "image", self._on_image, IMAGE_QOS, patience_s)
        self.sources.subscribe(CompressedImage, "image/compressed", self._on_compressed, IMAGE_QOS, patience_s)
        self.sources.subscribe(CameraInfo, "camera_info", self._on_camera, SENSOR_QOS, patience_s)
        self.create_subscription(Odometry, "odom", self.guard(self._on_odometry), SENSOR_QOS)
        self.sensing = SensingListener(self, self.guard, "place", lambda _: self._change(self.parameters.config))
        works = {"teach": self._teach, "save": self._save, "reset": self._reset, "forget": self._forget}
        for name, work in works.items():
            serve_trigger(self, self.guard, f"place/{name}", work)
        self.diagnostics = Diagnostics(self, self.guard, self._health, ("image", "camera_info", "odom"), self.sources)

    def _build(self) -> PlaceLoop:
        config = self.parameters.config
        try:
            self.get_logger().info("compiling, once after the installation")
            warm()
            loop = PlaceLoop(open_map(config.map), config)
            loop.views.focal = config.focal or None
            return loop
        except SnnError as error:
            raise ConfigError(f"{self.get_name()}: {error}") from None

    def stop(self) -> None:
        """Nothing moves when this node falls silent."""

    def _change(self, config: PlaceRecognizerConfig) -> None:
        if self.loop is not None:
            self.loop.configure(under_order(config, self.sensing.order))

    def _on_image(self, message: Image) -> None:
        self._take(seconds(message.header.stamp), str(message.encoding), lambda: pixels_of(message))

    def _on_compressed(self, message: CompressedImage) -> None:
        self._take(seconds(message.header.stamp), "compressed", lambda: decode_image(bytes(message.data), "image"))

    def _take(self, stamp_s: float, encoding: str, decode: Callable[[], Images]) -> None:
        loop = self.loop
        due = loop.due(stamp_s, now_s(self)) if loop is not None else Due.NOTHING
        if loop is None or not due:
            return
        try:
            image = decode()
        except DataError as error:
            loop.refuse("bad_image", str(error))
            self.get_logger().warning(f"refused: {error}", throttle_duration_sec=QUIET_S)
            return
        form = f"{image.shape[1]}x{image.shape[0]} {encoding}"
        frame = Frame(image, form, stamp_s)
        if Due.PLACE not in due:
            loop.believe(frame, now_s(self))
        elif (sighting := loop.take(frame, now_s(self))) is not None:
            self._publish(sighting)
        if Due.TURN in due and (turn := loop.compare(frame, now_s(self), self._position())) is not None:
            self.turns.publish(turn_message(turn, self.parameters.config))

    def _position(self) -> NDArray[np.float64] | None:
        """Where odometry says that the robot is, unless that is old."""
        pose = self.poses.newest
        fresh = now_s(self) - self.pose_s <= self.parameters.config.complain_after_s
        return pose[:3] if fresh and pose is not None else None

    def _on_camera(self, message: CameraInfo) -> None:
        focal_px, width = focal_length_px(float(message.k[0])), int(message.width)
        if self.loop is not None and focal_px is not None and width > 0:
            self.loop.views.focal = focal_px / width

    def _publish(self, sighting: Sighting) -> None:
        self.scores.publish(scores_message(sighting.found.scores))
        if sighting.found.confident and sighting.found.place is not None:
            self.places.publish(place_message(sighting, self.parameters.config))

    def _on_odometry(self, message: Odometry) -> None:
        p, q = message.pose.pose.position, message.pose.pose.orientation
        values = [float(x) for x in (p.x, p.y, p.z, q.x, q.y, q.z, q.w)]
        if all(map(math.isfinite, values)):
            self.poses.add(seconds(message.header.stamp), np.array(values))
            self.pose_s = now_s(self)

    def _teach(self) -> str:
        age_s, limit_s = now_s(self) - self.pose_s, self.parameters.config.complain_after_s
        loop, known = self._loop(), self.poses.newest is not None
        if known and age_s > limit_s:
            raise DataError(f"expected odom of at most {limit_s:g} s ago, found {age_s:.1f} s; is its source alive?")
        pose = self.poses.at(loop.newest.stamp_s) if loop.newest is not None else None
        place = loop.teach(pose, now_s(self))
        return f"place {place} learnt {'with the pose of odom' if known else 'without a pose'}"

    def _save(self) -> str:
        config = self.parameters.config
        return save_map(self._loop().recogniser.map, config.save_path or config.map)

    def _reset(self) -> str:
        self._loop().reset()
        return "a new traverse begins"

    def _forget(self) -> str:
        return f"{self._loop().forget()} places forgotten; files stay as they are"

    def _loop(self) -> PlaceLoop:
        if self.loop is None:
            raise SnnError("expected a map, found none yet; wait for the node to start")
        return self.loop

    def _health(self) -> Any:
        return self._loop().health(now_s(self))


def pixels_of(message: Image) -> Images:
    """The pixels of an image message as grey (row, column)."""
    height, width, step = int(message.height), int(message.width), int(message.step)
    return grey_of(
        PixelBuffer(height, width, str(message.encoding), step, bool(message.is_bigendian), message.data), "image"
    )


def scores_message(scores: NDArray[np.float32]) -> Float32MultiArray:
    """Scores (place,) with their dimension named."""
    message = Float32MultiArray()
    message.layout.dim = [MultiArrayDimension(label="place", size=len(scores), stride=len(scores))]
    message.data = array.array("f", scores.tobytes())
    return message


def place_message(sighting: Sighting, config: PlaceRecognizerConfig) -> PoseWithCovarianceStamped:
    """The place's pose; a place without one is told by its number, as x in a frame of its own."""
    message = posed_message(sighting.stamp_s, sighting.found.place or 0, sighting.pose, config.frame)
    message.pose.covariance = covariance(config)
    return message


def turn_message(turn: Turn, config: PlaceRecognizerConfig) -> PoseWithCovarianceStamped:
    """The pose of the place compared with; its orientation is the yaw by which the robot must turn to the left."""
    message = posed_message(turn.stamp_s, turn.place, turn.pose, config.frame)
    orientation = message.pose.pose.orientation
    orientation.x = orientation.y = 0.0
    orientation.z, orientation.w = math.sin(0.5 * turn.turn_rad), math.cos(0.5 * turn.turn_rad)
    message.pose.covariance = covariance(config)
    message.pose.covariance[35] = float(turn.variance)
    return message


def posed_message(stamp_s: float, place: int, pose: NDArray[np.float64], frame: str) -> PoseWithCovarianceStamped:
    """A place's pose (7,); one that is not known is told by the place's number, as x in a frame of its own."""
    message = PoseWithCovarianceStamped()
    message.header.stamp = stamp(stamp_s)
    known = bool(np.isfinite(pose).all())
    message.header.frame_id = frame if known else INDEX_FRAME
    values = [float(x) for x in pose] if known else [float(place), 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    position, orientation = message.pose.pose.position, message.pose.pose.orientation
    position.x, position.y, position.z = values[:3]
    orientation.x, orientation.y, orientation.z, orientation.w = values[3:]
    return message


def covariance(config: PlaceRecognizerConfig) -> NDArray[np.float64]:
    """Row-major 6 x 6: position, then rotation; roll and pitch are not observed and take the yaw's."""
    return np.diag([config.pose_stddev_m**2] * 3 + [config.yaw_stddev_rad**2] * 3).reshape(-1)


def main() -> int:
    """Run the node until SIGINT or SIGTERM."""
    return run(lambda: [PlaceRecognizerNode()])
