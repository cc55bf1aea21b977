"""`blimp_world`: a simulated blimp with its lidar and motor driver, and the clock that everybody else follows."""

import math
from collections.abc import Callable
from typing import Any

from builtin_interfaces.msg import Time
from geometry_msgs.msg import PointStamped, WrenchStamped
from nav_msgs.msg import Odometry
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rosgraph_msgs.msg import Clock as ClockMessage
from sensor_msgs.msg import Range
from std_srvs.srv import SetBool, Trigger

from sim_worlds.blimp_flight import BlimpFlight, FlightConfig, FlightStep
from sim_worlds.nodes.pace import PaceConfig
from snn_core.frames import BASE_FRAME
from snn_core.nodes.diagnostics import Diagnostics
from snn_core.nodes.guard import Guard
from snn_core.nodes.parameters import OPEN, Parameters
from snn_core.nodes.process import run
from snn_core.nodes.sensing_listener import SensingListener
from snn_core.nodes.wire import COMMAND_QOS, WireConfig, from_wrench, stamp
from snn_core.sensing import SamplePacer
from snn_core.signals import Health

TOPICS: tuple[str, ...] = ("command", "coordinator/sensing", "range", "odom", "target")
WORLD_FRAME = "odom"
LIDAR_FRAME = "range_link"
FIELD_OF_VIEW_RAD = 0.035
LOST_IN_A_ROW = 10  # lost readings that lock step flies through before it waits


class BlimpWorldConfig(PaceConfig, FlightConfig, WireConfig):
    """Parameters of the node."""


class BlimpWorldNode(Node):
    """Publishes an instant (/clock, odom, target, range, in this order), then flies until the next one.

    In lock step it flies on when the command for the instant arrives, or when patience ends.
    """

    def __init__(self, on_step: Callable[[FlightStep], None] | None = None, **node_args: Any) -> None:
        super().__init__("blimp_world", **OPEN, **node_args)
        self.config = Parameters(self, BlimpWorldConfig, frozenset(), lambda config: None).config
        self.guard = Guard(self)
        self.flight = BlimpFlight(self.config)
        self.on_step = on_step
        self.paused = self.config.paused
        self.lock_step = self.config.real_time_factor == 0.0
        self.begun = False
        self.unanswered = 0
        self.clock = self.create_publisher(ClockMessage, "/clock", COMMAND_QOS)
        self.odom = self.create_publisher(Odometry, "odom", COMMAND_QOS)
        self.range = self.create_publisher(Range, "range", COMMAND_QOS)
        self.target = self.create_publisher(PointStamped, "target", COMMAND_QOS) if self.config.trial else None
        self.create_subscription(WrenchStamped, "command", self.guard(self._on_command), COMMAND_QOS)
        self.sensing, self.pacer = SensingListener(self, self.guard, "range"), SamplePacer(self.config.dt_s)
        self.create_service(SetBool, "pause", self.guard(self._on_pause))
        self.create_service(Trigger, "reset", self.guard(self._on_reset))
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.timer = self.create_timer(self.config.timer_s(self.config.dt_s), self.guard(self._on_timer), clock=steady)
        self.diagnostics = Diagnostics(self, self.guard, self._health, ("command",))

    def pause(self, paused: bool) -> None:
        """Stop or continue simulated time."""
        self.paused = paused
        if not paused and not self.begun:
            self._go_on()

    def announce(self) -> None:
        """Before the flight begins: tell the time, one period early, and the first target, so that all are ready."""
        time = stamp(self.flight.now_s - self.config.dt_s)
        self.clock.publish(ClockMessage(clock=time))
        self._publish_target(time)

    def stop(self) -> None:
        """Nothing to make safe in a simulation."""

    def _on_pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self.pause(bool(request.data))
        response.success, response.message = True, "paused" if self.paused else "flying"
        return response

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self.flight.reset()
        response.success, response.message = True, f"at rest at {self.flight.height_m:.2f} m; time goes on"
        return response

    def _on_command(self, message: WrenchStamped) -> None:
        answers = self.flight.offer(from_wrench(message, self.config.newtons_per_command))
        if answers and self.lock_step and not self.paused:
            self._advance()

    def _on_timer(self) -> None:
        if not self.paused:
            self.unanswered += self.lock_step and self.begun
            self._go_on()

    def _go_on(self) -> None:
        """The first instant, or the next one."""
        if self.begun:
            self._advance()
        else:
            self.begun = True
            self._publish_instant()

    def _advance(self) -> None:
        """Fly to the next instant; in lock step to the next one whose reading is not lost."""
        for _ in range(LOST_IN_A_ROW if self.lock_step else 1):
            step = self.flight.advance()
            if self.on_step is not None:
                self.on_step(step)
            if self._publish_instant():
                break
        if self.lock_step:
            self.timer.reset()

    def _publish_instant(self) -> bool:
        """Tell everything that holds now; whether it can be answered: a reading was among it, or none was asked for."""
        time = stamp(self.flight.now_s)
        self.clock.publish(ClockMessage(clock=time))
        self._publish_odometry(time)
        self._publish_target(time)
        seen_m = self.flight.sense()
        if not self.pacer.due(self.flight.now_s, self.sensing.order):
            return True
        if math.isnan(seen_m):
            return False
        reading = Range(radiation_type=Range.INFRARED, field_of_view=FIELD_OF_VIEW_RAD, min_range=0.0)
        reading.header.stamp, reading.header.frame_id = time, LIDAR_FRAME
        reading.max_range, reading.range = float(self.config.lidar_max_m), float(seen_m)
        self.range.publish(reading)
        return True

    def _publish_target(self, time: Time) -> None:
        if self.target is not None:
            message = PointStamped()
            message.header.stamp, message.header.frame_id = time, WORLD_FRAME
            message.point.z = float(self.flight.target_m)
            self.target.publish(message)

    def _publish_odometry(self, time: Time) -> None:
        message = Odometry(child_frame_id=BASE_FRAME)
        message.header.stamp, message.header.frame_id = time, WORLD_FRAME
        message.pose.pose.position.z = float(self.flight.height_m)
        message.pose.pose.orientation.w = 1.0
        message.twist.twist.linear.z = float(self.flight.climb_mps)
        self.odom.publish(message)

    def _health(self) -> Health:
        return self.flight.health({"unanswered": self.unanswered})


def main() -> int:
    """Run the node until SIGINT or SIGTERM."""
    return run(lambda: [BlimpWorldNode()])
