"""Something approaches the hovering robot, again and again; event motion alone tells how soon it is here."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim_worlds.robot import Robot
from sim_worlds.scene import Scene, open_scene
from snn_cli.controllers import controller_named
from snn_cli.missions.mission_config import AvoidMission
from snn_cli.missions.mission_streams import GROUND, mission_streams
from snn_cli.missions.scoring import Referee, sensor_use
from snn_cli.missions.watch import Watch
from snn_control.coordination.coordinator import HEIGHT, MOTION
from snn_control.drive_control import HEADING_PID
from snn_control.pid import Pid
from snn_perception.motion.looming import NOTHING, Looming, LoomingDetector

Array = NDArray[np.float64]
QUIET_S = 1.5  # before it sets out
AWAY_S = 1.5  # after it has passed
SIZES_M, OFFSET_M = (0.6, 1.0), 0.25
ESCAPE = 10.0  # command of the pair that lifts
REVERSE = -6.0  # and of the pair that pushes
ALL = sensor_use(mission_streams(GROUND), {HEIGHT: 1.0, MOTION: 1.0})  # nothing sleeps while something may come
JUDGED_S = 1.0  # time to contact at which the estimate is judged


class Approach(NamedTuple):
    """What comes, and how."""

    speed_mps: float
    size_m: float
    left_m: float
    up_m: float
    distance_m: float


def draw_approach(mission: AvoidMission, rng: np.random.Generator) -> Approach:
    """A random approach, from far enough to be seen for some seconds."""
    speed = float(rng.uniform(*mission.speeds_mps))
    size = float(rng.uniform(*SIZES_M))
    left, up = (float(x) for x in rng.uniform(-OFFSET_M, OFFSET_M, 2))
    return Approach(speed, size, left, up, min(2.5 + 4.0 * speed, 13.0))


class AvoidFlight:
    """One approach."""

    def __init__(self, mission: AvoidMission, seed: int, dodge: bool = True) -> None:
        self.mission, self.dodge = mission, dodge
        self.approach = draw_approach(mission, np.random.default_rng([seed, 4]))
        self.scene: Scene = open_scene(mission.scene, mission.condition, seed, self.approach.size_m)
        self.start = self.scene.route.at(1.0)
        place = (self.start.x_m, self.start.y_m, mission.pilot.height_m, self.start.yaw_rad)
        self.robot = Robot(self.scene, mission.robot, seed, place)
        self.referee = Referee(mission.robot.near_m, mission.robot.dt_s)
        self.detector = LoomingDetector(mission.robot.event_width, mission.robot.event_height)
        self.altitude = controller_named("default", mission.robot.dt_s, 1)[1]
        self.heading, self.heading_rad = Pid(HEADING_PID, mission.robot.dt_s), 0.0
        self.escape, self.warned_s = 0.0, math.nan  # which way, true time to contact at the warning
        self.judged: tuple[float, float] | None = None  # true and estimated time to contact
        self.seen: Looming = NOTHING

    @property
    def target_m(self) -> float:
        """The height that is wanted while nothing is near."""
        return self.mission.pilot.height_m

    def fly(self, watch: Watch | None = None) -> None:
        """Until it has passed, or hit."""
        commands: Array = np.zeros(3)
        a = self.approach
        end_s = QUIET_S + a.distance_m / a.speed_mps + (AWAY_S if self.dodge else -0.3)
        while self.robot.time_s < end_s and not self.referee.contact:
            self._move(self.robot.time_s)
            senses = self.robot.advance(commands)
            self.seen = self.detector.take(senses.events.x, senses.events.y, senses.time_s)
            self.heading_rad += float(senses.gyro_radps[2]) * self.mission.robot.dt_s
            self._judge()
            commands = self._command(senses.range_m)
            self.referee.see(self.robot.truth(), commands)
            if watch is not None:
                watch(self.robot, senses, commands, self)

    def _move(self, time_s: float) -> None:
        """Put what approaches where it is; it comes straight at where the robot was."""
        a, start = self.approach, self.start
        ahead = a.distance_m - a.speed_mps * max(time_s - QUIET_S, 0.0) + 0.5 * a.size_m
        c, s = math.cos(start.yaw_rad), math.sin(start.yaw_rad)
        x, y = start.x_m + c * ahead - s * a.left_m, start.y_m + s * ahead + c * a.left_m
        bottom = self.mission.pilot.height_m + a.up_m - 0.5 * a.size_m
        if self.scene.obstacle is not None:
            self.scene.put(self.scene.obstacle, x, y, start.yaw_rad, bottom)

    def true_time_to_contact_s(self) -> float:
        """From the camera to the front of what approaches."""
        a, position = self.approach, self.robot.truth().position_m
        c, s = math.cos(self.start.yaw_rad), math.sin(self.start.yaw_rad)
        own = c * (position[0] - self.start.x_m) + s * (position[1] - self.start.y_m)
        return (a.distance_m - a.speed_mps * max(self.robot.time_s - QUIET_S, 0.0) - own) / a.speed_mps

    def _judge(self) -> None:
        true_s, told_s = self.true_time_to_contact_s(), self.seen.time_to_contact_s
        if self.escape == 0.0 and told_s == told_s and told_s < self.mission.warn_s and self.robot.time_s > 1.0:
            self.warned_s = true_s
            self.referee.tell(self.robot.time_s, f"{told_s:.1f} s to contact: away")
            self.escape = 1.0 if self.seen.y_px >= 0.0 else -1.0
        if self.judged is None and true_s <= JUDGED_S:
            self.judged = true_s, told_s

    def _command(self, range_m: float) -> Array:
        turn = self.heading(np.zeros(1), np.array([self.heading_rad]))[0]
        lift = self.altitude(np.array([self.mission.pilot.height_m]), np.array([range_m]))[0]
        if self.escape == 0.0 or not self.dodge:
            return np.array([lift, turn, 0.0])
        low = self.escape < 0.0 and range_m < 0.9
        return np.array([0.0 if low else ESCAPE * self.escape, turn, REVERSE])


def avoid(mission: AvoidMission, seed: int, watch: Watch | None = None) -> dict[str, Any]:
    """All approaches twice: to get away, and holding still to judge the time to contact."""
    flights: list[AvoidFlight] = []
    stills: list[AvoidFlight] = []
    for k in range(mission.approaches):
        for dodge, into in ((True, flights), (False, stills)):
            flight = AvoidFlight(mission, 1000 * seed + k, dodge)
            flight.fly(watch)
            into.append(flight)
    avoided = [not f.referee.contact and f.referee.path[:, 5].min() >= mission.miss_m for f in flights]
    judged = [f.judged for f in stills if f.judged is not None]
    error = np.array([told / true - 1.0 for true, told in judged])
    right = float(np.mean(np.abs(np.nan_to_num(error, nan=np.inf)) <= 0.2)) if len(error) else None
    referee = flights[0].referee
    events = [event for f in flights for event in f.referee.events][:20]
    return {
        **referee.result(mission.name, seed, float(np.mean(avoided)) >= 0.95, ALL), "approaches": len(flights),
        "contact": any(f.referee.contact for f in flights), "events": events, "avoided": float(np.mean(avoided)),
        "near_misses": sum(f.referee.near_misses for f in flights),
        "hit_without_moving": float(np.mean([f.referee.path[:, 5].min() < 0.35 for f in stills])),
        "energy_estimate_j": sum(f.referee.energy_j for f in flights), "time_to_contact_within_20_percent": right,
        "time_to_contact_median_error": float(np.nanmedian(error)) if len(error) else None,
        "warned_median_s": float(np.nanmedian([f.warned_s for f in flights])),
    }  # fmt: skip
