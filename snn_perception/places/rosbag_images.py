"""Images of a rosbag2 recording, sqlite3 or MCAP, raw or compressed; needs no ROS installation."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rosbags.highlevel import AnyReader, AnyReaderError
from rosbags.typesys import Stores, get_typestore

from snn_core.errors import DataError
from snn_perception.places.image_files import decode_image
from snn_perception.places.pixel_buffers import PixelBuffer, grey_of

RAW, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"


def is_bag(path: Path) -> bool:
    """A rosbag2 folder, or one of its files."""
    return (path / "metadata.yaml").is_file() or path.suffix in (".mcap", ".db3")


def read_bag(path: Path, topic: str = "") -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """The images of a topic in the order of their recording, named and grey; without a topic, of the only one.

    Raises:
        DataError: no bag, no images, several image topics and none named, or an image that cannot be decoded.
    """
    try:
        with AnyReader([path], default_typestore=get_typestore(Stores.ROS2_JAZZY)) as reader:
            connection = _choose(path, [c for c in reader.connections if c.msgtype in (RAW, COMPRESSED)], topic)
            for number, (_, _, raw) in enumerate(reader.messages(connections=[connection])):
                name = f"{path}:{connection.topic}#{number}"
                yield name, _image(reader.deserialize(raw, connection.msgtype), name)
    except (AnyReaderError, OSError, ValueError, KeyError, AttributeError) as error:
        raise DataError(f"{path}: cannot be read as a rosbag2 recording ({' '.join(str(error).split())})") from None


def _choose(path: Path, images: list[Any], topic: str) -> Any:
    named = [connection for connection in images if topic in ("", connection.topic)]
    topics = sorted({connection.topic for connection in named})
    if len(topics) == 1:
        return named[0]
    there = ", ".join(sorted({connection.topic for connection in images})) or "none"
    if topics:
        raise DataError(f"{path}: expected one image topic, found {there}; name it as {path}:/topic")
    raise DataError(f"{path}: expected images on {topic or 'some topic'}, found image topics: {there}")


def _image(message: Any, source: str) -> NDArray[np.uint8]:
    if hasattr(message, "format"):
        return decode_image(bytes(message.data), source)
    buffer = PixelBuffer(
        int(message.height), int(message.width), message.encoding, int(message.step), bool(message.is_bigendian),
        message.data,
    )  # fmt: skip
    return grey_of(buffer, source)
