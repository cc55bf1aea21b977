"""The node `event_motion` as a process of its own, fed from a recording at one, ten and a hundred times its pace."""

import array
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import event_messages
from benchmarks.motion import DATA
from benchmarks.row import Row, duration, throughput
from snn_core.event_messages import FIELDS, STEP, cloud_bytes
from snn_perception.events.decoders import EventDecoder
from snn_perception.events.rosbag_events import messages, packet_of

RECORDING = DATA / "evt3_640x480_0.db3"
SPEEDS = (1, 10, 100)
DOMAIN = 78
PATIENCE_S, SETTLE_S = 60.0, 2.5
BOUND_MS = 20.0


class Sent(NamedTuple):
    """A message, when it is due in the recording, and the stamp that tells which it is."""

    due_s: float
    message: Any
    stamp_ns: int


class Heard(NamedTuple):
    """What came back."""

    latencies_s: list[float]  # from sending the packet that completes a window to its motion
    counts: dict[str, str]  # of /diagnostics


def node() -> list[Row]:
    """Latency and drops, by DDS; the peer is the bound that the node promises."""
    if find_spec("rclpy") is None or not RECORDING.is_file():
        return []
    folder = event_messages.provide()
    kinds: list[tuple[str, str, Callable[[], list[Sent]]]] = [("PointCloud2", "events/points", clouds)]
    if folder is not None:
        kinds.append(("EventPacket", "events", packets))
    return [
        row
        for kind, topic, make in kinds
        for sent in [make()]
        for speed in SPEEDS
        for row in _rows(f"{kind}, {speed}x", len(sent), play(sent, topic, speed, folder))
    ]


def _rows(name: str, count: int, heard: Heard) -> list[Row]:
    latencies_ms = np.array(heard.latencies_s or [np.nan]) * 1e3
    dropped, used = (int(heard.counts.get(key, 0)) for key in ("dropped_packets", "packets"))
    windows = len(heard.latencies_s)
    return [
        duration(f"{name}: latency p50, {windows} windows", float(np.median(latencies_ms)), "ms", "bound", BOUND_MS),
        duration(f"{name}: latency p99", float(np.percentile(latencies_ms, 99)), "ms", "bound", BOUND_MS),
        throughput(
            f"{name}: packets used, {dropped} dropped and counted, {count - dropped - used} lost by DDS",
            used,
            "",
            "sent",
            count,
        ),
    ]


def clouds() -> list[Sent]:
    """The recording as point clouds, a packet each, stamped with their first event's time."""
    from sensor_msgs.msg import PointCloud2, PointField

    fields = [PointField(name=n, offset=o, datatype=k, count=1) for n, o, k in FIELDS]
    decoder, sent = EventDecoder(), []
    for recorded in messages(RECORDING):
        batch = decoder.decode(packet_of(recorded))
        first_us = int(batch.t_us[0])
        cloud = PointCloud2(width=len(batch), height=1, point_step=STEP, row_step=STEP * len(batch), fields=fields)
        cloud.data = array.array("B", cloud_bytes(batch, first_us))
        sent.append(_stamped(recorded, cloud, first_us * 1000))
    return sent


def packets() -> list[Sent]:
    """The recording's own packets."""
    from event_camera_msgs.msg import EventPacket

    sent = []
    for recorded in messages(RECORDING):
        packet = EventPacket(
            height=recorded.height, width=recorded.width, seq=recorded.seq, time_base=recorded.time_base,
            encoding=recorded.encoding, is_bigendian=recorded.is_bigendian,
        )  # fmt: skip
        packet.events = array.array("B", recorded.events.tobytes())
        stamp = recorded.header.stamp
        sent.append(_stamped(recorded, packet, int(stamp.sec) * 10**9 + int(stamp.nanosec)))
    return sent


def _stamped(recorded: Any, message: Any, stamp_ns: int) -> Sent:
    message.header.stamp.sec, message.header.stamp.nanosec = stamp_ns // 10**9, stamp_ns % 10**9
    return Sent(recorded.header.stamp.sec + recorded.header.stamp.nanosec * 1e-9, message, stamp_ns)


@contextmanager
def motion_node(folder: Path | None) -> Iterator[None]:
    """The installed node, running; every window is told, however unsure."""
    command = [str(Path(sys.executable).with_name("event_motion")), "--ros-args", "--log-level", "fatal"]
    command += ["-p", "min_confidence:=0.0", "-p", "flow_rate_hz:=0.0"]
    local = {"ROS_DOMAIN_ID": str(DOMAIN), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
    path = os.pathsep.join(filter(None, (str(folder or ""), os.environ.get("PYTHONPATH", ""))))
    process = subprocess.Popen(command, env={**os.environ, **local, "PYTHONPATH": path})
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=PATIENCE_S)


def play(sent: list[Sent], topic: str, speed: float, folder: Path | None) -> Heard:
    """Publish at so many times the recording's pace, and listen."""
    import rclpy
    from diagnostic_msgs.msg import DiagnosticArray
    from geometry_msgs.msg import TwistWithCovarianceStamped
    from rclpy.context import Context
    from rclpy.node import Node
    from rclpy.qos import QoSProfile
    from rclpy.signals import SignalHandlerOptions

    from snn_core.nodes.process import make_executor

    context = Context()
    rclpy.init(context=context, domain_id=DOMAIN, signal_handler_options=SignalHandlerOptions.NO)
    player, executor = Node("player", context=context), make_executor(context)
    executor.add_node(player)
    arrivals: list[tuple[int, float]] = []
    counts: dict[str, str] = {}

    def hear(message: Any) -> None:
        stamp = message.header.stamp
        arrivals.append((int(stamp.sec) * 10**9 + int(stamp.nanosec), time.perf_counter()))

    def note(message: Any) -> None:
        counts.update({pair.key: pair.value for status in message.status for pair in status.values})

    player.create_subscription(TwistWithCovarianceStamped, "motion", hear, 1000)
    player.create_subscription(DiagnosticArray, "/diagnostics", note, 10)
    publisher = player.create_publisher(type(sent[0].message), topic, QoSProfile(depth=1000))
    with motion_node(folder):
        _spin(executor, lambda: publisher.get_subscription_count() > 0, PATIENCE_S)
        _spin(executor, lambda: False, 1.0)
        times: dict[int, float] = {}
        begin_s = time.perf_counter()
        for due_s, message, stamp_ns in sent:
            due = begin_s + (due_s - sent[0].due_s) / speed
            _spin(executor, lambda due=due: time.perf_counter() >= due, PATIENCE_S)
            times[stamp_ns] = time.perf_counter()
            publisher.publish(message)
        _spin(executor, lambda: False, SETTLE_S)
    executor.shutdown()
    rclpy.try_shutdown(context=context)
    return Heard([arrived - times[stamp] for stamp, arrived in arrivals if stamp in times], counts)


def _spin(executor: Any, holds: Callable[[], bool], patience_s: float) -> None:
    deadline = time.perf_counter() + patience_s
    while not holds() and time.perf_counter() < deadline:
        executor.spin_once(timeout_sec=0.0005)
