"""Subscriptions that listen to one publisher each, however many there are."""

import inspect
import time
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile

from snn_core.nodes.guard import Guard
from snn_core.source_pin import SourcePin

NUMBER, RECEIVED = "publication_sequence_number", "received_timestamp"
_MESSAGE_AND_INFO = inspect.Signature(
    [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in ("message", "info")]
)


class Sources:
    """Makes subscriptions of a node whose first source is kept; see `SourcePin`. Rivals are counted by topic."""

    def __init__(self, node: Node, guard: Guard) -> None:
        self.node, self.guard = node, guard
        self.pins: dict[str, SourcePin] = {}

    def subscribe(
        self,
        message_type: Any,
        topic: str,
        callback: Callable[..., None],
        qos: QoSProfile,
        patience_s: float,
        raw: bool = False,
        aged: bool = False,
    ) -> None:
        """Subscribe; after `patience_s` of silence of its source a topic takes the next one that speaks.

        raw: hand over bytes instead of a message. aged: and how long ago it was received (s), as callbacks may wait.
        """
        pin = self.pins[topic] = SourcePin(patience_s)

        def from_one_source(*args: Any) -> None:
            # The executor driven by events hands over message and info as one tuple, the others as two arguments.
            message, info = args if len(args) == 2 else args[0]
            if pin.take(int(info.get(NUMBER) or 0), time.perf_counter()):
                callback(message, *([_age_s(info)] if aged else []))

        from_one_source.__signature__ = _MESSAGE_AND_INFO  # type: ignore[attr-defined]
        from_one_source.__name__ = getattr(callback, "__name__", "callback")
        self.node.create_subscription(message_type, topic, self.guard(from_one_source), qos, raw=raw)

    def speaks(self, topic: str) -> bool:
        """Whether a topic that may have been subscribed to has been heard lately."""
        return topic in self.pins and self.pins[topic].speaks(time.perf_counter())

    @property
    def refused(self) -> dict[str, int]:
        """Messages of rivals that were refused, by topic."""
        return {topic: pin.refused for topic, pin in self.pins.items()}


def _age_s(info: Any) -> float:
    """Time since the middleware received a message; none where it does not tell."""
    received_ns = int(info.get(RECEIVED) or 0)
    return max((time.time_ns() - received_ns) * 1e-9, 0.0) if received_ns else 0.0
