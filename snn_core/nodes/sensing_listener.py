"""Follows `coordinator/sensing` on behalf of one stream of a node."""

import time
from collections.abc import Callable

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from snn_core.nodes.guard import Guard
from snn_core.nodes.wire import COMMAND_QOS
from snn_core.sensing import SensingLease, SensingOrder

TOPIC = "coordinator/sensing"
LEASE_S = 1.0  # real time without a message after which the node's own settings hold again
LOOK_S = 0.2


class SensingListener:
    """Keeps the lease of one stream; `on_change` hears every new order, and None when the lease ran out."""

    def __init__(
        self, node: Node, guard: Guard, stream: str, on_change: Callable[[SensingOrder | None], None] | None = None
    ) -> None:
        self.stream, self.on_change = stream, on_change
        self.lease = SensingLease(LEASE_S)
        self.told: SensingOrder | None = None
        node.create_subscription(DiagnosticArray, TOPIC, guard(self._on_message), COMMAND_QOS)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.timer = node.create_timer(LOOK_S, guard(self._tell), clock=steady)

    @property
    def order(self) -> SensingOrder | None:
        """What is asked of the stream now, None: go by your own settings."""
        return self.lease.order(time.monotonic())

    def _on_message(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == self.stream:
                self.lease.take({str(pair.key): str(pair.value) for pair in status.values}, time.monotonic())
        self._tell()

    def _tell(self) -> None:
        order = self.order
        wanted = order._replace(asleep_until_s=0.0) if order is not None else None
        if wanted != self.told:
            self.told = wanted
            if self.on_change is not None:
                self.on_change(order)
