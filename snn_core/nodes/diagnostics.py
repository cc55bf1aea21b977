"""Reports the health of a node on /diagnostics."""

import os
import platform
import time
from collections.abc import Callable
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from snn_core.nodes.guard import Guard
from snn_core.nodes.sources import Sources
from snn_core.nodes.wire import now_s, stamp
from snn_core.signals import Health, Level

PERIOD_S = 1.0
LONGEST_TEXT = 500  # characters; what came from outside must not flood a log


class Diagnostics:
    """Publishes a report once per second of real time, whatever simulated time does.

    `inputs` are topics that only one node may publish: two sources would alternate. Messages that `sources` refused for
    coming from another one than the first are counted.
    """

    def __init__(
        self,
        node: Node,
        guard: Guard,
        report: Callable[[], Health],
        inputs: tuple[str, ...],
        sources: Sources | None = None,
    ) -> None:
        self.node, self.guard, self.report, self.sources = node, guard, report, sources
        self.inputs = tuple(node.resolve_topic_name(topic) for topic in inputs)
        self.usage = Usage(guard)
        self.publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.timer = node.create_timer(PERIOD_S, guard(self.publish), clock=Clock(clock_type=ClockType.STEADY_TIME))

    def publish(self) -> None:
        """Send the report now."""
        health = self.report()
        complaints = [*self._exceptions(), *self._rivals(), *self._no_clock()]
        level = max([health.level, *(level for level, _ in complaints)])
        text = "; ".join([*(text for _, text in complaints), health.message])
        status = DiagnosticStatus(level=bytes([int(level)]), name=self.node.get_fully_qualified_name().lstrip("/"))
        status.message, status.hardware_id = _clean(text), "snn_robotics"
        values = {**health.values, "exceptions": self.guard.errors, **self.usage.take()}
        if self.sources is not None:
            values |= {f"rivals_refused_{topic}": count for topic, count in self.sources.refused.items()}
        status.values = [KeyValue(key=key, value=_clean(value)) for key, value in values.items()]
        message = DiagnosticArray(status=[status])
        message.header.stamp = stamp(now_s(self.node))
        self.publisher.publish(message)

    def _exceptions(self) -> list[tuple[Level, str]]:
        if not self.guard.errors:
            return []
        return [(Level.ERROR, f"{self.guard.errors} exceptions, the newest in {self.guard.newest}")]

    def _no_clock(self) -> list[tuple[Level, str]]:
        if self.node.get_clock().ros_time_is_active and now_s(self.node) == 0.0:
            return [(Level.ERROR, "use_sim_time is set, but nobody publishes /clock")]
        return []

    def _rivals(self) -> list[tuple[Level, str]]:
        """Topics with more than one source, with the names of the sources."""
        found = []
        for topic in self.inputs:
            sources = [_endpoint(info) for info in self.node.get_publishers_info_by_topic(topic)]
            if len(sources) > 1:
                found.append((Level.ERROR, f"{len(sources)} publishers on {topic}: {', '.join(sorted(sources))}"))
        return found


def _endpoint(info: Any) -> str:
    """Name of a publisher's node, and of its GID the parts that stand for the process and for the publisher."""
    gid = bytes(info.endpoint_gid)
    return f"{info.node_name} ({gid[2:8].hex()}.{gid[12:16].hex()})"


class Usage:
    """How much of its thread a node uses, and how much of a processor its process, between two reports."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self.at_s, self.busy_s, self.cpu_s = time.perf_counter(), guard.busy_s, time.process_time()
        self.process = f"{platform.node()}:{os.getpid()}"

    def take(self) -> dict[str, float | int | str]:
        """The shares since the last call; nodes with the same `process` share one thread."""
        at_s, busy_s, cpu_s = time.perf_counter(), self.guard.busy_s, time.process_time()
        passed_s = max(at_s - self.at_s, 1e-6)
        busy, cpu = (busy_s - self.busy_s) / passed_s, (cpu_s - self.cpu_s) / passed_s
        self.at_s, self.busy_s, self.cpu_s = at_s, busy_s, cpu_s
        longest_ms = self.guard.take_longest_s() * 1e3
        return {"busy": busy, "process_cpu": cpu, "longest_callback_ms": longest_ms, "process": self.process}


def _clean(value: float | int | str) -> str:
    """Text for one line: no control characters, not endless."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return "".join(c if c.isprintable() else "?" for c in text[:LONGEST_TEXT])
