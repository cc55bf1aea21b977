"""`.bs2` files of 34 to 256 px sensors: five bytes an event, x, y, polarity with 23 bits of microseconds."""

from pathlib import Path

import numpy as np

from snn_core.errors import DataError
from snn_perception.events.batch import EventBatch, make_batch

RECORD = 5
WRAP_US = 1 << 23
LARGEST = 256
SIZE = (128, 128)  # of the DVS128, which most of these files come from


def read_bs2(path: Path, size: tuple[int, int] | None) -> EventBatch:
    """Read a file; its clock wraps after 8.4 s, each wrap is undone and counted as `rollover`.

    Raises:
        DataError: not a whole number of events, or none.
    """
    payload = path.read_bytes()
    if len(payload) % RECORD:
        raise DataError(f"{path}: expected {RECORD} bytes an event, found {len(payload)} bytes; truncated or foreign")
    x, y, high, middle, low = np.frombuffer(payload, np.uint8).reshape(-1, RECORD).T.astype(np.int64)
    t_us = (high & 0x7F) << 16 | middle << 8 | low
    wraps = np.concatenate([[0], np.cumsum(np.diff(t_us) < -WRAP_US // 2)])[: len(t_us)]
    faults = {"rollover": int(wraps[-1])} if len(wraps) and wraps[-1] else {}
    fits = len(x) == 0 or (x.max() < SIZE[0] and y.max() < SIZE[1])
    chosen = size or (SIZE if fits else (LARGEST, LARGEST))
    return make_batch(x, y, t_us + wraps * WRAP_US, high >> 7, chosen, str(path), "bs2", faults)


def bs2_of(batch: EventBatch) -> bytes:
    """The events in this format.

    Raises:
        DataError: a sensor larger than 256 px, or a gap that the wrapping clock cannot tell.
    """
    if max(batch.width, batch.height) > LARGEST:
        raise DataError(f"bs2: expected a sensor of at most {LARGEST} px, found {batch.width} x {batch.height}")
    if len(batch) and (np.diff(batch.t_us) >= WRAP_US // 2).any():
        raise DataError(f"bs2: expected gaps below {WRAP_US / 2e6:g} s, found a longer one; write npz")
    t = batch.t_us % WRAP_US
    columns = (batch.x, batch.y, batch.on.astype(np.int64) << 7 | t >> 16, t >> 8 & 0xFF, t & 0xFF)
    return np.stack(columns, axis=1).astype(np.uint8).tobytes()
