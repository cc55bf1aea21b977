"""A mission as a film: what the robot sees, what it makes of it, and where that leads, as a GIF."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.axes import Axes
from numpy.typing import NDArray

from snn_cli.missions.album import Album
from snn_cli.missions.mission_config import AnyMission
from snn_cli.missions.mission_figures import GREY, LONGEST_S, RED, draw_ground
from snn_core.files import write_atomically

FPS, DPI = 6, 50
Array = NDArray[np.float64]


class Curve(NamedTuple):
    """What grows beside the pictures, (row,) each."""

    time_s: Array
    x: Array
    y: Array


def write_film(path: Path, album: Album, mission: AnyMission) -> None:
    """Write the film of the first flight; raises OutputError if it cannot be."""
    frames = album.frames.items
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(9, 2.6), layout="constrained")
    pictures = [frame.taught if frame.taught is not None else frame.flow for frame in frames]
    black = np.zeros((*frames[0].seen.shape, 3), np.uint8)
    seen = left.imshow(frames[0].seen, cmap="gray", vmin=0, vmax=255)
    other = middle.imshow(next((p for p in pictures if p is not None), black), cmap="gray", vmin=0, vmax=255)
    left.set_title("sees now", fontsize=9)
    middle.set_title("was taught" if album.taught is not None else "its events move", fontsize=9)
    for axes in (left, middle):
        axes.set_axis_off()
    curve = _curve(right, album, mission)
    (line,) = right.plot([], [], color=RED, lw=1.4)
    right.tick_params(labelsize=7)

    def draw(k: int) -> list[Any]:
        until = curve.time_s <= frames[k].time_s
        seen.set_data(frames[k].seen)
        if pictures[k] is not None:
            other.set_data(pictures[k])
        line.set_data(curve.x[until], curve.y[until])
        return [seen, other, line]

    with TemporaryDirectory() as folder:
        film = Path(folder) / "film.gif"
        FuncAnimation(figure, draw, frames=len(frames)).save(film, PillowWriter(fps=FPS), dpi=DPI)
        write_atomically(path, film.read_bytes())
    plt.close(figure)


def _curve(axes: Axes, album: Album, mission: AnyMission) -> Curve:
    """Draw what stays, and return what grows: a path over ground, a height, or a time to contact."""
    rows = album.columns()
    c = {name: values[rows["flight"] == 1] for name, values in rows.items()}
    if mission.kind == "route" or mission.kind == "hold":
        draw_ground(axes, album, c["x_m"], c["y_m"])
        return Curve(c["time_s"], c["x_m"], c["y_m"])
    if mission.kind == "profile":
        axes.plot(c["time_s"], c["target_m"], color=GREY, lw=3)
        axes.set_title("height (m) over time (s)", fontsize=9)
        return Curve(c["time_s"], c["time_s"], c["z_m"])
    axes.plot(c["time_s"], c["true_s"], color=GREY, lw=3)
    axes.set_title("time to contact (s): true, and told", fontsize=9)
    axes.set_ylim(0.0, LONGEST_S)
    return Curve(c["time_s"], c["time_s"], c["told_s"])
