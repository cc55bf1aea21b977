"""Events of a rosbag2 recording, sqlite3 or MCAP: event_camera_msgs/EventPacket and PointCloud2; needs no ROS."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from snn_core.errors import DataError
from snn_perception.events.batch import EventBatch, join
from snn_perception.events.decoders import EventDecoder, EventPacket
from snn_perception.events.point_clouds import PointBuffer, cloud_events

PACKET, POINTS = "event_camera_msgs/msg/EventPacket", "sensor_msgs/msg/PointCloud2"
DEFINITION = (
    "std_msgs/Header header\nuint32 height\nuint32 width\nuint64 seq\nuint64 time_base\nstring encoding\n"
    "bool is_bigendian\nuint8[] events\n"
)
_BROKEN = (AnyReaderError, OSError, ValueError, KeyError, AttributeError, IndexError, AssertionError, MemoryError)


def is_bag(path: Path) -> bool:
    """A rosbag2 folder, or one of its files."""
    return (path / "metadata.yaml").is_file() or path.suffix in (".mcap", ".db3")


def read_bag(path: Path, size: tuple[int, int] | None, topic: str = "") -> EventBatch:
    """The events of a topic; without a topic, of the only one that has events.

    Raises:
        DataError: no bag, no or several event topics, a packet that cannot be decoded, or no events.
    """
    source = f"{path}:{topic}" if topic else str(path)
    decoder = EventDecoder(source)
    batches, outside = [], 0
    for message in messages(path, topic):
        if hasattr(message, "encoding"):
            batches.append(decoder.decode(packet_of(message)))
        elif size is None:
            raise DataError(f"{source}: a PointCloud2 does not tell the sensor's size; give it with --size 640x480")
        else:
            batch, left_out = cloud_events(points_of(message), *size, source)
            batches.append(batch)
            outside += left_out
    if not batches:
        raise DataError(f"{source}: expected event packets, found none")
    return join(batches, source).counted(outside=outside, **decoder.counts)


def messages(path: Path, topic: str = "") -> Iterator[Any]:
    """The event messages of a topic in the order of their recording.

    Raises:
        DataError: the bag cannot be read, or has not exactly one such topic.
    """
    types = get_typestore(Stores.ROS2_JAZZY)
    types.register(get_types_from_msg(DEFINITION, PACKET))
    try:
        with AnyReader([path], default_typestore=types) as reader:
            connections = [c for c in reader.connections if c.msgtype in (PACKET, POINTS)]
            chosen = _choose(path, connections, topic)
            for _, _, raw in reader.messages(connections=chosen):
                yield types.deserialize_cdr(raw, chosen[0].msgtype)
    except _BROKEN as error:
        text = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path}: cannot be read as a rosbag2 recording ({text}); truncated or damaged") from None


def _choose(path: Path, connections: list[Any], topic: str) -> list[Any]:
    topics = sorted({c.topic for c in connections if topic in ("", c.topic)})
    if len(topics) != 1:
        there = ", ".join(sorted({c.topic for c in connections})) or "none"
        raise DataError(
            f"{path}: expected one event topic{topic and f' {topic}'}, found {there}; name it as BAG:/topic"
        )
    return [c for c in connections if c.topic == topics[0]]


def packet_of(message: Any) -> EventPacket:
    """An EventPacket message, of rclpy or of a bag, as plain values."""
    return EventPacket(
        memoryview(message.events), str(message.encoding), int(message.width), int(message.height), int(message.seq),
        int(message.time_base),
    )  # fmt: skip


def points_of(message: Any) -> PointBuffer:
    """A PointCloud2 message as plain values."""
    fields = [(str(f.name), int(f.offset), int(f.datatype)) for f in message.fields]
    stamp_us = int(message.header.stamp.sec) * 10**6 + int(message.header.stamp.nanosec) // 1000
    count = int(message.width) * int(message.height)
    return PointBuffer(
        fields, int(message.point_step), count, memoryview(message.data), stamp_us, bool(message.is_bigendian)
    )
