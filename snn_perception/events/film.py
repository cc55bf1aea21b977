"""What an event camera would have seen of a film: images of grey values in, a batch of events out."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from snn_core.errors import DataError
from snn_core.event_camera import EventCamera, EventCameraConfig, log_intensity
from snn_perception.events.batch import EventBatch, make_batch


def simulate(
    images: Iterable[NDArray[np.uint8]], rate_hz: float, config: EventCameraConfig, rng: np.random.Generator,
    gamma: float = 1.0, source: str = "film",
) -> EventBatch:  # fmt: skip
    """Events of images (row, column), `rate_hz` of them a second; between two, log brightness moves along a line.

    gamma: 1 where grey values are in proportion to light; about 2.2 where they were encoded for a display.

    Raises:
        DataError: fewer than two images, or a film in which nothing happens.
    """
    camera, parts = None, []
    for k, image in enumerate(images):
        if camera is None:
            camera = EventCamera(image.shape[1], image.shape[0], config, rng)
        parts.append(camera.see(log_intensity(image, gamma), k * 1e6 / rate_hz))
    if camera is None or len(parts) < 2:
        raise DataError(f"{source}: expected at least two images, found {len(parts)}")
    x, y, t_us, on = (np.concatenate(column) for column in zip(*parts, strict=True))
    if not len(x):
        raise DataError(f"{source}: expected a film in which brightness changes, found no event in {len(parts)} images")
    height, width = camera.level.shape
    return make_batch(x, y, t_us, on, (width, height), source, "simulated")
