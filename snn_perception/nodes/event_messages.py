"""Messages of events as plain values, and listening to both kinds of them, whichever a camera's driver sends."""

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import PointCloud2

from snn_core.errors import DataError
from snn_core.nodes.sources import Sources
from snn_perception.events.decoders import EventPacket
from snn_perception.events.packets import Packet
from snn_perception.events.point_clouds import PointBuffer

EVENT_TOPICS = ("events", "events/points")
EVENTS_QOS = QoSProfile(depth=200, reliability=ReliabilityPolicy.BEST_EFFORT)
PATIENCE_S = 0.5  # silence of a camera after which another one is listened to

Push = Callable[[Callable[[], Packet], float], None]
"""Gets what unpacks a packet, and how long ago it was received (s)."""


def listen_to_events(node: Node, sources: Sources, push: Push) -> None:
    """Subscribe to clouds of points, and to packets where event_camera_msgs is installed.

    Points are not heard while the camera sends the same events as packets too.
    """

    def hear_points(raw: bytes, age_s: float) -> None:
        if not sources.speaks("events"):
            push(lambda: unpacked(raw, PointCloud2, points_of), age_s)

    sources.subscribe(PointCloud2, "events/points", hear_points, EVENTS_QOS, PATIENCE_S, raw=True, aged=True)
    try:
        from event_camera_msgs.msg import EventPacket as Message
    except ImportError:
        node.get_logger().info("event_camera_msgs is not installed: listening to events/points only")
        return

    def hear_packet(raw: bytes, age_s: float) -> None:
        push(lambda: unpacked(raw, Message, packet_of), age_s)

    sources.subscribe(Message, "events", hear_packet, EVENTS_QOS, PATIENCE_S, raw=True, aged=True)


def unpacked(raw: bytes, kind: type, convert: Callable[[Any], EventPacket | PointBuffer]) -> Packet:
    """A message as it came over the wire, as plain values.

    Raises:
        DataError: not a message of that kind.
    """
    try:
        message = deserialize_message(raw, kind)
    except RuntimeError as error:
        raise DataError(f"expected a {kind.__name__}, found {len(raw)} bytes that are none ({error})") from None
    sent = message.header.stamp
    return Packet(convert(message), int(sent.sec) * 10**9 + int(sent.nanosec))


def points_of(message: PointCloud2) -> PointBuffer:
    """A PointCloud2 as plain values."""
    fields = [(str(f.name), int(f.offset), int(f.datatype)) for f in message.fields]
    stamp_us = int(message.header.stamp.sec) * 10**6 + int(message.header.stamp.nanosec) // 1000
    count = int(message.width) * int(message.height)
    return PointBuffer(fields, int(message.point_step), count, message.data, stamp_us, bool(message.is_bigendian))


def packet_of(message: Any) -> EventPacket:
    """An event_camera_msgs/EventPacket as plain values."""
    size = int(message.width), int(message.height)
    return EventPacket(message.events, str(message.encoding), *size, int(message.seq), int(message.time_base))
