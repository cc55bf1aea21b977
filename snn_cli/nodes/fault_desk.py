"""A real node on a desk: messages are put into its callbacks by hand, what it publishes is caught, its time is set."""

import os
from collections import defaultdict
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.serialization import serialize_message
from rclpy.signals import SignalHandlerOptions
from rclpy.time import Time

from snn_core.errors import SnnError
from snn_core.nodes.sources import NUMBER
from snn_core.signals import Level

DISCOVERY = "ROS_AUTOMATIC_DISCOVERY_RANGE"
T0_S = 1000.0


class Tap:
    """Stands where a publisher stood, and keeps what it is given."""

    def __init__(self, publisher: Publisher, caught: list[Any]) -> None:
        self.publisher, self.caught = publisher, caught

    def publish(self, message: Any) -> None:
        """Keep the message."""
        self.caught.append(message)

    def get_subscription_count(self) -> int:
        """Somebody always listens."""
        return 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self.publisher, name)


class Desk:
    """One node in a context of its own that no other process sees; a context manager."""

    def __init__(self, node_class: type, **parameters: Any) -> None:
        self.context = Context()
        before = os.environ.get(DISCOVERY)
        os.environ[DISCOVERY] = "OFF"
        try:
            rclpy.init(context=self.context, args=QUIET, signal_handler_options=SignalHandlerOptions.NO)
        finally:
            os.environ.pop(DISCOVERY, None)
            if before is not None:
                os.environ[DISCOVERY] = before
        overrides = [Parameter(name, value=value) for name, value in {"use_sim_time": True, **parameters}.items()]
        try:
            self.node: Any = node_class(context=self.context, parameter_overrides=overrides)
        except BaseException:
            rclpy.try_shutdown(context=self.context)
            raise
        self.sent: dict[str, list[Any]] = defaultdict(list)
        self.number = 0
        self._tap(self.node)
        self._tap(self.node.diagnostics)
        self.set_time(T0_S)

    def __enter__(self) -> "Desk":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """The node is gone."""
        self.node.destroy_node()
        rclpy.try_shutdown(context=self.context)

    def _tap(self, owner: Any) -> None:
        for name, value in list(vars(owner).items()):
            if isinstance(value, Publisher):
                setattr(owner, name, Tap(value, self.sent[value.topic_name.lstrip("/")]))

    def set_time(self, time_s: float) -> None:
        """What the node's clock shows from now on."""
        self.time_s = time_s
        self.node.get_clock().set_ros_time_override(Time(nanoseconds=round(time_s * 1e9)))

    def callbacks(self) -> dict[str, Any]:
        """The subscriptions that are the node's own, by topic."""
        return {sub.topic_name.lstrip("/"): sub for sub in self.node.subscriptions if sub.topic_name != "/clock"}

    def put(self, topic: str, message: Any) -> None:
        """Call back as if the message had come."""
        found = self.callbacks().get(topic)
        if found is None:
            raise SnnError(f"expected a topic of {sorted(self.callbacks())}, got '{topic}'")
        deliver(found, message, self._next())

    def _next(self) -> int:
        self.number += 1
        return self.number

    def tick(self) -> None:
        """Every timer of the node once, as when its period is over; not the report on /diagnostics."""
        for timer in self.node.timers:
            if timer is not self.node.diagnostics.timer:
                timer.callback()

    def diagnose(self) -> tuple[Level, str, dict[str, str]]:
        """What the node reports now: level, message, values."""
        self.node.diagnostics.publish()
        message: DiagnosticArray = self.sent["diagnostics"][-1]
        status = message.status[0]
        return Level(status.level[0]), str(status.message), {pair.key: pair.value for pair in status.values}


QUIET = ["--ros-args", "--log-level", "fatal"]


def deliver(subscription: Any, message: Any, number: int) -> None:
    """Call a subscription's callback, as bytes if it takes them raw, with publication number if it wants one."""
    if subscription.raw:
        message = serialize_message(message)
    kinds = type(subscription).CallbackType
    if subscription._callback_type is kinds.WithMessageInfo:
        subscription.callback(message, {NUMBER: number})
    else:
        subscription.callback(message)
