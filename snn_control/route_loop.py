"""Teaching a route and following it, in a robot's loop: stamped inputs in, drive commands out, states with a cause.

A step is due once per period of the gyro's stamps. It waits for the velocity of the period; the caller decides for how
long, and steps without one where none comes. What is seen is used in the step after it was heard, brought up to now by
what gyro and velocity say since its stamp.
"""

import math
from collections import Counter, deque

from pydantic import Field

from snn_control.drive_control import DriveControl
from snn_control.route_follower import FollowerConfig, RouteFollower
from snn_control.route_steps import Measured, RoutePose, RouteState, RouteStep, Seen, mean_velocity
from snn_control.route_trail import RouteTrail
from snn_control.stamped_input import StampedInput
from snn_control.taught_route import RouteRecorder, TaughtRoute
from snn_core.errors import DataError
from snn_core.signals import Drive, Health, Level, Verdict, health

DUE = 0.9  # periods after a step at which the next one may come
PATIENT = 3  # steps without a velocity after which none is waited for until one comes
MOST_SEEN = 50  # observations that wait for a step
LONGEST_S = 0.5  # between two velocities of one motion; after a longer silence one tells of a period only
STILL = (0.0, 0.0)
UNSEEN_RADPS, UNSEEN_MPS = 0.15, 0.2  # how fast it may have turned and drifted while the gyro was silent
INPUTS = ("velocity", "imu", "place", "place/turn")


class RouteLoopConfig(FollowerConfig):
    """Pace, limits of the inputs, and when a route begins and ends."""

    dt_s: float = Field(0.1, ge=0.001, le=10, description="control period (s)")
    settle_s: float = Field(3.0, ge=0, le=60, description="time at rest before a route is followed (s)")
    arrive_m: float = Field(0.3, ge=0, le=100, description="distance from the taught end that is arrival (m)")
    spacing_m: float = Field(0.5, gt=0.05, le=10, description="distance between taught places (m)")
    max_imu_age_s: float = Field(0.3, gt=0, le=10, description="age of the newest turning rate that is flown on (s)")
    max_seen_age_s: float = Field(1.0, gt=0, le=10, description="oldest velocity, place and turn that is used (s)")
    future_tolerance_s: float = Field(0.05, ge=0, le=1, description="how far a stamp may be ahead of the clock (s)")
    fastest_mps: float = Field(5.0, gt=0, le=100, description="fastest believable velocity (m/s)")
    fastest_radps: float = Field(6.0, gt=0, le=100, description="fastest believable turning rate (rad/s)")


class RouteLoop:
    """One robot, one route; `controls` are the drive controllers by the name of their owner (snn, pid)."""

    def __init__(
        self, config: RouteLoopConfig, controls: dict[str, DriveControl], route: TaughtRoute | None = None
    ) -> None:
        self.config, self.controls, self.route = config, controls, route
        self.inputs = {name: StampedInput(name) for name in INPUTS}
        self.counts: Counter[str] = Counter()
        self.refusal = ""  # of the newest place that was to be taught
        self._reported: Counter[str] = Counter()
        self._begin(RouteState.IDLE, "")

    def _begin(self, state: RouteState, cause: str) -> None:
        """A flight begins: nothing is known of the way before."""
        self.state, self.cause = state, cause
        self.recorder: RouteRecorder | None = None
        self.follower: RouteFollower | None = None
        self.trail, self.seen = RouteTrail(), list[Seen]()
        self.heading_rad = self.turned_rad = 0.0
        self.stepped_s: float | None = None
        self.began_s = math.nan
        self.velocities: deque[Measured] = deque(maxlen=MOST_SEEN)  # since the newest step
        self.forward_mps = math.nan
        self.missed = 0  # steps in a row without a velocity
        self.places = 0
        for control in self.controls.values():
            control.reset()

    def configure(self, config: RouteLoopConfig) -> None:
        """Exchange the settings in flight; memory stays."""
        self.config = config
        if self.follower is not None:
            self.follower.config = config

    def teach(self) -> None:
        """A route begins here; the one before is forgotten."""
        self.route = None
        self._begin(RouteState.TEACHING, "")
        self.recorder = RouteRecorder()

    def follow(self) -> None:
        """The taught route begins here.

        Raises:
            DataError: there is none.
        """
        route = self.recorder.route() if self.state is RouteState.TEACHING and self.recorder else self.route
        if route is None:
            raise DataError("expected a taught route to follow, found none; teach one, or set the parameter route")
        self.route = route
        self._begin(RouteState.FOLLOWING, "")
        self.follower = RouteFollower(route, self.config)

    def stop(self) -> None:
        """Follow no more; a route that is being taught ends here.

        Raises:
            DataError: it was being taught, and the robot has not moved.
        """
        recorder = self.recorder if self.state is RouteState.TEACHING else None
        self._begin(RouteState.IDLE, "stopped")
        if recorder is not None:
            self.route = recorder.route()

    def take_imu(self, turn_radps: float, stamp_s: float, now_s: float) -> None:
        """A turning rate to the left, measured at that time; it held since the one before."""
        source, config = self.inputs["imu"], self.config
        before_s = source.last_s
        limits = config.max_imu_age_s, config.future_tolerance_s
        if not source.take((turn_radps,), config.fastest_radps, stamp_s, now_s, *limits):
            return
        gap_s = stamp_s - before_s if before_s is not None else 0.0
        if 0.0 <= gap_s <= config.max_imu_age_s:
            self.turned_rad += turn_radps * gap_s
        elif self.state in (RouteState.FOLLOWING, RouteState.LOST) and self.follower is not None:
            self.counts["imu_gaps"] += 1
            self.follower.doubt(UNSEEN_RADPS * abs(gap_s), UNSEEN_MPS * abs(gap_s))

    def take_velocity(self, forward_mps: float, left_mps: float, stamp_s: float, now_s: float) -> None:
        """A velocity over ground, measured at that time; it held since the one before, however late it comes."""
        config = self.config
        limits = config.max_seen_age_s, config.future_tolerance_s
        before_s = self.inputs["velocity"].last_s
        if self.inputs["velocity"].take((forward_mps, left_mps), config.fastest_mps, stamp_s, now_s, *limits):
            gap_s = stamp_s - before_s if before_s is not None else math.inf
            lasted_s = gap_s if 0.0 < gap_s <= LONGEST_S else config.dt_s
            self.velocities.append(Measured(forward_mps, left_mps, lasted_s))

    def take_place(self, along_m: float, stamp_s: float, now_s: float) -> None:
        """A place was recognised that was taught so far along the route."""
        limits = self.config.max_seen_age_s, self.config.future_tolerance_s
        if self.inputs["place"].take((along_m,), math.inf, stamp_s, now_s, *limits):
            self._see(Seen(stamp_s, along_m, math.nan))

    def take_turn(self, turn_rad: float, along_m: float, stamp_s: float, now_s: float) -> None:
        """The view would match the one taught so far along the route after that turn to the left."""
        limits = self.config.max_seen_age_s, self.config.future_tolerance_s
        if self.inputs["place/turn"].take((turn_rad, along_m), math.inf, stamp_s, now_s, *limits):
            self._see(Seen(stamp_s, along_m, turn_rad))

    def refuse(self, name: str, verdict: Verdict, what: str) -> None:
        """Count a message that could not even be read."""
        self.inputs[name].refuse(verdict, what)

    def _see(self, seen: Seen) -> None:
        if len(self.seen) < MOST_SEEN:
            self.seen.append(seen)

    def place_taught(self, answer: str) -> None:
        """A place that was due is learnt, or was refused with this answer and stays due."""
        self.refusal = answer
        self.places += not answer
        self.counts["places_refused"] += bool(answer)

    @property
    def _gap_s(self) -> float:
        """Time by the gyro's stamps since the newest step; infinite before the first, and where the clock was set."""
        newest_s = self.inputs["imu"].last_s
        if newest_s is None:
            return 0.0
        gap_s = newest_s - self.stepped_s if self.stepped_s is not None else math.inf
        return gap_s if gap_s >= 0.0 else math.inf

    @property
    def due(self) -> bool:
        """Whether a period is over."""
        return self._gap_s >= DUE * self.config.dt_s

    @property
    def complete(self) -> bool:
        """Whether all is there that a due step uses, or it should not be waited for: at rest, or a period later."""
        if self.state in (RouteState.IDLE, RouteState.ARRIVED):
            return True
        if self.velocities and (self.inputs["velocity"].last_s or 0.0) > (self.stepped_s or 0.0):
            return True  # one of the period before may still come, and is used where there is no other
        newest_s = self.inputs["imu"].last_s or 0.0
        settling = self.follower is not None and not newest_s - self.began_s >= self.config.settle_s
        if self.missed >= PATIENT:
            return True
        overdue = self.stepped_s is not None and self._gap_s >= (1.0 + DUE) * self.config.dt_s
        return overdue or (settling and self.config.settle_s > 0.0)

    def step(self, now_s: float) -> RouteStep:
        """The period that is over: with its velocity, or without one where none has come."""
        stamp_s = self.inputs["imu"].last_s or now_s
        gap_s = stamp_s - self.stepped_s if self.stepped_s is not None else self.config.dt_s
        dt_s = gap_s if 0.0 < gap_s <= self.config.max_imu_age_s else self.config.dt_s
        self.began_s = stamp_s if not self.began_s <= stamp_s else self.began_s
        self.stepped_s = stamp_s
        measured, turned = list(self.velocities), self.turned_rad
        velocity = mean_velocity(measured)
        self.velocities.clear()
        self.turned_rad = 0.0
        self.heading_rad += turned
        self.forward_mps = velocity[0] if velocity is not None else math.nan
        self.counts["steps"] += 1
        self.counts["steps_without_velocity"] += velocity is None
        self.missed = self.missed + 1 if velocity is None else 0
        if self.recorder is not None:
            return self._record(self.recorder, measured, turned, dt_s, stamp_s)
        if self.follower is not None:
            return self._fly(self.follower, velocity, turned, dt_s, stamp_s)
        self.seen.clear()
        return RouteStep(stamp_s, {})

    def _record(
        self, recorder: RouteRecorder, measured: list[Measured], turned: float, dt_s: float, stamp_s: float
    ) -> RouteStep:
        """The route grows by every velocity that was measured: none is lost where several come in one period."""
        self.seen.clear()
        recorder.move(None, turned, dt_s)
        for forward, left, lasted_s in measured:
            recorder.move((forward, left), 0.0, lasted_s)
        return RouteStep(stamp_s, {}, recorder.along_m >= self.places * self.config.spacing_m)

    def _fly(
        self, follower: RouteFollower, velocity: tuple[float, float] | None, turned: float, dt_s: float, stamp_s: float
    ) -> RouteStep:
        moving = stamp_s - self.began_s >= self.config.settle_s
        follower.move(velocity if moving else STILL, turned, dt_s)
        self.trail.add(stamp_s, turned, velocity[0] * dt_s if velocity and moving else 0.0)
        self._use_seen(follower, moving)
        self._judge(follower, moving)
        if self.state is not RouteState.FOLLOWING:
            return RouteStep(stamp_s, self.neutral_at(stamp_s))
        turn, speed = follower.steer() if moving else (0.0, 0.0)
        found = {owner: c.step(turn, speed, self.heading_rad, self.forward_mps) for owner, c in self.controls.items()}
        drives = {owner: Drive(*pair, stamp_s) for owner, pair in found.items() if all(map(math.isfinite, pair))}
        self.counts["non_finite_commands"] += len(found) - len(drives)
        return RouteStep(stamp_s, drives)

    def _use_seen(self, follower: RouteFollower, moving: bool) -> None:
        """Places before turns, old ones before new ones, whatever order they came in."""
        waiting, self.seen = sorted(self.seen, key=lambda seen: (not math.isnan(seen.turn_rad), seen.stamp_s)), []
        for seen in waiting if moving else []:
            turned, moved = self.trail.since(seen.stamp_s)
            if math.isnan(seen.turn_rad):
                follower.see_place(seen.along_m + moved)
            else:
                follower.see_turn(seen.turn_rad - turned, seen.along_m)

    def _judge(self, follower: RouteFollower, moving: bool) -> None:
        """The state after a step."""
        if self.state is RouteState.ARRIVED:
            return
        if moving and follower.along_m >= follower.route.length_m - self.config.arrive_m:
            self.state, self.cause = RouteState.ARRIVED, f"at {follower.along_m:.1f} m"
        elif follower.lost:
            self._lose(f"no velocity for {follower.silent_s:.1f} s (limit {self.config.silence_s:g} s)")
        elif self.state is RouteState.LOST:
            self.state, self.cause = RouteState.FOLLOWING, "found again"
            for control in self.controls.values():
                control.reset()

    def _lose(self, cause: str) -> None:
        self.counts["losses"] += self.state is not RouteState.LOST
        self.state, self.cause = RouteState.LOST, cause

    def watch(self, now_s: float) -> RouteStep | None:
        """To be called even when no input comes: neutral drives where the gyro has fallen silent, else None."""
        if self.state not in (RouteState.TEACHING, RouteState.FOLLOWING, RouteState.LOST):
            return None
        age_s = self.inputs["imu"].age_s(now_s)
        if math.isnan(self.began_s):  # the first step is still to come: silence counts from the order on
            self.began_s = now_s
        if age_s <= self.config.max_imu_age_s or now_s - self.began_s <= self.config.max_imu_age_s:
            return None
        silence = f"no imu for {age_s:.1f} s" if math.isfinite(age_s) else "no imu yet"
        spoilt = "" if self.follower is not None else "; what was being taught has a gap: teach it again"
        self.recorder = None
        self._lose(f"{silence} (limit {self.config.max_imu_age_s:g} s){spoilt}")
        return RouteStep(now_s, self.neutral_at(now_s))

    def neutral_at(self, stamp_s: float) -> dict[str, Drive]:
        """Drives that move nothing."""
        return {owner: Drive(0.0, 0.0, stamp_s) for owner in self.controls}

    @property
    def pose(self) -> RoutePose | None:
        """Where the robot believes to be; none while no route is taught or followed."""
        if self.recorder is not None:
            return RoutePose(self.recorder.along_m, 0.0, 0.0, self.forward_mps)
        if self.follower is not None:
            f = self.follower
            return RoutePose(f.along_m, f.left_m, f.heading_rad, self.forward_mps)
        return None

    def health(self) -> Health:
        """State and cause, what is missing, and a count of everything."""
        values: dict[str, float | int | str] = {"state": self.state.value, "cause": self.cause, "places": self.places}
        values["route_m"] = self.route.length_m if self.route else 0.0
        if self.pose is not None:
            values |= {"along_m": self.pose.along_m, "left_m": self.pose.left_m, "heading_rad": self.pose.heading_rad}
        values["relocated"] = self.follower.relocated if self.follower else 0
        values |= self.follower.report() if self.follower else {}
        for source in self.inputs.values():
            values |= source.values()
        values |= {**self.counts}
        return health(self._complaints(), values, f"{self.state.value} {self.cause}".strip())

    def _complaints(self) -> list[tuple[Level, str]]:
        found = [(Level.ERROR, f"lost: {self.cause}")] if self.state is RouteState.LOST else []
        if self.state is RouteState.TEACHING and self.refusal:
            found.append((Level.WARN, f"a place was not taught: {self.refusal}"))
        for name, source in self.inputs.items():
            fresh, self._reported[name] = source.refused - self._reported[name], source.refused
            if fresh > 0:
                found.append((Level.WARN, f"{fresh} {name} refused, the newest: {source.complaint}"))
        return found
