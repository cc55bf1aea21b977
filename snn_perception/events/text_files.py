"""Text files of events: `t x y p` a line, t in seconds (with a decimal point) or microseconds."""

from pathlib import Path

import numpy as np

from snn_core.errors import DataError
from snn_perception.events.batch import EventBatch, make_batch


def read_text(path: Path, size: tuple[int, int] | None) -> EventBatch:
    """Read `t x y p` lines; a first line `width height` gives the size of the sensor.

    Raises:
        DataError: a line that does not hold four numbers, or no events.
    """
    lines = path.read_text(encoding="ascii").splitlines()
    lines = [line for line in lines if line.strip() and not line.startswith("#")]
    if lines and len(lines[0].split()) == 2:
        stated = _size(lines.pop(0), path)
        size = size or stated
    if not lines:
        raise DataError(f"{path}: expected events, found none")
    try:
        table = np.loadtxt(lines, np.float64, ndmin=2)
    except ValueError as error:
        raise DataError(f"{path}: expected 't x y p' on each line ({error}); truncated or another format") from None
    if table.shape[1] != 4:
        raise DataError(f"{path}: expected 't x y p' on each line, found {table.shape[1]} columns")
    t, x, y, p = table.T
    scale = 1e6 if "." in lines[0].split()[0] else 1.0
    return make_batch(x, y, t * scale, p, size, str(path), "txt")


def _size(line: str, path: Path) -> tuple[int, int]:
    try:
        width, height = map(int, line.split())
    except ValueError:
        raise DataError(f"{path}: expected 'width height' or 't x y p' first, found {line[:40]!r}") from None
    return width, height


def text_of(batch: EventBatch) -> bytes:
    """The events as such lines, in seconds, behind the sensor's size."""
    rows = zip(batch.t_us.tolist(), batch.x.tolist(), batch.y.tolist(), batch.on.tolist(), strict=True)
    lines = [f"{batch.width} {batch.height}"]
    lines += [f"{t // 10**6}.{t % 10**6:06d} {x} {y} {int(on)}" for t, x, y, on in rows]
    return ("\n".join(lines) + "\n").encode()
