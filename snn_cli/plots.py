"""Plots of flights: height, command and spikes over time."""

import base64
import io
from typing import NamedTuple

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

Array = NDArray[np.float64]
COLOURS = {"snn": "#d1495b", "pid": "#30638e", "setpoint": "#8a8a8a"}
LAYERS = ("PD encoding", "PD hidden", "I encoding", "I hidden")
RASTER_S = (66.0, 96.0)  # around the first step up


class Track(NamedTuple):
    """One flight to draw, (time,) each; spikes (time, neuron) or none."""

    label: str
    time_s: Array
    setpoint_m: Array
    height_m: Array
    command: Array
    spikes: NDArray[np.bool_] | None


def flight_figure(title: str, tracks: list[Track]) -> Figure:
    """Height and command of some flights, and the spike raster of the first that has one."""
    figure, (height, command, raster) = plt.subplots(
        3, 1, figsize=(11, 9), layout="constrained", height_ratios=(3, 2, 3)
    )
    height.step(tracks[0].time_s, tracks[0].setpoint_m, where="post", color=COLOURS["setpoint"], label="setpoint", lw=1)
    for track in tracks:
        style = {"color": COLOURS.get(track.label), "label": track.label.upper(), "lw": 1.2}
        height.plot(track.time_s, track.height_m, **style)
        command.plot(track.time_s, track.command, **(style | {"lw": 0.6}))
    height.set(ylabel="height (m)", title=title)
    command.set(ylabel="command", xlabel="time (s)", ylim=(-10.5, 10.5))
    height.legend(loc="upper right", ncols=3, frameon=False)
    for axes in (height, command):
        axes.margins(x=0)
        axes.grid(alpha=0.3)
    _draw_raster(raster, next((t for t in tracks if t.spikes is not None), None))
    return figure


def _draw_raster(axes: Axes, track: Track | None) -> None:
    """Spikes of every neuron around the first step, one colour per layer."""
    axes.set(ylabel="neuron", title="spikes around the first step up")
    if track is None or track.spikes is None:
        axes.text(0.5, 0.5, "no spiking controller in this flight", ha="center", transform=axes.transAxes)
        return
    chosen = (track.time_s >= RASTER_S[0]) & (track.time_s < RASTER_S[1])
    time, spikes = track.time_s[chosen], track.spikes[chosen]
    size = spikes.shape[1] // len(LAYERS)
    for i, layer in enumerate(LAYERS):
        step, neuron = np.nonzero(spikes[:, i * size : (i + 1) * size])
        axes.plot(time[step], neuron + i * size, "|", ms=3, mew=0.7, label=layer)
    axes.set(xlim=RASTER_S, ylim=(-2, spikes.shape[1] + 1))
    axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.12), ncols=4, fontsize=9, frameon=False, markerscale=3)


def embedded(figure: Figure) -> str:
    """A figure as a data URI, and the figure closed."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    plt.close(figure)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
