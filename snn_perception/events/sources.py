"""Where events come from and go to: one reader for each format, chosen by the file's name."""

import re
from collections.abc import Callable
from pathlib import Path

from snn_core.errors import DataError
from snn_core.files import write_atomically
from snn_perception.events.array_files import npz_of, read_npz
from snn_perception.events.batch import LARGEST_SOURCE, EventBatch
from snn_perception.events.bs2_files import bs2_of, read_bs2
from snn_perception.events.raw_files import read_raw
from snn_perception.events.text_files import read_text, text_of

Size = tuple[int, int]
WRITERS: dict[str, Callable[[EventBatch], bytes]] = {".npz": npz_of, ".txt": text_of, ".bs2": bs2_of}
KINDS = ".npz[:sample], .txt, .bs2, .raw (EVT 2.0 and 3.0), .aedat4, .db3, .mcap or a rosbag2 folder[:/topic]"


def read_events(text: str, size: Size | None = None) -> EventBatch:
    """Read a recording; `file.npz:7` names the seventh sample, `bag:/topic` a topic. `size` is (width, height).

    Raises:
        DataError: nothing is there, the format is unknown, or what it holds are not events.
    """
    path, part = _split(text)
    if not path.exists():
        raise DataError(f"{path}: expected a recording of events, found nothing there")
    try:
        if path.is_file() and path.stat().st_size > LARGEST_SOURCE:
            raise DataError(f"{path}: expected at most {LARGEST_SOURCE} bytes, found {path.stat().st_size}")
        return _read(path, part, size)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); damaged or another format") from None


def _split(text: str) -> tuple[Path, str]:
    found = re.fullmatch(r"(.+?):(\d+|/\S*)", text)
    if found and not Path(text).exists():
        return Path(found[1]), found[2]
    return Path(text), ""


def _read(path: Path, part: str, size: Size | None) -> EventBatch:
    suffix = path.suffix.lower()
    if path.is_dir() or suffix in (".db3", ".mcap"):
        from snn_perception.events.rosbag_events import is_bag, read_bag

        if is_bag(path):
            return read_bag(path, size, part)
    elif suffix == ".aedat4":
        from snn_perception.events.aedat4 import read_aedat4

        return read_aedat4(path, size)
    elif suffix == ".npz":
        return read_npz(path, size, int(part) if part.isdigit() else None)
    elif suffix in (".bs2", ".txt", ".raw"):
        return {".bs2": read_bs2, ".txt": read_text, ".raw": read_raw}[suffix](path, size)
    raise DataError(f"{path}: unknown format; expected {KINDS}")


def write_events(batch: EventBatch, path: Path) -> None:
    """Write .npz, .txt or .bs2, by the file's name.

    Raises:
        DataError: another format, or one that cannot hold these events.
        OutputError: the file cannot be written.
    """
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise DataError(f"{path}: expected one of the formats {', '.join(WRITERS)} to write")
    write_atomically(path, writer(batch))
