"""A mission as a film: what the robot sees, what it makes of it, and where that leads, as a GIF."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from snn_cli.missions.album import Album
from snn_cli.missions.mission_config import AnyMission
from snn_cli.missions.mission_figures import GREY, RED, draw_ground
from snn_core.files import write_atomically
from snn_perception.places.image_files import gif_bytes

RATE_HZ, DPI = 6.0, 50
PANEL = 1.6  # width over height of the curve's panel
Array = NDArray[np.float64]
Pixels = NDArray[np.uint8]


class Curve(NamedTuple):
    """What grows beside the pictures, (row,) each."""

    time_s: Array
    x: Array
    y: Array


def write_film(path: Path, album: Album, mission: AnyMission) -> None:
    """Write the film of the first flight; raises OutputError if it cannot be."""
    figure, panels = plt.subplots(1, 3, figsize=(10, 2.6), width_ratios=(1, 1, 1.2), dpi=DPI)
    figure.set_layout_engine("constrained", h_pad=0.08)
    try:
        write_atomically(path, gif_bytes(_frames(figure, panels.tolist(), album, mission), RATE_HZ))
    finally:
        plt.close(figure)


def _frames(figure: Figure, panels: list[Axes], album: Album, mission: AnyMission) -> Iterator[Pixels]:
    """The pictures of the film; what stays is drawn once."""
    left, middle, right = panels
    left.set_title("sees now", fontsize=9)
    middle.set_title("was taught" if album.taught is not None else "its events move", fontsize=9)
    right.tick_params(labelsize=7)
    curve, frames = _curve(right, album, mission), album.frames.items
    others = [frame.taught if frame.taught is not None else frame.flow for frame in frames]
    shown = next((pixels for pixels in others if pixels is not None), np.zeros((3, 4, 3), np.uint8))
    screens = [_screen(left, frames[0].seen), _screen(middle, shown)]
    line = Line2D([], [], color=RED, lw=1.8, animated=True)
    right.add_line(line)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    still = canvas.copy_from_bbox(figure.bbox)
    for frame, other in zip(frames, others, strict=True):
        shown = shown if other is None else other
        until = curve.time_s <= frame.time_s
        screens[0].set_data(frame.seen)
        screens[1].set_data(shown)
        line.set_data(curve.x[until], curve.y[until])
        canvas.restore_region(still)
        for axes, artist in zip(panels, (*screens, line), strict=True):
            axes.draw_artist(artist)
        yield np.array(canvas.buffer_rgba())[..., :3]


def _screen(axes: Axes, pixels: Pixels) -> AxesImage:
    axes.set_axis_off()
    return axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, animated=True)


def _widen(axes: Axes) -> None:
    """Show more of the ground, so that it fills its panel."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    wide, tall = max(right - left, PANEL * (high - low)), max(high - low, (right - left) / PANEL)
    x, y = 0.5 * (left + right), 0.5 * (low + high)
    axes.set(xlim=(x - 0.5 * wide, x + 0.5 * wide), ylim=(y - 0.5 * tall, y + 0.5 * tall))


def _curve(axes: Axes, album: Album, mission: AnyMission) -> Curve:
    """Draw what stays, and return what grows: a path over ground, a height, or a time to contact."""
    rows = album.columns()
    c = {name: values[rows["flight"] == 1] for name, values in rows.items()}
    if mission.kind == "route" or mission.kind == "hold":
        draw_ground(axes, album, c["x_m"], c["y_m"])
        _widen(axes)
        return Curve(c["time_s"], c["x_m"], c["y_m"])
    if mission.kind == "profile":
        axes.plot(c["time_s"], c["target_m"], color=GREY, lw=3)
        axes.set_title("height (m) over time (s)", fontsize=9)
        return Curve(c["time_s"], c["time_s"], c["z_m"])
    axes.plot(c["time_s"], c["true_s"], color=GREY, lw=3)
    axes.set_title("time to contact (s): true, and told", fontsize=9)
    axes.set_ylim(0.0, float(c["true_s"].max()))
    return Curve(c["time_s"], c["time_s"], c["told_s"])
