"""Events of an event camera: where, when, brighter or darker; and the checks that every source passes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn_core.errors import DataError

LARGEST_SIDE = 8192  # px; no event camera comes near
LARGEST_SOURCE = 2 * 1024**3  # bytes of one recording
LONGEST_US = 10**9 * 10**6  # of a recording: thirty years


@dataclass(frozen=True)
class EventBatch:
    """Events in the order of time, in contiguous arrays of equal length; y counts rows downwards."""

    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    t_us: NDArray[np.int64]
    on: NDArray[np.bool_]
    width: int
    height: int
    format: str = "memory"
    faults: Mapping[str, int] = field(default_factory=dict)  # what was repaired or left out, counted by name

    def __len__(self) -> int:
        return len(self.t_us)

    def take(self, chosen: slice | NDArray) -> "EventBatch":
        """Some of the events: a slice, indices, or a mask."""
        parts: Iterable[Any] = (np.ascontiguousarray(array[chosen]) for array in (self.x, self.y, self.t_us, self.on))
        x, y, t_us, on = parts
        return replace(self, x=x, y=y, t_us=t_us, on=on)

    def counted(self, **faults: int) -> "EventBatch":
        """The same events with more faults counted; zeros are left out."""
        sums = {name: self.faults.get(name, 0) + count for name, count in faults.items() if count}
        return replace(self, faults={**self.faults, **sums})


def make_batch(
    x: NDArray, y: NDArray, t_us: NDArray, on: NDArray, size: tuple[int, int] | None = None, source: str = "events",
    format: str = "memory", faults: Mapping[str, int] | None = None,
) -> EventBatch:  # fmt: skip
    """A batch from arrays; late events are sorted in and counted as `out_of_order`.

    `size` is (width, height); without it the smallest sensor that holds the events.

    Raises:
        DataError: no events, arrays of different length, values that are not whole numbers, events outside the sensor.
    """
    arrays = [np.atleast_1d(np.asarray(array)) for array in (x, y, t_us, on)]
    lengths = [len(array) for array in arrays]
    if len(set(lengths)) != 1 or any(array.ndim != 1 for array in arrays):
        raise DataError(f"{source}: expected as many x, y, t_us and on, found {[a.shape for a in arrays]}")
    if lengths[0] == 0:
        raise DataError(f"{source}: expected events, found none")
    columns, rows, times = (
        _whole(array, source, name) for array, name in zip(arrays, ("x", "y", "t_us"), strict=False)
    )
    width, height = size or (max(int(columns.max()), 0) + 1, max(int(rows.max()), 0) + 1)
    check_size(width, height, source)
    outside = (columns < 0) | (rows < 0) | (columns >= width) | (rows >= height)
    if outside.any():
        k = int(np.argmax(outside))
        raise DataError(
            f"{source}: expected events within {width} x {height} px, found {int(outside.sum())} outside, the first "
            f"at ({columns[k]}, {rows[k]}); another format or sensor size?"
        )
    batch = EventBatch(
        columns.astype(np.uint16), rows.astype(np.uint16), times, arrays[3].astype(np.float64) > 0, width, height,
        format, dict(faults or {}),
    )  # fmt: skip
    return sort_events(batch)


def sort_events(batch: EventBatch) -> EventBatch:
    """The batch in the order of time; events older than one before them are counted as `out_of_order`."""
    late = int(np.count_nonzero(batch.t_us < np.maximum.accumulate(batch.t_us))) if len(batch) else 0
    if late:
        batch = batch.take(np.argsort(batch.t_us, kind="stable")).counted(out_of_order=late)
    return batch


def check_size(width: int, height: int, source: str) -> None:
    """Refuse a sensor that cannot be, before any array is made for it.

    Raises:
        DataError: a side of less than 1 or more than 8192 px.
    """
    if not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE):
        raise DataError(f"{source}: expected a sensor of 1 to {LARGEST_SIDE} px a side, found {width} x {height}")


def _whole(values: NDArray, source: str, name: str) -> NDArray[np.int64]:
    if values.dtype.kind not in "iufb":
        raise DataError(f"{source}: expected numbers as {name}, found {values.dtype}")
    if not np.isfinite(values).all():
        raise DataError(f"{source}: expected finite {name}, found {values[~np.isfinite(values)][0]}")
    if values.dtype.kind in "uf" and np.abs(values).max() > LONGEST_US * 10:
        raise DataError(f"{source}: expected {name} below 1e16, found {values.max():g}")
    return np.rint(values).astype(np.int64) if values.dtype.kind == "f" else values.astype(np.int64)


def join(batches: list[EventBatch], source: str = "events") -> EventBatch:
    """Batches of one sensor one after the other, faults added up; sorted.

    Raises:
        DataError: no events, or batches of different sensors.
    """
    sizes = {(batch.width, batch.height) for batch in batches}
    if len(sizes) > 1:
        raise DataError(f"{source}: expected one sensor size, found {sorted(sizes)}")
    faults: dict[str, int] = {}
    for batch in batches:
        for name, count in batch.faults.items():
            faults[name] = faults.get(name, 0) + count
    if not sum(map(len, batches)):
        raise DataError(f"{source}: expected events, found none{_list(faults)}")
    x, y, t, on = (np.concatenate([getattr(b, name) for b in batches]) for name in ("x", "y", "t_us", "on"))
    return sort_events(EventBatch(x, y, t, on, *sizes.pop(), batches[0].format, faults))


def _list(faults: Mapping[str, int]) -> str:
    return f" ({', '.join(f'{name}: {count}' for name, count in faults.items())})" if faults else ""
