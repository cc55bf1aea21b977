"""The referee of a route that is taught and repeated by nodes: what it knows is the truth of the simulation alone."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim_worlds.robot import Truth
from snn_cli.missions.mission_config import RouteMission
from snn_cli.missions.route_mission import PATIENCE, SETTLE_S, TOLERANCE
from snn_cli.missions.scoring import Referee, beside_path, sensor_use
from snn_control.coordination.contracts import load_contracts

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
    """Judges one repetition. Sensing counts as what the coordinator asked of each stream, or its nominal rate."""

    def __init__(self, mission: RouteMission, condition: str, seed: int, taught: TaughtPath) -> None:
        self.mission, self.condition, self.seed, self.taught = mission, condition, seed, taught
        self.referee = Referee(mission.robot.near_m, mission.robot.dt_s)
        self.begun_s = float("nan")
        self.answers: list[bool] = []  # whether a place that was recognised was right
        self.state = ""
        self.streams = {name: stream for name, stream in load_contracts().items() if stream.cost.power_mw > 0.0}
        self.asked = dict.fromkeys(self.streams, 0.0)  # periods at the nominal rate, as many as one rate is worth

    def see(self, truth: Truth, commands: Array, rates_hz: Mapping[str, float]) -> None:
        """One period: commands are altitude, heading, speed; rates those that the coordinator asks for."""
        if not self.begun_s <= truth.time_s:
            self.begun_s = truth.time_s
        self.referee.see(truth._replace(time_s=truth.time_s - self.begun_s), commands)
        for name, stream in self.streams.items():
            self.asked[name] += min(rates_hz.get(name, stream.rate_nominal_hz) / stream.rate_nominal_hz, 1.0)

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
        use = sensor_use(self.streams, {name: asked / len(path) for name, asked in self.asked.items()})
        return {
            **self.referee.result(self.mission.name, self.seed, success, use), "condition": self.condition,
            "cross_track_error_m": float(beside.mean()), "largest_cross_track_m": float(beside.max()),
            "place_recall": recall, "wrong_places": None if recall is None else 1.0 - recall,
            "places": taught.places(self.mission.spacing_m), "end_error_m": end_m, "route_m": taught.length_m,
        }  # fmt: skip
