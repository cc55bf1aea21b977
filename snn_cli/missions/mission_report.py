"""A route mission to look at: a film, a page with map, matches and timeline, and a bag for Foxglove."""

import math
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rosbags.typesys import Stores, get_typestore

from sim_worlds.robot import Robot, Senses
from snn_cli.bag import BagWriter
from snn_cli.missions.route_mission import RouteFlight, Taught
from snn_cli.plots import embedded
from snn_cli.report import STYLE, cells
from snn_core.files import write_atomically
from snn_perception.events.batch import make_batch
from snn_perception.motion.flow_picture import flow_picture

Array = NDArray[np.float64]
FILM_EVERY_S, FILM_FPS, FILM_DPI = 2.0, 5, 50
PICTURES = 3  # matches shown in the report


class Watcher:
    """Keeps what the film, the page and the bag show of a flight."""

    def __init__(self, taught: Taught, bag: BagWriter) -> None:
        self.taught, self.bag = taught, bag
        self.types = get_typestore(Stores.ROS2_JAZZY)
        self.rows: list[tuple[float, ...]] = []
        self.frames: list[tuple[NDArray[np.uint8], NDArray[np.uint8], Array]] = []  # seen, taught, where
        self.flow: NDArray[np.uint8] | None = None

    def __call__(self, robot: Robot, senses: Senses, flight: RouteFlight) -> None:
        truth, follower = robot.truth(), flight.follower
        beside = np.hypot(*(self.taught.true_path[:, 1:3] - truth.position_m[:2]).T).min()
        place = -1 if flight.place is None else flight.place
        true_place = int(np.hypot(*(self.taught.true_places - truth.position_m[:2]).T).argmin())
        self.rows.append(
            (senses.time_s, *truth.position_m, beside, place, true_place, follower.left_m, follower.along_m)
        )
        self._record(senses, robot)
        if robot.ticks % round(FILM_EVERY_S / robot.config.dt_s) == 0:
            last = len(self.taught.images) - 1
            match = self.taught.images[min(max(round(follower.along_m / flight.mission.spacing_m), 0), last)]
            self.frames.append((senses.image, match, truth.position_m.copy()))
            self._keep_flow(senses, flight)

    def _keep_flow(self, senses: Senses, flight: RouteFlight) -> None:
        estimator = flight.pilot.odometer.estimator
        if estimator.evidence is not None and len(senses.events.x) > 100:
            size = flight.mission.robot.event_width, flight.mission.robot.event_height
            self.flow = flow_picture(estimator.evidence, make_batch(*senses.events, size), estimator.gatherer.tile)

    def _record(self, senses: Senses, robot: Robot) -> None:
        """Image, range and true pose, as ROS messages."""
        store, nanoseconds = self.types, round(senses.time_s * 1e9)
        kinds = store.types
        time = kinds["builtin_interfaces/msg/Time"](sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)
        header = kinds["std_msgs/msg/Header"](stamp=time, frame_id="odom")
        rows, columns = senses.image.shape
        image = kinds["sensor_msgs/msg/Image"](
            header=header, height=rows, width=columns, encoding="mono8", is_bigendian=0, step=columns,
            data=senses.image.ravel(),
        )  # fmt: skip
        x, y, z = robot.truth().position_m.tolist()
        half = 0.5 * robot.truth().yaw_rad
        pose = kinds["geometry_msgs/msg/PoseStamped"](
            header=header,
            pose=kinds["geometry_msgs/msg/Pose"](
                position=kinds["geometry_msgs/msg/Point"](x=x, y=y, z=z),
                orientation=kinds["geometry_msgs/msg/Quaternion"](x=0.0, y=0.0, z=math.sin(half), w=math.cos(half)),
            ),
        )
        reach = float(senses.range_m) if math.isfinite(senses.range_m) else math.inf
        range_ = kinds["sensor_msgs/msg/Range"](
            header=header,
            radiation_type=1,
            field_of_view=0.035,
            min_range=0.0,
            max_range=12.0,
            range=reach,
            variance=0.0,
        )
        for topic, kind, message in (
            ("/image", "sensor_msgs/msg/Image", image), ("/pose", "geometry_msgs/msg/PoseStamped", pose),
            ("/range", "sensor_msgs/msg/Range", range_),
        ):  # fmt: skip
            self.bag.record(topic, kind, nanoseconds, bytes(store.serialize_cdr(message, kind)))


def write_film(path: Path, watcher: Watcher) -> None:
    """What the robot sees, what it compares with, and where it is, as a GIF."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(9, 2.6), constrained_layout=True)
    seen = left.imshow(watcher.frames[0][0], cmap="gray", vmin=0, vmax=255)
    match = middle.imshow(watcher.frames[0][1], cmap="gray", vmin=0, vmax=255)
    left.set_title("sees now", fontsize=9)
    middle.set_title("was taught", fontsize=9)
    for axes in (left, middle):
        axes.set_axis_off()
    taught = watcher.taught.true_path
    right.plot(taught[:, 1], taught[:, 2], color="#8a8a8a", lw=3)
    (line,) = right.plot([], [], color="#d1495b", lw=1.2)
    right.set_aspect("equal", adjustable="datalim")
    right.tick_params(labelsize=7)
    where = np.array([frame[2] for frame in watcher.frames])

    def draw(k: int) -> list[Any]:
        seen.set_data(watcher.frames[k][0])
        match.set_data(watcher.frames[k][1])
        line.set_data(where[: k + 1, 0], where[: k + 1, 1])
        return [seen, match, line]

    FuncAnimation(figure, draw, frames=len(watcher.frames)).save(path, PillowWriter(fps=FILM_FPS), dpi=FILM_DPI)
    plt.close(figure)


def figures(watcher: Watcher) -> list[Figure]:
    """Map and timeline; matches and flow."""
    rows, taught = np.array(watcher.rows), watcher.taught.true_path
    track, (top, middle, bottom) = plt.subplots(3, 1, figsize=(10, 9), constrained_layout=True)
    top.plot(taught[:, 1], taught[:, 2], color="#8a8a8a", lw=3, label="taught")
    top.plot(rows[:, 1], rows[:, 2], color="#d1495b", lw=1.2, label="flown")
    top.set_aspect("equal", adjustable="datalim")
    top.set_xlabel("x (m)")
    top.set_ylabel("y (m)")
    top.legend()
    middle.plot(rows[:, 0], rows[:, 4], color="#d1495b", label="distance from the taught path")
    middle.plot(rows[:, 0], np.abs(rows[:, 7]), color="#30638e", label="the robot's own estimate of it")
    middle.set_ylabel("m")
    middle.legend()
    bottom.plot(rows[:, 0], rows[:, 6], color="#8a8a8a", lw=3, label="true place")
    bottom.plot(rows[:, 0], rows[:, 5], ".", color="#d1495b", ms=3, label="place recognised last")
    bottom.set_xlabel("time (s)")
    bottom.set_ylabel("place")
    bottom.legend()
    return [track, _matches(watcher)]


def _matches(watcher: Watcher) -> Figure:
    figure, axes = plt.subplots(2, PICTURES + 1, figsize=(10, 4), constrained_layout=True)
    for column, k in enumerate(np.linspace(0, len(watcher.frames) - 1, PICTURES + 2).astype(int)[1:-1]):
        for row in (0, 1):
            axes[row, column].imshow(watcher.frames[k][row], cmap="gray", vmin=0, vmax=255)
            axes[row, column].set_title(("sees", "was taught")[row], fontsize=9)
    if watcher.flow is not None:
        axes[0, PICTURES].imshow(watcher.flow)
    axes[0, PICTURES].set_title("event motion (down)", fontsize=9)
    for each in axes.ravel():
        each.set_axis_off()
    return figure


def write_page(path: Path, watcher: Watcher, result: dict[str, Any]) -> None:
    """The page: result, map, timeline, matches, flow, events."""
    shown = {key: value for key, value in result.items() if not isinstance(value, (list, dict))}
    pictures = "".join(f'<img alt="" src="{embedded(figure)}">' for figure in figures(watcher))
    events = [[event["t_s"], event["event"]] for event in result["events"]]
    page = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>snn_robotics: {result["mission"]}</title>
<style>{STYLE}</style></head><body><h1>Mission {result["mission"]}, seen in {result["condition"]}</h1>
<p>The robot follows a route that it was shown once, by what its camera recognises, by how its events move, and by its
gyro and lidar; the true positions below are the referee's.</p>
{pictures}<h2>Result</h2>{cells(("", ""), list(shown.items()), "facts")}
<h2>What it decided</h2>{cells(("time (s)", "event"), events) if events else "<p>nothing out of the ordinary</p>"}
</body></html>
"""
    write_atomically(path, page.encode())
