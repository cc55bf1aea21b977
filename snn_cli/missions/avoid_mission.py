"""Something approaches the hovering robot, again and again; event motion alone tells how soon it is here."""

import copy
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
AWAY_M = 0.6  # behind the robot's centre, where its rear end is when the approach is over
LONGEST_S = 40.0  # of an approach
SIZES_M, OFFSET_M = (0.6, 1.0), 0.25
FULL, NEAR_M = 10.0, 0.5  # command of the motors of an escape, and distance from its height where it ends
AFTER_S, BACK_S = 0.7, 2.0  # it pushes back until so long after contact was expected, at most so long; then ahead
STEP_M = 0.4  # by which no robot climbs in a period: the range's steps when something passes below
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


class Hover:
    """The robot's head: holds height and heading, and gets out of the way when it is warned."""

    def __init__(self, mission: AvoidMission) -> None:
        self.mission = mission
        self.altitude = controller_named("default", mission.robot.dt_s, 1)[1]
        self.heading, self.heading_rad = Pid(HEADING_PID, mission.robot.dt_s), 0.0
        self.height_m, self.fled_s, self.back_s = mission.pilot.height_m, -math.inf, 0.0
        self.range_m, self.below_m = mission.pilot.height_m, 0.0  # newest range, height of what is below

    def escape(self, seen: Looming, time_s: float) -> None:
        """Leave downwards if it comes from above, else upwards; and back off, which wins time."""
        self.height_m += self.mission.rise_m if seen.y_px >= 0.0 else -self.mission.rise_m
        self.fled_s, self.back_s = time_s, min(seen.time_to_contact_s + AFTER_S, BACK_S)

    def command(self, range_m: float, turn_radps: float, time_s: float) -> Array:
        """Commands (altitude, heading, speed)."""
        self.heading_rad += turn_radps * self.mission.robot.dt_s
        if math.isfinite(range_m):
            step = range_m - self.range_m
            self.below_m -= step if abs(step) > STEP_M else 0.0
            self.range_m = range_m
        turn = self.heading(np.zeros(1), np.array([self.heading_rad]))[0]
        height_m, since_s = self.range_m + self.below_m, time_s - self.fled_s
        lift = self.altitude(np.array([self.height_m]), np.array([height_m]))[0]
        missing_m = self.height_m - height_m
        if math.isfinite(since_s) and abs(missing_m) > NEAR_M:
            lift = math.copysign(FULL, missing_m)
        push = -FULL if since_s < self.back_s else FULL if since_s < 2.0 * self.back_s else 0.0
        return np.array([lift, turn, push])


class AvoidFlight:
    """One approach to a robot that hovers, and nothing that approaches where `comes` is false."""

    def __init__(self, mission: AvoidMission, seed: int, comes: bool = True) -> None:
        self.mission = mission
        self.approach = draw_approach(mission, np.random.default_rng([seed, 4]))
        size_m = self.approach.size_m if comes else 0.0
        self.scene: Scene = open_scene(mission.scene, mission.condition, seed, size_m)
        self.start = self.scene.route.at(1.0)
        place = (self.start.x_m, self.start.y_m, mission.pilot.height_m, self.start.yaw_rad)
        self.robot = Robot(self.scene, mission.robot, seed, place)
        self.referee = Referee(mission.robot.near_m, mission.robot.dt_s)
        self.detector = LoomingDetector(mission.robot.event_width, mission.robot.event_height)
        self.hover = Hover(mission)
        self.commands: Array = np.zeros(3)
        self.seen: Looming = NOTHING
        self.watches, self.dodge = True, False

    @property
    def target_m(self) -> float:
        """The height that is wanted."""
        return self.hover.height_m

    def step(self, watch: Watch | None = None) -> None:
        """A period."""
        self._move()
        senses = self.robot.advance(self.commands)
        self.seen = self.detector.take(*senses.events, senses.time_s) if self.watches else NOTHING
        self.commands = self.hover.command(senses.range_m, float(senses.gyro_radps[2]), senses.time_s)
        self.referee.see(self.robot.truth(), self.commands)
        if watch is not None:
            watch(self.robot, senses, self.commands, self)

    def fled(self, seen: Looming) -> "AvoidFlight":
        """Another flight, which gets away from here on; it does not look any more."""
        away = copy.deepcopy(self)
        away.watches, away.dodge, away.seen = False, True, NOTHING
        away.hover.escape(seen, self.robot.time_s)
        return away

    def end(self, watch: Watch | None = None) -> None:
        """Fly until it is over."""
        while not self.over:
            self.step(watch)

    def truly_seen(self) -> Looming:
        """What a detector that knows the truth would tell."""
        below_m = self.robot.truth().position_m[2] - self.mission.pilot.height_m - self.approach.up_m
        return Looming(self.true_time_to_contact_s(), 0.0, float(below_m), 0.0)

    @property
    def warned(self) -> bool:
        """Whether contact is told to be near."""
        return self.seen.time_to_contact_s < self.mission.warn_s

    @property
    def over(self) -> bool:
        """Whether it hit, or has passed."""
        passed = self._came_m() + self.approach.size_m - self._own_m() < -AWAY_M
        return self.referee.contact or passed or self.robot.time_s > LONGEST_S

    def _came_m(self) -> float:
        """From where the robot was placed to the front of what approaches, along its way."""
        return self.approach.distance_m - self.approach.speed_mps * max(self.robot.time_s - QUIET_S, 0.0)

    def _own_m(self) -> float:
        """From where the robot was placed to its centre, along that way."""
        return self._along(self.robot.truth().position_m[:2] - (self.start.x_m, self.start.y_m))

    def _along(self, vector: Array) -> float:
        """Component (2,) along the way from which it comes."""
        return float(vector @ (math.cos(self.start.yaw_rad), math.sin(self.start.yaw_rad)))

    def true_time_to_contact_s(self) -> float:
        """From the camera to the front of what approaches, at the speed at which they close now."""
        closing = self.approach.speed_mps + self._along(self.robot.truth().velocity_mps[:2])
        ahead_m = self._came_m() - self._own_m() - self.mission.robot.event_ahead_m
        return ahead_m / closing if closing > 0.0 else math.inf

    def _move(self) -> None:
        """Put what approaches where it is; it comes straight at where the robot was."""
        if self.scene.obstacle is None:
            return
        a, start = self.approach, self.start
        ahead = self._came_m() + 0.5 * a.size_m
        c, s = math.cos(start.yaw_rad), math.sin(start.yaw_rad)
        x, y = start.x_m + c * ahead - s * a.left_m, start.y_m + s * ahead + c * a.left_m
        bottom = self.mission.pilot.height_m + a.up_m - 0.5 * a.size_m
        self.scene.put(self.scene.obstacle, x, y, start.yaw_rad, bottom)


class Trial(NamedTuple):
    """An approach, flown to get away when warned, when it truly is `warn_s` away, and holding still."""

    contact: bool  # of the one that gets away
    clearance_m: float
    near_misses: int
    energy_j: float
    duration_s: float
    warned_s: float  # true time to contact at the warning; NaN without one
    told: float  # time to contact over the true one, about `JUDGED_S` before contact; NaN where none was told
    hit_still: bool
    hit_if_known: bool  # of the one warned by the truth: what no detector can avoid


def fly_approach(mission: AvoidMission, seed: int, referee: Referee, watch: Watch | None = None) -> Trial:
    """One approach. What the robot decides is told to the referee of all approaches."""
    still = AvoidFlight(mission, seed)
    away: AvoidFlight | None = None
    known: AvoidFlight | None = None
    warned_s, told, judged = math.nan, math.nan, False
    while not still.over:
        still.step(watch)
        true_s = still.true_time_to_contact_s()
        if not judged and true_s <= JUDGED_S:
            judged, told = True, still.seen.time_to_contact_s / true_s
        if known is None and true_s <= mission.warn_s:
            known = still.fled(still.truly_seen())
        if away is None and still.warned:
            warned_s, away = true_s, still.fled(still.seen)
            away.referee.tell(still.robot.time_s, f"{still.seen.time_to_contact_s:.1f} s to contact: away")
            referee.events += away.referee.events
        still.watches = away is None or not judged
    for flight, seen_by in ((away, watch), (known, None)):
        if flight is not None:
            flight.end(seen_by)
    away, known = away or still, known or still
    end = away.referee
    return Trial(
        end.contact, float(end.path[:, 5].min()), end.near_misses, end.energy_j, away.robot.time_s, warned_s, told,
        still.referee.contact, known.referee.contact,
    )  # fmt: skip


def false_alarms(mission: AvoidMission, seed: int) -> int:
    """How often the robot is warned of nothing, in `calm_s`."""
    flight = AvoidFlight(mission, seed, comes=False)
    alarms, before = 0, False
    while flight.robot.time_s < mission.calm_s:
        flight.step()
        alarms, before = alarms + (flight.warned and not before), flight.warned
    return alarms


def avoid(mission: AvoidMission, seed: int, watch: Watch | None = None) -> dict[str, Any]:
    """All approaches, and a while without any, which nobody watches."""
    referee = Referee(mission.robot.near_m, mission.robot.dt_s)
    trials = [fly_approach(mission, 1000 * seed + k, referee, watch) for k in range(mission.approaches)]
    told = np.array([t.told for t in trials])
    avoided = float(np.mean([not t.contact and t.clearance_m >= mission.miss_m for t in trials]))
    warned = np.array([t.warned_s for t in trials])
    del referee.events[20:]
    alarms = false_alarms(mission, 1000 * seed)
    return {
        **referee.result(mission.name, seed, avoided >= 0.95, ALL), "approaches": len(trials), "avoided": avoided,
        "contact": any(t.contact for t in trials), "near_misses": sum(t.near_misses for t in trials),
        "least_clearance_m": min(t.clearance_m for t in trials),
        "avoided_if_warned_by_truth": float(np.mean([not t.hit_if_known for t in trials])),
        "hit_without_moving": float(np.mean([t.hit_still for t in trials])),
        "energy_estimate_j": sum(t.energy_j for t in trials), "duration_s": sum(t.duration_s for t in trials),
        "time_to_contact_within_20_percent": float(np.mean(np.abs(np.nan_to_num(told, nan=np.inf) - 1.0) <= 0.2)),
        "time_to_contact_median_error": _median(told - 1.0), "warned_median_s": _median(warned),
        "false_alarms": alarms, "false_alarms_per_min": 60.0 * alarms / mission.calm_s,
    }  # fmt: skip


def _median(values: Array) -> float | None:
    """Of those that are there."""
    there = values[np.isfinite(values)]
    return float(np.median(there)) if len(there) else None
