"""Figures of a mission: map, places or times to contact, timeline with commands and decisions, pictures."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from sim_worlds.builder import Solids
from snn_cli.missions.album import Album
from snn_cli.missions.mission_config import AnyMission

Array = NDArray[np.float64]
RED, BLUE, GREY, AMBER = "#d1495b", "#30638e", "#8a8a8a", "#d99a2b"
PICTURES = 4  # moments shown
AROUND_M = 2.5  # of a map, beyond what was flown
LABELLED = 12  # decisions of which the text is shown; where there are more, only when
LONGEST_S = 5.0  # time to contact that is drawn
WITHIN = 0.2  # of the true time to contact: what counts as right


def figures(album: Album, mission: AnyMission) -> list[Figure]:
    """All figures of a page, by the kind of the mission."""
    if mission.kind == "avoid":
        about = [_contacts(album)]
    elif mission.kind == "route":
        about = [_map(album), _places(album)]
    else:
        about = [_map(album)]
    return [*about, _timeline(album), _pictures(album)]


def draw_ground(axes: Axes, album: Album, x: Array, y: Array) -> None:
    """What stands around a path, from above, and the taught path."""
    if album.solids is not None:
        corners = _outlines(album.solids)
        axes.add_collection(PolyCollection(corners, facecolors="#e8e8e4", edgecolors="#bdbdb8", lw=0.6), autolim=False)
    if album.taught is not None:
        taught = album.taught.true_path
        axes.plot(taught[:, 1], taught[:, 2], color=GREY, lw=3, label="taught")
        x, y = np.append(x, taught[:, 1]), np.append(y, taught[:, 2])
    axes.set_aspect("equal", adjustable="box")
    axes.set_xlim(np.nanmin(x) - AROUND_M, np.nanmax(x) + AROUND_M)
    axes.set_ylim(np.nanmin(y) - AROUND_M, np.nanmax(y) + AROUND_M)


def _outlines(solids: Solids) -> list[Array]:
    """Corners of every box on the ground, (4, 2) each."""
    c, s = np.cos(solids.yaw_rad), np.sin(solids.yaw_rad)
    ahead = np.stack([c, s], axis=1) * solids.half_m[:, :1]
    left = np.stack([-s, c], axis=1) * solids.half_m[:, 1:2]
    around = np.stack([ahead + left, ahead - left, -ahead - left, left - ahead], axis=1)
    return list(solids.centre_m[:, None, :2] + around)


def _map(album: Album) -> Figure:
    c = album.columns()
    figure, axes = plt.subplots(figsize=(10, 4.5), layout="constrained")
    draw_ground(axes, album, c["x_m"], c["y_m"])
    axes.plot(c["x_m"], c["y_m"], color=RED, lw=1.3, label="flown")
    axes.plot(c["x_m"][:1], c["y_m"][:1], "o", color=RED, ms=5, label="start")
    axes.set(xlabel="x (m)", ylabel="y (m)", title="From above")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return figure


def _places(album: Album) -> Figure:
    c = album.columns()
    figure, (beside, places) = plt.subplots(2, 1, figsize=(10, 5.5), layout="constrained", sharex=True)
    beside.plot(c["time_s"], c["beside_m"], color=RED, label="distance from the taught path")
    beside.plot(c["time_s"], np.abs(c["left_m"]), color=BLUE, label="the robot's own estimate of it")
    beside.set(ylabel="m", title="Beside the path, and where along it")
    places.plot(c["time_s"], c["true_place"], color=GREY, lw=3, label="true place")
    places.plot(c["time_s"], c["place"], ".", color=RED, ms=3, label="place recognised last")
    places.set(xlabel="time (s)", ylabel="place")
    for axes in (beside, places):
        axes.legend(loc="upper left")
        axes.grid(alpha=0.3)
    return figure


def _contacts(album: Album) -> Figure:
    """Time to contact as event motion tells it, against the truth."""
    c = album.columns()
    near = (c["true_s"] > 0.0) & (c["true_s"] < LONGEST_S) & (c["told_s"] < LONGEST_S)
    still, away = near & (c["dodges"] == 0.0), near & (c["dodges"] == 1.0)
    figure, (scatter, first) = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained")
    ends = np.array([0.0, LONGEST_S])
    scatter.fill_between(ends, (1 - WITHIN) * ends, (1 + WITHIN) * ends, color=GREY, alpha=0.25, label="within 20 %")
    scatter.plot(c["true_s"][away], c["told_s"][away], ".", ms=3, color=AMBER, label="while it gets away")
    scatter.plot(c["true_s"][still], c["told_s"][still], ".", ms=4, color=BLUE, label="while it holds still")
    scatter.axvline(1.0, color=GREY, lw=1, ls=":")
    scatter.set(xlabel="true (s)", ylabel="told (s)", title="Time to contact", xlim=ends, ylim=ends)
    chosen = c["flight"] == np.nanmin(c["flight"][c["dodges"] == 0.0], initial=np.inf)
    for name, colour, label in (("true_s", GREY, "true"), ("told_s", RED, "told by events")):
        first.plot(c["time_s"][chosen], c[name][chosen], ".-", color=colour, ms=4, label=label)
    first.set(xlabel="time (s)", ylabel="s", title="The first approach while it holds still", ylim=ends)
    for axes in (scatter, first):
        axes.legend(loc="upper right")
        axes.grid(alpha=0.3)
    return figure


def _timeline(album: Album) -> Figure:
    """Height and commands over time; when something was decided, and what."""
    c = album.columns()
    figure, (height, command) = plt.subplots(
        2, 1, figsize=(10, 6.5), layout="constrained", sharex=True, height_ratios=(3, 2)
    )
    reach = np.where(np.isfinite(c["range_m"]), c["range_m"], np.nan)
    height.plot(c["time_s"], reach, ".", color=AMBER, ms=2, label="lidar, to what is below")
    height.plot(c["time_s"], c["target_m"], color=GREY, lw=3, label="wanted")
    height.plot(c["time_s"], c["z_m"], color=RED, lw=1.3, label="true")
    height.set(ylabel="height (m)", title="Timeline")
    for name, colour in (("altitude", RED), ("heading", BLUE), ("speed", AMBER)):
        command.plot(c["time_s"], c[name], color=colour, lw=0.9, label=name)
    command.set(ylabel="command", xlabel="time (s)", ylim=(-10.5, 10.5))
    decisions = album.decisions
    for decision in decisions:
        for axes in (height, command):
            axes.axvline(decision.time_s, color="#444444", lw=0.8, ls=":")
        if len(decisions) <= LABELLED:
            height.text(
                decision.time_s, 0.98, f" {decision.text}", rotation=90, va="top", ha="right", fontsize=7,
                transform=height.get_xaxis_transform(),
            )  # fmt: skip
    for axes in (height, command):
        axes.margins(x=0.01)
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right", ncols=3, fontsize=8)
    return figure


def _pictures(album: Album) -> Figure:
    """What was seen at some moments, what it was compared with, and how its events moved."""
    frames = album.frames.items
    chosen = [frames[k] for k in np.linspace(0, len(frames) - 1, PICTURES + 2).astype(int)[1:-1]]
    rows = ["seen", "taught", "flow"] if album.taught is not None else ["seen", "flow"]
    titles = {"seen": "sees at {:.0f} s", "taught": "was taught", "flow": "its events move"}
    figure, grid = plt.subplots(len(rows), PICTURES, figsize=(10, 2.3 * len(rows)), layout="constrained")
    for column, frame in enumerate(chosen):
        for row, name in enumerate(rows):
            axes, pixels = grid[row, column], getattr(frame, name)
            axes.set_axis_off()
            axes.set_title(titles[name].format(frame.time_s) if pixels is not None else "hardly any events", fontsize=9)
            if pixels is not None:
                axes.imshow(pixels, cmap="gray", vmin=0, vmax=255)
    return figure
