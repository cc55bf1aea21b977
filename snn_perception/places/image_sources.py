"""Where images come from: folders, `file.npz:key`, videos, rosbag2 recordings, events."""

import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn_core.errors import DataError
from snn_perception.places.event_frames import event_frames
from snn_perception.places.image_files import IMAGE_SUFFIXES, VIDEO_SUFFIXES, read_image, read_video
from snn_perception.places.images import Images, check_size, shrink, to_grey
from snn_perception.places.rosbag_images import is_bag, read_bag

LARGEST_TOTAL = 2 * 1024**3  # bytes of one source
EVENT_WINDOW_US = 50_000
EVENT_KEYS = ("x", "y", "t_us", "on")
_BROKEN = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    NotImplementedError,
    SyntaxError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)
_KINDS = "a folder of images, file.npz:key, a video, a rosbag2 folder, or an npz of events"


Progress = Callable[[Iterable[Any]], Iterable[Any]]


class ImageSource(NamedTuple):
    """A traverse."""

    name: str
    images: Images  # (image, row, column)


def read_source(text: str, progress: Progress = iter) -> ImageSource:
    """Read what `text` names: a folder of images, `file.npz:key`, a video, `bag[:topic]`, or an npz of events.

    `[first:last]` behind it takes a part, as Python slices do. `progress` wraps the images while they are read.

    Raises:
        DataError: nothing is there, it cannot be read, it holds no images, or they differ in size.
    """
    part = re.fullmatch(r"(.*)\[(\d*):(\d*)\]", text)
    whole = part is None or Path(text).exists()
    name, images = _read(text if whole or part is None else part[1], progress)
    if part is not None and not whole:
        images = images[int(part[2] or 0) : int(part[3]) if part[3] else None]
    if len(images) == 0:
        raise DataError(f"{text}: expected images, found none")
    return ImageSource(name, images)


def _read(text: str, progress: Progress) -> tuple[str, Images]:
    path, key = _split(text)
    if not path.exists():
        raise DataError(f"{path}: expected {_KINDS}, found nothing there")
    if is_bag(path):
        return path.stem, stack(progress(read_bag(path, key)), text)
    if path.is_dir():
        return path.name, stack(progress(_folder(path)), text)
    if path.suffix.lower() == ".npz":
        return f"{path.stem}:{key}" if key else path.stem, _npz(path, key)
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return path.stem, stack(progress(read_video(path)), text)
    raise DataError(f"{path}: expected {_KINDS}, found a file ending in '{path.suffix}'")


def _split(text: str) -> tuple[Path, str]:
    """`path:key` where `path` itself does not exist under the whole name."""
    head, colon, key = text.rpartition(":")
    whole = Path(text)
    return (Path(head), key) if colon and not whole.exists() else (whole, "")


def stack(images: Iterable[tuple[str, NDArray]], source: str) -> Images:
    """Named images of one size as one array, large ones made smaller; memory is bounded.

    Raises:
        DataError: the sizes differ, or the total is too large.
    """
    found: list[Images] = []
    shape: tuple[int, ...] = ()
    for name, image in images:
        grey = to_grey(image, name)
        if found and grey.shape != shape:
            raise DataError(
                f"{name}: expected {shape[1]} x {shape[0]} px like the images before, found {grey.shape[1]} x "
                f"{grey.shape[0]}; resize them to one size"
            )
        shape = grey.shape
        found.append(shrink(grey))
        if len(found) * found[0].nbytes > LARGEST_TOTAL:
            raise DataError(f"{source}: expected at most {LARGEST_TOTAL} bytes of grey images, found more; split it up")
    return np.stack(found) if found else np.zeros((0, 1, 1), np.uint8)


def _folder(path: Path) -> Iterator[tuple[str, NDArray]]:
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
    if not files:
        raise DataError(f"{path}: expected images ({', '.join(sorted(IMAGE_SUFFIXES))}), found none")
    for file in files:
        yield str(file), read_image(file)


def read_arrays(path: Path) -> dict[str, NDArray]:
    """All arrays of an npz; never a pickled object.

    Raises:
        DataError: it cannot be read, or holds objects.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except _BROKEN as error:
        raise DataError(f"{path}: cannot be read as an npz of plain arrays ({' '.join(str(error).split())})") from None


def _npz(path: Path, key: str) -> Images:
    arrays = read_arrays(path)
    if not key and set(EVENT_KEYS) <= set(arrays):
        return _events(path, arrays)
    keys = ", ".join(arrays)
    if not key:
        raise DataError(f"{path}: expected file.npz:key, found no key; it has {keys}")
    if key not in arrays:
        raise DataError(f"{path}: expected a key of the file, found '{key}'; it has {keys}")
    images = arrays[key]
    if images.ndim not in (3, 4):
        raise DataError(f"{path}:{key}: expected images (image, row, column), found shape {images.shape}")
    if images.ndim == 4 or images.dtype != np.uint8:
        return stack(((f"{path}:{key}[{k}]", image) for k, image in enumerate(images)), str(path))
    check_size(images.shape[1], images.shape[2], f"{path}:{key}")
    return np.ascontiguousarray(images)


def _events(path: Path, arrays: dict[str, NDArray]) -> Images:
    x, y, t_us, on = (arrays[key] for key in EVENT_KEYS)
    width = int(arrays["width"]) if "width" in arrays else int(x.max(initial=0)) + 1
    height = int(arrays["height"]) if "height" in arrays else int(y.max(initial=0)) + 1
    return event_frames(x, y, t_us, on, width, height, EVENT_WINDOW_US, str(path))
