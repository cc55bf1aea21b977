"""The referee of a route that is taught and repeated by nodes: what it knows is the truth of the simulation alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim_worlds.robot import Truth
from snn_cli.missions.mission_config import RouteMission
from snn_cli.missions.route_mission import PATIENCE, SETTLE_S, TOLERANCE
from snn_cli.missions.scoring import Referee, beside_path

Array = NDArray[np.float64]


class TaughtPath:
    """Where the robot truly was while it was taught, and how far along the route it believed to be."""

    def __init__(self) -> None:
        self.points: list[tuple[float, float]] = []
        self.along: list[float] = []

    def add(self, truth: Truth, along_m: float) -> None:
        """One period."""
        self.points.append((float(truth.position_m[0]), float(truth.position_m[1])))
        self.along.append(along_m)

    @property
    def path(self) -> Array:
        """(point, 2), metres."""
        return np.array(self.points)

    @property
    def length_m(self) -> float:
        """How long it truly is."""
        return float(np.hypot(*np.diff(self.path, axis=0).T).sum())

    def places(self, spacing_m: float) -> int:
        """How many places were due to be taught."""
        return int(max(self.along, default=0.0) / spacing_m) + 1

    def at(self, along_m: float) -> Array:
        """The true point (2,) where the robot believed to be so far along."""
        path = self.path
        return np.array([np.interp(along_m, self.along, path[:, axis]) for axis in (0, 1)])


class RouteJudge:
    """Judges one repetition."""

    def __init__(self, mission: RouteMission, condition: str, seed: int, taught: TaughtPath) -> None:
        self.mission, self.condition, self.seed, self.taught = mission, condition, seed, taught
        self.referee = Referee(mission.robot.near_m, mission.robot.dt_s)
        self.begun_s = float("nan")
        self.answers: list[bool] = []  # whether a place that was recognised was right
        self.state = ""

    def see(self, truth: Truth, commands: Array, used_frame: bool) -> None:
        """One period: commands are altitude, heading, speed."""
        if not self.begun_s <= truth.time_s:
            self.begun_s = truth.time_s
        self.referee.see(truth._replace(time_s=truth.time_s - self.begun_s), commands, used_frame)

    def tell(self, state: str) -> None:
        """What the robot says of itself; every change is an event."""
        if state != self.state and self.referee.rows:
            self.referee.tell(self.referee.rows[-1][0], state)
        self.state = state

    def answer(self, along_m: float) -> None:
        """The robot recognised the place that was taught so far along."""
        if self.referee.rows:
            off = self.taught.at(along_m) - np.array(self.referee.rows[-1][1:3])
            self.answers.append(bool(np.hypot(*off) <= (TOLERANCE + 0.5) * self.mission.spacing_m))

    @property
    def over(self) -> bool:
        """Whether the flight ended: arrived, in contact, or out of time."""
        rows = self.referee.rows
        limit_s = 2.0 * SETTLE_S + PATIENCE * self.taught.length_m / self.mission.follower.speed_mps
        return self.state == "arrived" or bool(rows and (rows[-1][5] <= 0.0 or rows[-1][0] > limit_s))

    def result(self) -> dict[str, Any]:
        """What is reported, with the keys of a route flown without ROS."""
        path, taught = self.referee.path, self.taught
        beside = beside_path(path[:, 1:3], taught.path)
        end_m = float(np.hypot(*(path[-1, 1:3] - taught.path[-1])))
        arrived = self.state == "arrived" and end_m <= self.mission.arrive_within_m
        success = arrived and not self.referee.contact
        recall = float(np.mean(self.answers)) if self.answers else None
        return {
            **self.referee.result(self.mission.name, self.seed, success), "condition": self.condition,
            "cross_track_error_m": float(beside.mean()), "largest_cross_track_m": float(beside.max()),
            "place_recall": recall, "wrong_places": None if recall is None else 1.0 - recall,
            "places": taught.places(self.mission.spacing_m), "end_error_m": end_m, "route_m": taught.length_m,
        }  # fmt: skip
