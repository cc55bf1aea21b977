"""Events as points of a PointCloud2: fields x, y, t and p, in any numeric type and any order."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from snn_core.errors import DataError
from snn_perception.events.batch import EventBatch, check_size, sort_events

DTYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 8: "f8"}  # sensor_msgs/PointField


class PointBuffer(NamedTuple):
    """A cloud as it came."""

    fields: Sequence[tuple[str, int, int]]  # name, offset in bytes, type
    step: int
    points: int
    data: Any
    stamp_us: int
    big_endian: bool = False


def cloud_events(cloud: PointBuffer, width: int, height: int, source: str = "events") -> tuple[EventBatch, int]:
    """The events of a cloud and how many were left out for lying outside the sensor.

    t of four bytes or less counts from the header's stamp: whole numbers are microseconds, others seconds. t of eight
    bytes is absolute, in seconds.

    Raises:
        DataError: a field is missing or outside its point, or the data is shorter than its points.
    """
    check_size(width, height, source)
    there = {name: (offset, kind) for name, offset, kind in cloud.fields}
    missing = [name for name in "xytp" if name not in there or there[name][1] not in DTYPES]
    if missing:
        raise DataError(f"{source}: expected the fields x, y, t and p, found {', '.join(there)[:80] or 'none'}")
    order = ">" if cloud.big_endian else "<"
    formats = [order + DTYPES[there[name][1]] for name in "xytp"]
    offsets = [there[name][0] for name in "xytp"]
    if max(o + np.dtype(f).itemsize for o, f in zip(offsets, formats, strict=True)) > cloud.step or cloud.step > 1024:
        raise DataError(f"{source}: expected fields within points of at most 1024 bytes, found {cloud.step} bytes")
    if len(cloud.data) < cloud.points * cloud.step:
        raise DataError(
            f"{source}: expected {cloud.points} points of {cloud.step} bytes, found {len(cloud.data)} bytes"
        )
    layout = np.dtype({"names": list("xytp"), "formats": formats, "offsets": offsets, "itemsize": cloud.step})
    points = np.frombuffer(cloud.data, layout, cloud.points)
    return _batch(points, np.dtype(formats[2]), cloud.stamp_us, width, height)


def counts_from_stamp(cloud: PointBuffer) -> bool:
    """Whether the times of a cloud's points count from its stamp; otherwise they are of the camera's own clock."""
    kinds = [kind for name, _, kind in cloud.fields if name == "t"]
    return bool(kinds) and np.dtype(DTYPES[kinds[-1]]).itemsize < 8


def _batch(points: Any, time: np.dtype, stamp_us: int, width: int, height: int) -> tuple[EventBatch, int]:
    x, y, t = (points[name].astype(np.float64) for name in "xyt")
    inside = (x >= 0) & (y >= 0) & (x < width) & (y < height) & np.isfinite(t) & (np.abs(t) < 1e15)
    points, t = points[inside], t[inside]
    t_us = np.rint(t * (1e6 if time.kind == "f" else 1.0)).astype(np.int64) + (0 if time.itemsize == 8 else stamp_us)
    batch = EventBatch(
        points["x"].astype(np.uint16), points["y"].astype(np.uint16), t_us, points["p"] > 0, width, height, "points"
    )
    return sort_events(batch), int(len(x) - len(t))
