"""Frames from events, so that an event camera can recognise places as a frame camera does."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.errors import DataError
from snn_perception.places.images import Images, check_size

GREY = 128
STEP = 32  # of brightness per event
LONGEST = 100_000  # frames of one recording


def event_frames(
    x: NDArray, y: NDArray, t_us: NDArray, on: NDArray, width: int, height: int, window_us: int, source: str = "events"
) -> Images:
    """Frames (window, row, column) of consecutive windows: grey, brighter by 32 for an ON and darker for an OFF event.

    Raises:
        DataError: arrays of different length, events outside the sensor, times that run backwards, or no events.
    """
    check_size(height, width, source)
    counts = [len(x), len(y), len(t_us), len(on)]
    if len(set(counts)) != 1 or counts[0] == 0:
        raise DataError(f"{source}: expected as many x, y, t_us and on, at least one event, found {counts}")
    if int(np.min(x)) < 0 or int(np.min(y)) < 0 or int(np.max(x)) >= width or int(np.max(y)) >= height:
        raise DataError(f"{source}: expected events within {width} x {height} px, found some outside")
    time_us = np.asarray(t_us, np.int64)
    if np.any(np.diff(time_us) < 0):
        raise DataError(f"{source}: expected times that do not fall, found t_us running backwards; sort the events")
    count = int((time_us[-1] - time_us[0]) // window_us) + 1
    if count > LONGEST:
        raise DataError(f"{source}: expected at most {LONGEST} windows of {window_us} us, found {count}; are they us?")
    frames = np.full((count, height, width), GREY, np.uint8)
    window = (time_us - time_us[0]) // window_us
    _accumulate(np.asarray(x, np.int64), np.asarray(y, np.int64), window, np.asarray(on, np.bool_), frames)
    return frames


@njit(cache=True, nogil=True)
def _accumulate(x, y, window, on, frames):
    for k in range(len(x)):
        value = np.int64(frames[window[k], y[k], x[k]]) + (STEP if on[k] else -STEP)
        frames[window[k], y[k], x[k]] = min(max(value, 0), 255)
