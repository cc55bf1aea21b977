"""A route mission as a play: the robot's nodes and its world are told, one after the other, what to do and waited for.

The script knows no ROS. It tells a `Stage` what is wanted, and looks at what the stage has seen.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np

from sim_worlds.robot import Truth
from sim_worlds.route import Route
from snn_cli.missions.mission_config import RouteMission
from snn_cli.missions.route_judge import RouteJudge, TaughtPath
from snn_cli.missions.route_mission import SETTLE_S, end_of
from snn_cli.missions.route_pilot import RoutePilot
from snn_control.route_follower import FollowerConfig
from snn_core.errors import SnnError
from snn_core.signals import Drive

HALT_S = 5.0  # in which the pilot brings the robot to rest
SLOWEST = 3.0  # times the time that the pilot should take
SEQUENCE_SPEEDS = {"slowest": 0.2, "fastest": 1.4}  # places per image, as in flights without ROS
LEAST_PROBABILITY = 0.2


class Reply(NamedTuple):
    """What was answered to a request."""

    success: bool
    message: str


Answer = Callable[[], Reply | None]
"""None while it is waited for."""


class Stage(Protocol):
    """Where the play is given: the robot's nodes and its world."""

    truth: Truth | None  # of the newest odometry
    state: str  # that the robot says of its route

    def is_complete(self) -> bool:
        """Whether every node is there and heard."""

    def call(self, service: str) -> Answer:
        """Ask a service for its work."""

    def set(self, node: str, values: dict[str, Any]) -> Answer:
        """Set parameters of a node."""

    def pause(self, paused: bool) -> Answer:
        """Let simulated time stand still, or go on."""


class Wait(NamedTuple):
    """What the script waits for; without patience for as long as it takes."""

    holds: Callable[[], Any]
    what: str
    patient: bool = True


Script = Iterator[Wait]


class RouteScript:
    """Teach, then repeat in each condition; the pilot and the judge of the moment are looked up by who flies."""

    def __init__(self, mission: RouteMission, seed: int, route: Route, stage: Stage) -> None:
        self.mission, self.seed, self.route, self.stage = mission, seed, route, stage
        self.pilot: RoutePilot | None = None
        self.judge: RouteJudge | None = None
        self.taught, self.recording = TaughtPath(), False
        self.flights: list[dict[str, Any]] = []

    def see(self, truth: Truth, forward_mps: float, along_m: float) -> Drive | None:
        """One period as odometry shows it, and how far the robot believes to be; the pilot's drive where he flies."""
        if self.recording:
            self.taught.add(truth, along_m)
        if self.pilot is None:
            return None
        return self.pilot.drive(truth.position_m, truth.yaw_rad, forward_mps, truth.time_s)

    @property
    def conditions(self) -> list[str]:
        """Those that the route is repeated in."""
        return self.mission.repeat_in or [self.mission.condition]

    @property
    def is_flown(self) -> bool:
        """Whether there is nothing more to judge."""
        return len(self.flights) == len(self.conditions)

    def play(self) -> Script:
        """The mission from its beginning to its end, where the robot is at rest and left alone.

        Raises:
            SnnError: a node refuses something, or the pilot does not get through.
        """
        yield Wait(self.stage.is_complete, "every node of the robot and its world")
        yield from self._tune()
        yield from self._teach()
        for condition in self.conditions:
            yield from self._halt()
            yield from self._repeat(condition)
        yield from self._halt()
        self.pilot = None

    def _tune(self) -> Script:
        """What the mission says about the robot's nodes; they have the same settings as without ROS."""
        mission = self.mission
        follower = {name: getattr(mission.follower, name) for name in FollowerConfig.model_fields}
        yield from self._set("route_follower", {**follower, "spacing_m": mission.spacing_m, "settle_s": SETTLE_S})
        rates = {"rate_hz": 1.0 / mission.place_every_s, "turn_rate_hz": 1.0 / mission.shift_every_s}
        places = {"min_correlation": mission.min_correlation, "sequence": mission.sequence, **SEQUENCE_SPEEDS}
        yield from self._set("place_recognizer", {**rates, **places, "min_probability": LEAST_PROBABILITY})

    def _teach(self) -> Script:
        """The pilot flies along the scene's route; the robot measures and learns."""
        mission = self.mission
        yield from self._restart(mission.taught_in, 0.0, 0.0, "route/stop", "idle")
        self.pilot = pilot = self._new_pilot()
        yield from self._pass(SETTLE_S)
        yield from self._call("route/teach")
        self.recording, pilot.moving, end_m = True, True, end_of(mission, self.route)
        limit_s = self._time_s() + SETTLE_S + SLOWEST * (end_m - mission.from_m) / mission.follower.speed_mps
        yield Wait(lambda: pilot.reached_m >= end_m or self._time_s() > limit_s, "the pilot", patient=False)
        self.recording = False
        yield from self._call("route/stop")
        if pilot.reached_m < end_m:
            raise SnnError(f"the pilot reached {pilot.reached_m:.1f} m of {end_m:.1f} m; does the drive get through?")

    def _repeat(self, condition: str) -> Script:
        """The robot flies the route by itself."""
        mission = self.mission
        beside = np.random.default_rng([self.seed, 3]).uniform(-1.0, 1.0, 2) * (mission.beside_m, mission.turned_rad)
        yield from self._restart(condition, float(beside[0]), float(beside[1]), "route/follow", "following")
        self.judge = judge = RouteJudge(mission, condition, self.seed, self.taught)
        yield Wait(lambda: judge.over, "the robot", patient=False)
        self.judge = None
        self.flights.append(judge.result())
        yield from self._call("route/stop")

    def _restart(self, condition: str, left_m: float, turned_rad: float, order: str, state: str) -> Script:
        """The world begins anew, and the robot with an order; time stands still meanwhile."""
        mission, robot = self.mission, self.mission.robot
        yield from self._answer(self.stage.pause(True), "pause")
        self.pilot = None
        start = {
            "scene": mission.scene, "condition": condition, "seed": self.seed, "along_m": mission.from_m,
            "left_m": left_m, "turned_rad": turned_rad, "start_height_m": mission.pilot.height_m,
            "wind_x_mps": robot.wind_mps[0], "wind_y_mps": robot.wind_mps[1], "draft_mps": robot.draft_mps,
            "buoyancy_mps2": robot.buoyancy_mps2,
        }  # fmt: skip
        yield from self._set("robot_world", start)
        yield from self._call("reset")
        yield from self._call(order)
        yield Wait(lambda: self.stage.state == state, f"route/state to be {state}")
        yield from self._answer(self.stage.pause(False), "pause")
        before = self.stage.truth
        yield Wait(lambda: self.stage.truth is not before, "odom")

    def _halt(self) -> Script:
        """The pilot brings the robot to rest, so that it does not remember a speed that it has no more."""
        self.pilot = self._new_pilot()
        yield from self._pass(HALT_S)

    def _new_pilot(self) -> RoutePilot:
        return RoutePilot(self.route, self.mission.follower.speed_mps, self.mission.robot.dt_s)

    def _time_s(self) -> float:
        return self.stage.truth.time_s if self.stage.truth is not None else -math.inf

    def _pass(self, seconds: float) -> Script:
        begun_s = self._time_s()
        yield Wait(lambda: self._time_s() >= begun_s + seconds, "simulated time to pass")

    def _call(self, service: str) -> Script:
        yield from self._answer(self.stage.call(service), service)

    def _set(self, node: str, values: dict[str, Any]) -> Script:
        yield from self._answer(self.stage.set(node, values), f"{node} to take its parameters")

    def _answer(self, answer: Answer, what: str) -> Script:
        yield Wait(lambda: answer() is not None, f"an answer: {what}")
        reply = answer()
        if reply is None or not reply.success:
            raise SnnError(f"{what}: {reply.message if reply is not None else 'no answer'}")
