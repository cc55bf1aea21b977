"""Events as the bytes of messages: points of a PointCloud2, words of an EventPacket."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

FIELDS = (("x", 0, 4), ("y", 2, 4), ("t", 4, 6), ("p", 8, 2))  # name, offset, type (sensor_msgs/PointField)
STEP = 9  # bytes of a point
POINT = np.dtype(
    {"names": ["x", "y", "t", "p"], "formats": ["<u2", "<u2", "<u4", "u1"], "offsets": [0, 2, 4, 8], "itemsize": STEP}
)
PACKET_ENCODING = "mono"  # each packet can be read without those before it
LONGEST_US = (2**32 - 1) // 1000  # of a packet


class EventArrays(Protocol):
    """Events of any origin: arrays of equal length, sorted by time."""

    @property
    def x(self) -> NDArray[Any]:
        """Columns, (event,)."""

    @property
    def y(self) -> NDArray[Any]:
        """Rows, (event,)."""

    @property
    def t_us(self) -> NDArray[np.int64]:
        """Times in microseconds, (event,)."""

    @property
    def on(self) -> NDArray[np.bool_]:
        """Brighter or darker, (event,)."""


def cloud_bytes(events: EventArrays, base_us: int) -> bytes:
    """The data of a cloud with the fields `FIELDS`; t counts microseconds from `base_us`, which no event precedes."""
    points = np.zeros(len(events.x), POINT)
    points["x"], points["y"], points["p"] = events.x, events.y, events.on
    points["t"] = np.maximum(events.t_us - base_us, 0)
    return points.tobytes()


def packet_bytes(events: EventArrays, base_us: int) -> bytes:
    """The data of an EventPacket with the encoding `mono`, whose `time_base` stands for `base_us`.

    A word of 64 bit for each event: 32 of nanoseconds since the base, 16 of column, 15 of row, 1 of polarity. Events
    before the base or more than 4.2 s after it get the nearest time that there is a word for.
    """
    after_ns = np.clip(events.t_us - base_us, 0, LONGEST_US).astype(np.uint64) * np.uint64(1000)
    words = after_ns | events.x.astype(np.uint64) << np.uint64(32) | events.y.astype(np.uint64) << np.uint64(48)
    return (words | events.on.astype(np.uint64) << np.uint64(63)).astype("<u8").tobytes()
