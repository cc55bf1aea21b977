"""`event_motion`: event packets in; how the image moves out, when that is clear."""

import array
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TwistWithCovarianceStamped
from pydantic import Field
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image

from snn_core.errors import ConfigError, SnnError
from snn_core.nodes.diagnostics import Diagnostics
from snn_core.nodes.guard import Guard
from snn_core.nodes.parameters import OPEN, Parameters
from snn_core.nodes.process import run
from snn_core.nodes.sensing_listener import SensingListener
from snn_core.nodes.sources import Sources
from snn_core.nodes.wire import SENSOR_QOS, now_s, stamp
from snn_perception.events.packets import Packet
from snn_perception.lens import focal_length_px
from snn_perception.motion.flow_picture import flow_picture
from snn_perception.motion.motion_estimator import Motion
from snn_perception.motion.motion_loop import MotionLoop, MotionLoopConfig, warm
from snn_perception.motion.motion_model import load_motion_model
from snn_perception.motion.optical_twist import optical_twist
from snn_perception.nodes.event_messages import EVENT_TOPICS, listen_to_events
from snn_perception.region_of_interest import under_order

TOPICS: tuple[str, ...] = ("events", "events/points", "camera_info", "coordinator/sensing", "motion", "motion/flow")
PERIOD_S = 0.002


class EventMotionConfig(MotionLoopConfig):
    """Parameters of the node."""

    model: str = Field("default", description="layer of delays: 'default' or a file of snn train motion")
    frame: str = Field("camera_optical_frame", description="frame of the motion: x right, y down, z ahead")
    focal_px: float = Field(
        0.0, ge=0, le=100_000, description="focal length without camera_info, 0 = sensor width (px)"
    )
    flow_rate_hz: float = Field(1.0, ge=0, le=30, description="pictures of local motion, 0 = none (Hz)")


FIXED = frozenset({"model", "frame", "width", "height"})


class EventMotionNode(Node):
    """Queues packets as they come and works through them between callbacks.

    Raises:
        SnnError: a parameter is wrong, or the model cannot be used.
    """

    def __init__(self, **node_args: Any) -> None:
        super().__init__("event_motion", **OPEN, **node_args)
        self.guard = Guard(self)
        self.loop: MotionLoop | None = None
        live = frozenset(EventMotionConfig.model_fields) - FIXED
        self.parameters = Parameters(self, EventMotionConfig, live, self._change)
        self.loop = self._build()
        self.focal_px: tuple[float, float] | None = None
        self.last_flow_s = 0.0
        self.motions = self.create_publisher(TwistWithCovarianceStamped, "motion", 10)
        self.flows = self.create_publisher(Image, "motion/flow", 1)
        self.sources = Sources(self, self.guard)
        listen_to_events(self, self.sources, self._push)
        self.create_subscription(CameraInfo, "camera_info", self.guard(self._on_camera), SENSOR_QOS)
        self.sensing = SensingListener(self, self.guard, "motion", lambda _: self._change(self.parameters.config))
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.timer = self.create_timer(PERIOD_S, self.guard(self._work), clock=steady)
        self.diagnostics = Diagnostics(self, self.guard, self._health, EVENT_TOPICS, self.sources)

    def _build(self) -> MotionLoop:
        config = self.parameters.config
        try:
            model = load_motion_model(config.model)
            self.get_logger().info("compiling, once after the installation")
            warm(model)
            return MotionLoop(model, config)
        except SnnError as error:
            raise ConfigError(f"{self.get_name()}: {error}") from None

    def stop(self) -> None:
        """Nothing moves when this node falls silent."""

    def _change(self, config: EventMotionConfig) -> None:
        if self.loop is not None:
            self.loop.configure(under_order(config, self.sensing.order))

    def _push(self, unpack: Callable[[], Packet], age_s: float) -> None:
        if self.loop is not None:
            self.loop.push(unpack, time.perf_counter() - age_s)

    def _on_camera(self, message: CameraInfo) -> None:
        fx, fy = float(message.k[0]), float(message.k[4])
        if focal_length_px(fx, fy) is not None:
            self.focal_px = (fx, fy)

    def _work(self) -> None:
        if self.loop is None:
            return
        for motion, stamp_ns in self.loop.work():
            if motion.decided:
                self._publish(motion, stamp_ns)
        self._show()

    def _publish(self, motion: Motion, stamp_ns: int) -> None:
        config = self.parameters.config
        focal = self.focal_px or (config.focal_px or float(config.width),) * 2
        twist, covariance = optical_twist(motion, focal)
        message = TwistWithCovarianceStamped()
        message.header.stamp = Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
        message.header.frame_id = config.frame
        linear, angular = message.twist.twist.linear, message.twist.twist.angular
        linear.x, linear.y, linear.z, angular.z = (float(value) for value in (*twist[:3], twist[5]))
        message.twist.covariance = covariance.reshape(-1)
        self.motions.publish(message)

    def _show(self) -> None:
        rate_hz, now = self.parameters.config.flow_rate_hz, time.perf_counter()
        loop = self.loop
        if not rate_hz or now - self.last_flow_s < 1.0 / rate_hz or loop is None or loop.recent is None:
            return
        if loop.estimator is None or loop.estimator.evidence is None or not self.flows.get_subscription_count():
            return
        self.last_flow_s = now
        pixels = flow_picture(loop.estimator.evidence, loop.recent, loop.estimator.gatherer.tile, loop.newest)
        message = Image(height=pixels.shape[0], width=pixels.shape[1], encoding="rgb8", step=pixels.shape[1] * 3)
        message.header.stamp = stamp(now_s(self))
        message.header.frame_id = self.parameters.config.frame
        message.data = array.array("B", np.ascontiguousarray(pixels).tobytes())
        self.flows.publish(message)

    def _health(self) -> Any:
        if self.loop is None:
            raise SnnError("expected a model, found none yet; wait for the node to start")
        return self.loop.health(time.perf_counter())


def main() -> int:
    """Run the node until SIGINT or SIGTERM."""
    return run(lambda: [EventMotionNode()])
