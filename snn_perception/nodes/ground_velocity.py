"""`ground_velocity`: events of a camera that looks down, height and turning rates in; velocity over ground out."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from geometry_msgs.msg import TwistWithCovarianceStamped
from numpy.typing import NDArray
from pydantic import Field
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Imu, Range

from snn_core.errors import ConfigError, SnnError
from snn_core.frames import BASE_FRAME
from snn_core.nodes.diagnostics import Diagnostics
from snn_core.nodes.guard import Guard
from snn_core.nodes.parameters import OPEN, Parameters
from snn_core.nodes.process import run
from snn_core.nodes.sensing_listener import SensingListener
from snn_core.nodes.sources import Sources
from snn_core.nodes.wire import SENSOR_QOS, now_s, seconds, stamp
from snn_core.signals import AltitudeReading
from snn_perception.events.packets import Packet
from snn_perception.lens import focal_length_px
from snn_perception.motion.motion_loop import warm
from snn_perception.motion.motion_model import load_motion_model
from snn_perception.motion.velocity_config import VelocityLoopConfig, slowed
from snn_perception.motion.velocity_loop import Rates, StampedVelocity, VelocityLoop
from snn_perception.nodes.event_messages import PATIENCE_S, listen_to_events

TOPICS: tuple[str, ...] = ("events", "events/points", "range", "imu", "camera_info", "coordinator/sensing", "velocity")
DIGITS = 6  # of a range, which is sent as a 32-bit number
UNKNOWN = 1e6  # variance of what is not observed


class GroundVelocityConfig(VelocityLoopConfig):
    """Parameters of the node."""

    model: str = Field("default", description="layer of delays: 'default' or a file of snn train motion")


FIXED = frozenset({"model", "width", "height"})


class GroundVelocityNode(Node):
    """Works through packets as they come; a full period of events becomes a velocity at once.

    Raises:
        SnnError: a parameter is wrong, or the model cannot be used.
    """

    def __init__(self, **node_args: Any) -> None:
        super().__init__("ground_velocity", **OPEN, **node_args)
        self.guard = Guard(self)
        self.loop: VelocityLoop | None = None
        live = frozenset(GroundVelocityConfig.model_fields) - FIXED
        self.parameters = Parameters(self, GroundVelocityConfig, live, self._change)
        self.loop = self._build()
        self.velocities = self.create_publisher(TwistWithCovarianceStamped, "velocity", 10)
        self.sources = Sources(self, self.guard)
        listen_to_events(self, self.sources, self._on_events)
        self.sources.subscribe(Range, "range", self._on_range, SENSOR_QOS, PATIENCE_S)
        self.sources.subscribe(Imu, "imu", self._on_imu, SENSOR_QOS, PATIENCE_S)
        self.sources.subscribe(CameraInfo, "camera_info", self._on_camera, SENSOR_QOS, PATIENCE_S)
        self.sensing = SensingListener(self, self.guard, "motion", lambda _: self._change(self.parameters.config))
        inputs = ("events", "events/points", "range", "imu", "camera_info")
        self.diagnostics = Diagnostics(self, self.guard, self._health, inputs, self.sources)

    def _build(self) -> VelocityLoop:
        config = self.parameters.config
        try:
            model = load_motion_model(config.model)
            self.get_logger().info("compiling, once after the installation")
            warm(model)
            return VelocityLoop(model, config)
        except SnnError as error:
            raise ConfigError(f"{self.get_name()}: {error}") from None

    def stop(self) -> None:
        """Nothing moves when this node falls silent."""

    def _change(self, config: GroundVelocityConfig) -> None:
        if self.loop is not None:
            self.loop.configure(slowed(config, self.sensing.order))

    def _on_range(self, message: Range) -> None:
        limits = float(message.min_range), float(message.max_range)
        height_m, stamp_s = round(float(message.range), DIGITS), seconds(message.header.stamp)
        self._loop().take_range(AltitudeReading(height_m, stamp_s, *limits), now_s(self))

    def _on_imu(self, message: Imu) -> None:
        turn = message.angular_velocity
        told = float(message.angular_velocity_covariance[0]) != -1.0  # how a message says that it has none
        values = [float(value) for value in (turn.x, turn.y, turn.z)] if told else [math.nan] * 3
        self._loop().take_rates(Rates(seconds(message.header.stamp), np.array(values)), now_s(self))

    def _on_camera(self, message: CameraInfo) -> None:
        focal_px = focal_length_px(float(message.k[0]), float(message.k[4]))
        self._loop().take_lens(focal_px, (int(message.width), int(message.height)))

    def _on_events(self, unpack: Callable[[], Packet], waited_s: float) -> None:
        told = self._loop().take_events(unpack, waited_s, now_s(self))
        if told is not None:
            self.velocities.publish(velocity_message(told))

    def _loop(self) -> VelocityLoop:
        if self.loop is None:
            raise SnnError("expected a model, found none yet; wait for the node to start")
        return self.loop

    def _health(self) -> Any:
        return self._loop().health(now_s(self))


def velocity_message(told: StampedVelocity) -> TwistWithCovarianceStamped:
    """A velocity over ground in the robot's axes; what is not observed has a giant variance."""
    message = TwistWithCovarianceStamped()
    message.header.stamp, message.header.frame_id = stamp(told.stamp_s), BASE_FRAME
    message.twist.twist.linear.x = float(told.velocity.forward_mps)
    message.twist.twist.linear.y = float(told.velocity.left_mps)
    message.twist.covariance = covariance(told.covariance)
    return message


def covariance(of_ground: NDArray[np.float64]) -> NDArray[np.float64]:
    """Row-major 6 x 6 from that (2, 2) of the velocity ahead and to the left."""
    full = np.diag([0.0, 0.0, *[UNKNOWN] * 4])
    full[:2, :2] = of_ground
    return full.reshape(-1)


def main() -> int:
    """Run the node until SIGINT or SIGTERM."""
    return run(lambda: [GroundVelocityNode()])
