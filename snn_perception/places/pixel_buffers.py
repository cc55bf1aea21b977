"""Pixels of camera messages: a raw buffer, its encoding and its stride, checked before anything is reshaped."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn_core.errors import DataError
from snn_perception.places.images import LUMA, Images, check_size

# encoding of sensor_msgs/Image -> (bytes per pixel, channels in the order red, green, blue; one = grey)
ENCODINGS: dict[str, tuple[int, tuple[int, ...]]] = {
    "mono8": (1, (0,)), "8UC1": (1, (0,)), "rgb8": (3, (0, 1, 2)), "bgr8": (3, (2, 1, 0)), "8UC3": (3, (2, 1, 0)),
    "rgba8": (4, (0, 1, 2)), "bgra8": (4, (2, 1, 0)), "8UC4": (4, (2, 1, 0)), "mono16": (2, (0,)), "16UC1": (2, (0,)),
}  # fmt: skip
SIXTEEN_BIT = ("mono16", "16UC1")


class PixelBuffer(NamedTuple):
    """The fields of a sensor_msgs/Image."""

    height: int
    width: int
    encoding: str
    step: int  # bytes per row
    big_endian: bool
    data: bytes | memoryview | NDArray[np.uint8]


def grey_of(buffer: PixelBuffer, source: str) -> Images:
    """The image as grey uint8 (row, column).

    Raises:
        DataError: an empty or giant image, an unknown encoding, rows longer than the step, or a buffer that is shorter
            than its own description.
    """
    check_size(buffer.height, buffer.width, source)
    if buffer.encoding not in ENCODINGS:
        raise DataError(f"{source}: expected an encoding of {', '.join(ENCODINGS)}, found {buffer.encoding[:32]!r}")
    size, channels = ENCODINGS[buffer.encoding]
    if buffer.step < buffer.width * size:
        raise DataError(
            f"{source}: expected a step of at least {buffer.width * size} bytes for {buffer.width} px of "
            f"{buffer.encoding}, found {buffer.step}"
        )
    data = np.frombuffer(buffer.data, np.uint8)
    if len(data) < buffer.height * buffer.step:
        raise DataError(
            f"{source}: expected {buffer.height * buffer.step} bytes ({buffer.height} rows of {buffer.step}), "
            f"found {len(data)}; the buffer is truncated"
        )
    rows = data[: buffer.height * buffer.step].reshape(buffer.height, buffer.step)[:, : buffer.width * size]
    pixels = rows.reshape(buffer.height, buffer.width, size)
    if buffer.encoding in SIXTEEN_BIT:
        return np.ascontiguousarray(pixels[..., 0 if buffer.big_endian else 1])
    if len(channels) == 1:
        return np.ascontiguousarray(pixels[..., 0])
    return np.rint(pixels[..., list(channels)].astype(np.float32) @ LUMA).astype(np.uint8)
