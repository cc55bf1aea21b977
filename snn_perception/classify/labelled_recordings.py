"""Recordings with their classes, laid end to end; read from an archive or a folder, and split fairly by class."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snn_core.errors import DataError
from snn_perception.events.array_files import read_arrays
from snn_perception.events.batch import EventBatch, make_batch
from snn_perception.events.sources import read_events

Whole = NDArray[np.int64]


@dataclass(frozen=True)
class LabelledRecordings:
    """Samples of one sensor; sample k holds the events from `offset[k]` to `offset[k + 1]`, its clock begins at 0."""

    events: EventBatch
    offset: Whole  # (sample + 1,)
    label: Whole  # (sample,) index into names
    names: tuple[str, ...]
    digest: str  # SHA-256 of what was read

    def __len__(self) -> int:
        return len(self.label)

    def sample(self, k: int) -> EventBatch:
        """The events of one sample."""
        return self.events.take(slice(self.offset[k], self.offset[k + 1]))


def read_labelled(text: str, window_us: int) -> LabelledRecordings:
    """Read an npz of samples (`x`, `y`, `t_us`, `on`, `offset`, `label`), or a folder with a folder for each class.

    Recordings of a folder are cut into samples of `window_us`; a rest of less than half of it is left out.

    Raises:
        DataError: nothing is there, arrays are missing or do not fit, sensors differ, or there is but one class.
    """
    path = Path(text)
    if not path.exists():
        raise DataError(f"{path}: expected labelled recordings, an npz or a folder of classes, found nothing there")
    found = _folder(path, window_us) if path.is_dir() else _archive(path)
    if len(set(found.label.tolist())) < 2:
        raise DataError(f"{path}: expected samples of at least two classes, found {len(set(found.label.tolist()))}")
    return found


def _archive(path: Path) -> LabelledRecordings:
    arrays = read_arrays(path)
    missing = [name for name in ("x", "y", "t_us", "on", "offset", "label") if name not in arrays]
    if missing:
        raise DataError(f"{path}: expected arrays {', '.join(missing)}, found {', '.join(arrays) or 'none'}")
    offset, label = arrays["offset"].astype(np.int64), arrays["label"].astype(np.int64)
    count = len(arrays["x"])
    if len(offset) != len(label) + 1 or offset[0] != 0 or offset[-1] != count or (np.diff(offset) <= 0).any():
        raise DataError(
            f"{path}: expected offsets that rise from 0 to {count}, one more than labels, found {len(offset)} for "
            f"{len(label)} labels"
        )
    size = (int(arrays["width"]), int(arrays["height"])) if {"width", "height"} <= set(arrays) else None
    found = _joined([_part(path, arrays, a, b, size) for a, b in pairwise(offset)])
    known, index = np.unique(label, return_inverse=True)
    return LabelledRecordings(*found, index.astype(np.int64), tuple(map(str, known)), _digest([path]))


def _part(path: Path, arrays: dict[str, NDArray], start: int, stop: int, size: tuple[int, int] | None) -> EventBatch:
    size = size or (int(arrays["x"].max()) + 1, int(arrays["y"].max()) + 1)
    x, y, t_us, on = (arrays[name][start:stop] for name in ("x", "y", "t_us", "on"))
    return make_batch(x, y, t_us, on, size, str(path), "npz")


def _folder(path: Path, window_us: int) -> LabelledRecordings:
    classes = sorted(folder for folder in path.iterdir() if folder.is_dir())
    parts: list[EventBatch] = []
    labels: list[int] = []
    files: list[Path] = []
    for index, folder in enumerate(classes):
        for file in sorted(item for item in folder.iterdir() if not item.name.startswith(".")):
            cut = list(windows_of(read_events(str(file)), window_us))
            parts, labels, files = parts + cut, labels + [index] * len(cut), [*files, file]
    if not parts:
        raise DataError(f"{path}: expected a folder of recordings for each class, found none")
    sizes = {(part.width, part.height) for part in parts}
    if len(sizes) > 1:
        raise DataError(f"{path}: expected recordings of one sensor, found sizes {sorted(sizes)}")
    names = tuple(folder.name for folder in classes)
    return LabelledRecordings(*_joined(parts), np.array(labels, np.int64), names, _digest(files))


def windows_of(batch: EventBatch, window_us: int) -> Iterator[EventBatch]:
    """Consecutive samples of `window_us`, each with its own clock; always the first, others if half full in time."""
    since_us = batch.t_us - batch.t_us[0]
    for start in range(0, max(int(since_us[-1]) - window_us // 2, 1), window_us):
        part = batch.take((since_us >= start) & (since_us < start + window_us))
        if len(part):
            yield rebased(part, int(batch.t_us[0]) + start)


def rebased(batch: EventBatch, start_us: int) -> EventBatch:
    """The same events on a clock that begins at `start_us`."""
    return EventBatch(batch.x, batch.y, batch.t_us - start_us, batch.on, batch.width, batch.height, batch.format)


def _joined(parts: list[EventBatch]) -> tuple[EventBatch, Whole]:
    """The samples end to end, each in its own order of time, and where each begins."""
    x, y, t_us, on = (np.concatenate([getattr(part, name) for part in parts]) for name in ("x", "y", "t_us", "on"))
    offset = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
    return EventBatch(x, y, t_us, on, parts[0].width, parts[0].height, parts[0].format), offset


def _digest(files: list[Path]) -> str:
    found = hashlib.sha256()
    for file in files:
        if file.is_file():
            found.update(file.read_bytes())
    return found.hexdigest()


def balanced_split(label: Whole, held_out: int, rng: np.random.Generator) -> tuple[Whole, Whole]:
    """Indices to learn from, and `held_out` others with as many of each class as can be (as few as one apart)."""
    classes = np.unique(label)
    orders = [rng.permutation(np.flatnonzero(label == c)) for c in classes]
    shares = np.full(len(classes), held_out // len(classes))
    shares[rng.permutation(len(classes))[: held_out % len(classes)]] += 1
    held = np.concatenate([order[:share] for order, share in zip(orders, shares, strict=True)])
    return np.setdiff1d(np.arange(len(label)), held), np.sort(held)


def folds(label: Whole, count: int, rng: np.random.Generator) -> list[Whole]:
    """Indices in `count` parts, each class spread evenly over them."""
    order = np.concatenate([rng.permutation(np.flatnonzero(label == c)) for c in np.unique(label)])
    return [np.sort(order[k::count]) for k in range(count)]
