"""Prophesee's RAW files: a text header of `% key value` lines, then EVT 2.0 or EVT 3.0 words."""

import re
from pathlib import Path

from snn_core.errors import DataError
from snn_perception.events.batch import EventBatch, join
from snn_perception.events.decoders import EventDecoder, EventPacket

ENCODINGS = {"2.0": "evt2", "evt2": "evt2", "3.0": "evt3", "evt3": "evt3"}
SIZE = (1280, 720)  # where the header is silent


def read_raw(path: Path, size: tuple[int, int] | None) -> EventBatch:
    """Read a file of either encoding.

    Raises:
        DataError: no header, another encoding, a cut-off word, or no events.
    """
    payload = path.read_bytes()
    header, body = split_header(payload)
    text = " ".join(value for key, value in header if key in ("evt", "format"))
    named = re.search(r"\b(evt[23]|[23]\.0)\b", text, re.IGNORECASE)
    if named is None:
        raise DataError(f"{path}: expected a header with '% evt 2.0' or '% evt 3.0', found {text[:40] or 'none'!r}")
    encoding = ENCODINGS[named.group(1).lower()]
    decoder = EventDecoder(str(path))
    width, height = size or _size(header)
    batch = decoder.decode(EventPacket(body, encoding, width, height))
    return join([batch.counted(**decoder.counts)], str(path))


def split_header(payload: bytes) -> tuple[list[tuple[str, str]], bytes]:
    """The header's keys and values, and what follows it."""
    header, at = [], 0
    while payload[at : at + 1] == b"%" and (end := payload.find(b"\n", at)) >= 0:
        words = payload[at + 1 : end].decode("ascii", "replace").strip().split(maxsplit=1)
        at = end + 1
        if words == ["end"]:
            break
        header.append((words[0].lower(), words[1] if len(words) > 1 else "") if words else ("", ""))
    return header, payload[at:]


def _size(header: list[tuple[str, str]]) -> tuple[int, int]:
    text = " ".join(f"{key} {value}" for key, value in header)
    sides = [re.search(rf"\b{side}[ =](\d+)", text) for side in ("width", "height")]
    geometry = re.search(r"\bgeometry[ =](\d+)x(\d+)", text)
    if geometry:
        return int(geometry[1]), int(geometry[2])
    return (int(sides[0][1]), int(sides[1][1])) if sides[0] and sides[1] else SIZE
