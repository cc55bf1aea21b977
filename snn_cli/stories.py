"""What a bag tells about a flight under the coordinator: its events, and the signals around them."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.typesys import Stores, get_typestore

from snn_control.coordination.journal import Event, Kind
from snn_core.errors import DataError
from snn_core.signals import Level

Array = NDArray[np.float64]
EVENTS, SENSING, OWNER = "coordinator/events", "coordinator/sensing", "command/owner"
SIGNALS = {"range": "range", "target": "target", "odom": "height", "command": "command"}
_BROKEN = (AnyReaderError, OSError, ValueError, KeyError, AttributeError, IndexError, AssertionError, MemoryError)


class Story(NamedTuple):
    """A flight as the coordinator saw it."""

    events: list[Event]
    signals: dict[str, Array]  # name -> (2, sample): seconds, value
    owners: list[tuple[float, str]]  # each message of the lease
    rates: dict[str, Array]  # stream -> (2, message): seconds, rate asked for
    trusts: dict[str, Array]  # stream -> (2, message): seconds, trust


def read_story(path: Path) -> Story:
    """Read a rosbag2 (MCAP or SQLite).

    Raises:
        DataError: the bag cannot be read, or has no events of a coordinator.
    """
    story = Story([], {}, [], {}, {})
    samples: dict[str, list[tuple[float, float]]] = {}
    try:
        with AnyReader([path], default_typestore=get_typestore(Stores.ROS2_JAZZY)) as reader:
            known = [c for c in reader.connections if _topic(c.topic)]
            for connection, _, raw in reader.messages(connections=known) if known else ():
                _take(story, samples, _topic(connection.topic), reader.deserialize(raw, connection.msgtype))
    except _BROKEN as error:
        text = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path}: cannot be read as a rosbag2 recording ({text}); truncated or damaged") from None
    if not story.events:
        raise DataError(f"{path}: expected messages on {EVENTS}, found none; record that topic of the coordinator")
    _sort(story, samples)
    return story


def _topic(name: str) -> str:
    """The relative name of a topic that belongs to the story, whatever its namespace; else empty."""
    wanted = (EVENTS, SENSING, OWNER, *SIGNALS)
    return next((topic for topic in wanted if name == topic or name.endswith(f"/{topic}")), "")


def _sort(story: Story, samples: dict[str, list[tuple[float, float]]]) -> None:
    story.events.sort(key=lambda event: event.stamp_s)
    for name, pairs in samples.items():
        kind, _, stream = name.partition(":")
        target = {"rate": story.rates, "trust": story.trusts}.get(kind, story.signals)
        target[stream or kind] = np.array(sorted(pairs)).T


def _take(story: Story, samples: dict[str, list[tuple[float, float]]], topic: str, message: Any) -> None:
    if topic == OWNER:
        story.owners.append((_seconds(message.stamp), str(message.frame_id)))
        return
    stamp_s = _seconds(message.header.stamp)
    if topic == EVENTS:
        story.events.extend(event_of(status) for status in message.status)
    elif topic == SENSING:
        for status in message.status:
            values = {str(pair.key): str(pair.value) for pair in status.values}
            for key, name in (("expected_rate_hz", "rate"), ("trust", "trust")):
                samples.setdefault(f"{name}:{status.name}", []).append((stamp_s, float(values[key])))
    else:
        samples.setdefault(SIGNALS[topic], []).append((stamp_s, _value(topic, message)))


def _value(topic: str, message: Any) -> float:
    if topic == "range":
        return float(message.range)
    if topic == "target":
        return float(message.point.z)
    return float(message.pose.pose.position.z if topic == "odom" else message.wrench.force.z)


def _seconds(stamp: Any) -> float:
    return float(stamp.sec) + float(stamp.nanosec) * 1e-9


def event_of(status: Any) -> Event:
    """An event from its message.

    Raises:
        KeyError, ValueError: the message is something else.
    """
    values = {str(pair.key): str(pair.value) for pair in status.values}
    return Event(
        float(values["stamp_s"]), Kind(values["kind"]), values["subject"], values["old"], values["new"],
        values["cause"], values["evidence"], Level(int(status.level)),
    )  # fmt: skip
