"""AEDAT4 recordings of DAVIS and DVXplorer cameras, through the optional library aedat."""

from pathlib import Path
from typing import Any

import numpy as np

from snn_core.errors import DataError
from snn_perception.events.batch import EventBatch, make_batch


def read_aedat4(path: Path, size: tuple[int, int] | None) -> EventBatch:
    """The events of the recording's first event stream; frames, IMU and triggers are left out.

    Raises:
        DataError: the library is not installed, the file is damaged, or holds no events.
    """
    try:
        import aedat
    except ImportError:
        raise DataError(f"{path}: AEDAT4 needs the library aedat, which is not there; pip install aedat") from None
    try:
        decoder = aedat.Decoder(str(path))
        streams = {key: stream for key, stream in decoder.id_to_stream().items() if stream["type"] == "events"}
        chosen = min(streams, default=None)
        packets = [p["events"] for p in decoder if p["stream_id"] == chosen and "events" in p]
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        text = " ".join(str(error).split())
        raise DataError(f"{path}: cannot be read as AEDAT4 ({text}); truncated or damaged") from None
    if chosen is None or not packets:
        raise DataError(f"{path}: expected events, found none in {len(streams)} event streams")
    events: Any = np.concatenate(packets)
    size = size or (int(streams[chosen]["width"]), int(streams[chosen]["height"]))
    return make_batch(events["x"], events["y"], events["t"], events["on"], size, str(path), "aedat4")
