"""ROS messages without a ROS installation: made, serialised and described from the definitions that rosbags brings."""

from functools import cache
from typing import Any

import numpy as np
from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.store import Typestore


@cache
def store() -> Typestore:
    """The message types of ROS 2 Jazzy."""
    return get_typestore(Stores.ROS2_JAZZY)


def message(kind: str, **fields: Any) -> Any:
    """A message such as 'sensor_msgs/msg/Range'; fields that are not given are zero, empty, or messages of such.

    Raises:
        TypeError: a field that the message has not.
    """
    given = {name: fields.pop(name) if name in fields else _default(node) for name, node in store().fielddefs[kind][1]}
    if fields:
        raise TypeError(f"{kind}: expected fields among {', '.join(given)}, got {', '.join(fields)}")
    return store().types[kind](**given)


def payload(kind: str, value: Any) -> bytes:
    """A message as it goes over the wire (CDR)."""
    return bytes(store().serialize_cdr(value, kind))


def definition(kind: str) -> str:
    """The definition of a message and of all that it holds, as in a bag ('ros2msg')."""
    return store().generate_msgdef(kind, ros_version=2)[0]


def header(time_ns: int, frame: str) -> Any:
    """A std_msgs/Header."""
    return message("std_msgs/msg/Header", stamp=stamp(time_ns), frame_id=frame)


def stamp(time_ns: int) -> Any:
    """A builtin_interfaces/Time."""
    return message("builtin_interfaces/msg/Time", sec=time_ns // 10**9, nanosec=time_ns % 10**9)


def _default(node: Any) -> Any:
    """The value of a field that nobody set."""
    sort, about = node
    if sort is Nodetype.NAME:
        return message(about)
    if sort is Nodetype.BASE:
        return _plain(about[0])
    (inner, what), length = about
    if inner is Nodetype.BASE and what[0] != "string":
        return np.zeros(length, what[0])
    return [_default((inner, what)) for _ in range(length if sort is Nodetype.ARRAY else 0)]


def _plain(kind: str) -> Any:
    if kind == "string":
        return ""
    return False if kind == "bool" else 0.0 if kind.startswith("float") else 0
