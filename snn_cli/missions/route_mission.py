"""Teach a route by flying it once, then follow it in another condition, by what the robot sees."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim_worlds.robot import Robot, Senses
from sim_worlds.robot_faults import FaultyRobot, TimedFault
from sim_worlds.route import Route
from sim_worlds.scene import Scene, open_scene
from snn_cli.missions.autopilot import Autopilot
from snn_cli.missions.mission_config import RouteMission
from snn_cli.missions.mission_streams import ROUTE, mission_streams
from snn_cli.missions.route_pilot import turn_along
from snn_cli.missions.scoring import Referee, beside_path
from snn_cli.missions.watch import Watch
from snn_control.coordination.coordinator import PLACE, TURN
from snn_control.route_follower import RouteFollower
from snn_control.taught_route import RouteRecorder, TaughtRoute
from snn_perception.places.image_shift import outline, shift_between
from snn_perception.places.image_trust import TrustConfig, TrustMonitor
from snn_perception.places.place_map import PlaceMap
from snn_perception.places.recogniser import PlaceRecogniser, RecogniserConfig

Array = NDArray[np.float64]
PATIENCE = 1.6  # times the time that the route should take
TOLERANCE = 2  # places
SETTLE_S = 3.0
STILL = (0.0, 0.0)  # until then
MISMATCH_SHARE = 0.1  # of a new mismatch of images in its running mean


class Taught(NamedTuple):
    """What the robot keeps of the flight that taught it, and what the referee does."""

    route: TaughtRoute
    places: PlaceMap
    outlines: list[Array]  # of each place
    images: NDArray[np.uint8]  # (place, row, column)
    true_path: Array  # (time, 6), the referee's
    true_places: Array  # (place, 2) the referee's


class Mutants(NamedTuple):
    """What may be broken on purpose."""

    frozen_places: bool = False
    silent_motion: bool = False


SOUND = Mutants()


def teach(mission: RouteMission, seed: int) -> Taught:
    """The route as one robot learns it, or two, a half each."""
    if mission.robots == 1:
        return teach_part(mission, seed)
    scene = open_scene(mission.scene, mission.taught_in)
    middle_m = 0.5 * (mission.from_m + end_of(mission, scene.route))
    first = teach_part(mission.model_copy(update={"to_m": middle_m}), seed)
    return joined(first, teach_part(mission.model_copy(update={"from_m": middle_m}), seed + 1), mission.spacing_m)


def joined(first: Taught, second: Taught, spacing_m: float) -> Taught:
    """Two parts of a route as one: the maps are merged, the second part goes on where the first one ended."""
    places, known = PlaceMap(), len(first.outlines)
    places.merge(first.places)
    places.merge(second.places)
    ahead_m = known * spacing_m
    kept = first.route.along_m < ahead_m
    route = TaughtRoute(
        np.concatenate([first.route.along_m[kept], second.route.along_m + ahead_m]),
        np.concatenate([first.route.heading_rad[kept], second.route.heading_rad + first.route.heading_rad[-1]]),
        np.concatenate([first.route.drift_rad[kept], second.route.drift_rad]),
    )
    return Taught(
        route, places, first.outlines + second.outlines, np.concatenate([first.images, second.images]),
        np.concatenate([first.true_path, second.true_path]), np.concatenate([first.true_places, second.true_places]),
    )  # fmt: skip


def teach_part(mission: RouteMission, seed: int) -> Taught:
    """A pilot, who sees where he is, flies the route; the robot measures and learns along."""
    scene = open_scene(mission.scene, mission.taught_in)
    robot = _robot(scene, mission, seed)
    pilot = Autopilot(mission.robot, mission.pilot.model_copy(update={"adapt": False}))
    recorder, end_m = RouteRecorder(), end_of(mission, scene.route)
    outlines, where, truths = [], [], []
    images: list[NDArray[np.uint8]] = []
    commands: Array = np.zeros(3)
    for tick in range(100_000):
        senses, truth = robot.advance(commands), robot.truth()
        velocity = pilot.sense(senses)
        moving = tick * mission.robot.dt_s > SETTLE_S
        recorder.move(velocity if moving else None, pilot.turned_rad, mission.robot.dt_s)
        truths.append((truth.time_s, *truth.position_m, truth.yaw_rad, truth.clearance_m))
        if recorder.along_m >= len(images) * mission.spacing_m:
            images.append(senses.image)
            outlines.append(outline(senses.image))
            where.append(truth.position_m[:2])
        reached, _ = scene.route.nearest(*truth.position_m[:2])
        if reached >= end_m:
            break
        turn = turn_along(scene.route, truth.position_m, truth.yaw_rad, reached)
        speed = mission.follower.speed_mps if moving else 0.0
        commands = pilot.command(senses, mission.pilot.height_m, turn if moving else 0.0, speed)
    places = PlaceMap()
    poses = np.zeros((len(images), 7))
    poses[:, 0], poses[:, 6] = np.arange(len(images)) * mission.spacing_m, 1.0
    places.add(np.array(images), poses)
    return Taught(recorder.route(), places, outlines, np.array(images), np.array(truths), np.array(where))


def end_of(mission: RouteMission, route: Route) -> float:
    """Where on the scene's route a mission ends (m)."""
    return min(mission.to_m, route.length_m - 1.5)


def _robot(
    scene: Scene, mission: RouteMission, seed: int, off: tuple[float, float] = (0.0, 0.0),
    faults: Sequence[TimedFault] = (),
) -> Robot:  # fmt: skip
    """At the start, or `off` to the left of it (m) and turned to the left (rad)."""
    start = scene.route.beside(mission.from_m, off[0])
    place = (start.x_m, start.y_m, mission.pilot.height_m, start.yaw_rad + off[1])
    return FaultyRobot(scene, mission.robot, seed, place, faults)


class RouteFlight:
    """One flight along a taught route."""

    def __init__(self, mission: RouteMission, taught: Taught, seed: int, mutants: Mutants = SOUND) -> None:
        self.mission, self.taught, self.mutants, self.seed = mission, taught, mutants, seed
        scene = open_scene(mission.scene, mission.condition, seed)
        beside = np.random.default_rng([seed, 3]).uniform(-1.0, 1.0, 2) * (mission.beside_m, mission.turned_rad)
        self.robot = _robot(scene, mission, 1000 + seed, (beside[0], beside[1]), mission.faults)
        every_s = {PLACE: mission.place_every_s, TURN: mission.shift_every_s}
        self.pilot = Autopilot(mission.robot, mission.pilot, mission_streams(ROUTE, every_s))
        self.follower = RouteFollower(taught.route, mission.follower)
        config = RecogniserConfig(
            sequence=mission.sequence, slowest=0.2, fastest=1.4, speeds=7, early_exit=True, min_probability=0.2
        )
        self.recogniser = PlaceRecogniser(taught.places, config)
        self.images = TrustMonitor(TrustConfig())
        self.probability, self.recognised_s = 1.0, math.nan
        self.referee = Referee(mission.robot.near_m, mission.robot.dt_s)
        self.place: int | None = None
        self.answers: list[tuple[int | None, int]] = []  # given, true
        self.correlation, self.arrived, self.was_lost = 0.0, False, False
        self.saw, self.blind, self.mismatch = False, False, 0.0
        self.commands: Array = np.zeros(3)

    @property
    def target_m(self) -> float:
        """The height that is wanted."""
        return self.mission.pilot.height_m

    def fly(self, watch: Watch | None = None) -> dict[str, Any]:
        """Fly until the robot believes to have arrived, touches something, or time is up."""
        limit_s = SETTLE_S + PATIENCE * self.taught.route.length_m / self.mission.follower.speed_mps
        while self.robot.time_s < limit_s and not self.arrived:
            senses = self.robot.advance(self.commands)
            self.step(senses)
            if watch is not None:
                watch(self.robot, senses, self.commands, self)
            if self.referee.contact:
                self.referee.tell(self.robot.time_s, "contact")
                break
        return self.result()

    def step(self, senses: Senses) -> None:
        """What the robot does with the senses of a period, and what the referee notes."""
        mission, follower = self.mission, self.follower
        velocity = self.pilot.sense(senses)
        if self.mutants.silent_motion:
            velocity = self.pilot.velocity = None
        moving = senses.time_s > SETTLE_S
        follower.move(velocity if moving else STILL, self.pilot.turned_rad, mission.robot.dt_s)
        if moving:
            self._look(senses)
        self._report()
        self._tell(senses.time_s)
        self._watch_camera(senses.time_s)
        steering = follower.steer()
        self.arrived = moving and follower.along_m >= follower.route.length_m - 0.3
        turn, speed = (steering.turn_rad, steering.speed_mps) if moving else (0.0, 0.0)
        self.commands = self.pilot.command(senses, mission.pilot.height_m, turn, 0.0 if self.blind else speed)
        if follower.lost:
            self.commands[2] = 0.0
        self.referee.see(self.robot.truth(), self.commands, self.pilot.decided)

    def _look(self, senses: Senses) -> None:
        """Use the image where one is asked for: for the place, for the turn; one that shows nothing tells nothing."""
        place_due, turn_due = self.pilot.due(PLACE), self.pilot.due(TURN)
        if not (place_due or turn_due) or self.images.take(senses.image):
            return
        if place_due:
            self._recognise(senses)
        if turn_due:
            self._compare(senses)

    def _watch_camera(self, time_s: float) -> None:
        """Whether the camera, after it showed the way, shows nothing any more that could be trusted."""
        shows = self.pilot.trusted(PLACE) or self.pilot.trusted(TURN)
        if self.saw and not shows and not self.blind:
            self.referee.tell(time_s, "the camera shows nothing: stopped")
        self.saw, self.blind = self.saw or shows, self.saw and not shows

    def _report(self) -> None:
        """What place recognition and the follower tell the coordinator."""
        if self.pilot.reporting:
            self.pilot.report("place_recognizer", {"probability": self.probability})
            self.pilot.report("route_follower", {**self.follower.report(), "course_mismatch": self.mismatch})

    def _answer(self, senses: Senses) -> int | None:
        """The place that the image shows, with as many time steps as the coordinator asks for."""
        recogniser, steps = self.recogniser, self.pilot.deck.sensing.orders[PLACE].time_steps
        if recogniser.config.max_time_steps != steps:
            recogniser.configure(recogniser.config.model_copy(update={"max_time_steps": steps}))
        passed_s = senses.time_s - self.recognised_s
        self.recognised_s = senses.time_s
        elapsed = passed_s / self.mission.place_every_s if passed_s == passed_s else 1.0
        found = recogniser.recognise(senses.image, elapsed)
        self.probability = found.probability
        self.pilot.heard(PLACE, float(found.place or 0))
        return found.answer

    def _recognise(self, senses: Senses) -> None:
        if self.mutants.frozen_places and self.place is not None:
            answer: int | None = self.place
        else:
            answer = self._answer(senses)
        self.place = answer if answer is not None else self.place
        offset = self.taught.true_places - self.robot.truth().position_m[:2]
        self.answers.append((answer, int((offset**2).sum(axis=1).argmin())))
        if answer is not None:
            self.follower.see_place(answer * self.mission.spacing_m)

    def _compare(self, senses: Senses) -> None:
        """The turn that would match the image taught where we believe to be."""
        taught, spacing_m = self.taught.outlines, self.mission.spacing_m
        here = min(max(round(self.follower.along_m / spacing_m), 0), len(taught) - 1)
        shift = shift_between(outline(senses.image), taught[here])
        self.correlation = shift.correlation
        self.mismatch += MISMATCH_SHARE * (1.0 - shift.correlation - self.mismatch)
        self.pilot.heard(TURN, shift.correlation)
        if shift.correlation > self.mission.min_correlation and shift.pixels == shift.pixels:
            focal = 0.5 / math.tan(0.5 * self.mission.robot.fov_rad)
            self.follower.see_turn(shift.turn_rad(focal), here * spacing_m)

    def _tell(self, time_s: float) -> None:
        if self.follower.lost and not self.was_lost:
            self.referee.tell(time_s, "event motion is silent: stopped")
        self.was_lost = self.follower.lost
        if self.follower.relocated > sum("relocated" in e["event"] for e in self.referee.events):
            self.referee.tell(time_s, f"relocated to {self.follower.along_m:.1f} m")

    def result(self) -> dict[str, Any]:
        """What is reported."""
        path, taught = self.referee.path, self.taught
        beside = beside_path(path[:, 1:3], taught.true_path[:, 1:3])
        end_m = float(np.hypot(*(path[-1, 1:3] - taught.true_path[-1, 1:3])))
        success = self.arrived and not self.referee.contact and end_m <= self.mission.arrive_within_m
        right = [given is not None and abs(given - true) <= TOLERANCE for given, true in self.answers]
        wrong = [given is not None and abs(given - true) > TOLERANCE for given, true in self.answers]
        return {
            **self.referee.result(self.mission.name, self.seed, success, self.pilot.sensor_use()),
            "condition": self.mission.condition,
            "cross_track_error_m": float(beside.mean()), "largest_cross_track_m": float(beside.max()),
            "place_recall": float(np.mean(right)) if right else None, "places": len(taught.true_places),
            "wrong_places": float(np.mean(wrong)) if wrong else None, "end_error_m": end_m,
            "route_m": float(np.hypot(*np.diff(taught.true_path[:, 1:3], axis=0).T).sum()),
        }  # fmt: skip


def route(mission: RouteMission, seed: int, mutants: Mutants = SOUND, watch: Watch | None = None) -> dict[str, Any]:
    """Teach once, then follow in every condition asked for; means over the flights, and each of them."""
    taught = teach(mission, seed)
    flights = []
    for condition in mission.repeat_in or [mission.condition]:
        flight = RouteFlight(mission.model_copy(update={"condition": condition}), taught, seed, mutants)
        flights.append(flight.fly(watch))
    return summary(flights)


def summary(flights: list[dict[str, Any]]) -> dict[str, Any]:
    """One result of several flights."""
    first = flights[0]
    mean = ("cross_track_error_m", "place_recall", "wrong_places", "sensing_duty", "end_error_m")
    total = ("near_misses", "energy_estimate_j", "duration_s")
    return {
        "mission": first["mission"], "seed": first["seed"], "success": all(f["success"] for f in flights),
        "contact": any(f["contact"] for f in flights), "places": first["places"], "route_m": first["route_m"],
        **{key: float(np.mean([f[key] for f in flights if f[key] is not None] or [np.nan])) for key in mean},
        **{key: sum(f[key] for f in flights) for key in total},
        "largest_cross_track_m": max(f["largest_cross_track_m"] for f in flights),
        "least_clearance_m": min(f["least_clearance_m"] for f in flights),
        "sensing": {name: float(np.mean([f["sensing"].get(name, 1.0) for f in flights])) for name in first["sensing"]},
        "events": [{"condition": f["condition"], **event} for f in flights for event in f["events"]],
        "flights": flights,
    }  # fmt: skip
