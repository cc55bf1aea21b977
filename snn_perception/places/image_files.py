"""Image and video files: the only place that decodes and encodes them."""

import io
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from snn_core.errors import DataError
from snn_perception.places.images import check_size

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".pgm", ".ppm", ".webp", ".tif", ".tiff"})
VIDEO_SUFFIXES = frozenset({".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg"})
_TROUBLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)


def read_image(path: Path) -> NDArray[np.uint8]:
    """An image file as grey (row, column); a DataError names the file where that fails."""
    try:
        payload = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    return decode_image(payload, str(path))


def decode_image(payload: bytes, source: str) -> NDArray[np.uint8]:
    """A compressed image as grey (row, column). The size is checked before the pixels are decoded.

    Raises:
        DataError: not an image, truncated, or giant.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is checked below
            with Image.open(io.BytesIO(payload)) as image:
                check_size(image.height, image.width, source)
                return np.asarray(image.convert("L"), np.uint8)
    except UnidentifiedImageError:
        raise DataError(f"{source}: expected an image, found {len(payload)} bytes of no known format") from None
    except _TROUBLE as error:
        raise DataError(f"{source}: cannot be decoded as an image ({' '.join(str(error).split())})") from None


def read_video(path: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """The frames of a video, named and grey, one by one.

    Raises:
        DataError: no video stream, or it breaks off.
    """
    import av  # on first use: it loads all of FFmpeg

    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise DataError(f"{path}: expected a video stream, found none")
            stream = container.streams.video[0]
            check_size(stream.height, stream.width, str(path))
            for number, frame in enumerate(container.decode(stream)):
                yield f"{path}#{number}", np.asarray(frame.to_ndarray(format="gray"), np.uint8)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be decoded as a video ({' '.join(str(error).split())})") from None


def gif_bytes(frames: Iterable[NDArray[np.uint8]], rate_hz: float, colours: int = 128) -> bytes:
    """Frames (row, column, 3) of one size as an endless GIF; the colours of each are reduced.

    Raises:
        DataError: no frames.
    """
    few = Image.Quantize.MAXCOVERAGE  # keeps the colour of a thin line among many greys
    pictures = [Image.fromarray(frame).quantize(colours, method=few) for frame in frames]
    if not pictures:
        raise DataError("expected frames for a GIF, found none")
    buffer = io.BytesIO()
    pictures[0].save(buffer, "GIF", save_all=True, append_images=pictures[1:], duration=round(1000 / rate_hz), loop=0)
    return buffer.getvalue()
