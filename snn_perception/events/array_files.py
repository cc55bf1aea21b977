"""Numpy archives of events: `x`, `y`, `t_us`, `on`, and if they are there `width` and `height`."""

import io
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snn_core.errors import DataError
from snn_perception.events.batch import LARGEST_SOURCE, EventBatch, make_batch

NAMES = {"x": ("x",), "y": ("y",), "t_us": ("t_us", "t"), "on": ("on", "p")}
_BROKEN = (ValueError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error, MemoryError)


def read_npz(path: Path, size: tuple[int, int] | None, sample: int | None = None) -> EventBatch:
    """Read an archive; one with `offset` holds samples one after the other, of which `sample` chooses one.

    Raises:
        DataError: no archive, damaged, without the arrays, or without that sample.
    """
    arrays = read_arrays(path)
    found = {name: next((arrays[key] for key in keys if key in arrays), None) for name, keys in NAMES.items()}
    missing = [name for name, array in found.items() if array is None]
    if missing:
        raise DataError(f"{path}: expected arrays {', '.join(NAMES)}, found {', '.join(arrays) or 'none'}")
    x, y, t_us, on = (array for array in found.values() if array is not None)
    if size is None and "width" in arrays and "height" in arrays:
        size = int(arrays["width"]), int(arrays["height"])
    if size is None and len(x) and "offset" in arrays:
        size = int(x.max()) + 1, int(y.max()) + 1
    part = _part(path, arrays.get("offset"), sample)
    return make_batch(x[part], y[part], t_us[part], on[part], size, str(path), "npz")


def read_arrays(path: Path) -> dict[str, NDArray]:
    """All arrays of an archive, never a pickled object; their size is checked before they are unpacked.

    Raises:
        DataError: no archive, damaged, or too large.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            total = sum(member.file_size for member in archive.infolist())
        if total > LARGEST_SOURCE:
            raise DataError(f"{path}: expected at most {LARGEST_SOURCE} bytes of arrays, found {total}")
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: np.asarray(stored[name]) for name in stored.files}
    except _BROKEN as error:
        raise DataError(f"{path}: cannot be read as an npz archive ({error}); truncated or damaged") from None
    return arrays


def _part(path: Path, offset: NDArray | None, sample: int | None) -> slice:
    if sample is None and offset is None:
        return slice(None)
    samples = 0 if offset is None else len(offset) - 1
    if sample is None or not 0 <= sample < samples:
        asked = "none" if sample is None else f"sample {sample}"
        raise DataError(f"{path}: expected one of {samples} samples, {asked} named; name it as {path}:0")
    if offset is None:
        raise DataError(f"{path}: expected an 'offset' array to find sample {sample}, found none")
    return slice(int(offset[sample]), int(offset[sample + 1]))


def npz_of(batch: EventBatch) -> bytes:
    """The events as a compressed archive."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer, x=batch.x, y=batch.y, t_us=batch.t_us, on=batch.on, width=batch.width, height=batch.height
    )
    return buffer.getvalue()
