"""A route taught and followed on stamped inputs: states with a cause, and never a command on what is stale."""

import math

import numpy as np
import pytest

from snn_control.drive_control import DriveControl, pid_drive, spiking_drive
from snn_control.pid import Pid, PidConfig
from snn_control.route_loop import RouteLoop, RouteLoopConfig
from snn_control.route_steps import RouteState
from snn_control.taught_route import TaughtRoute
from snn_core.errors import DataError
from snn_core.signals import Drive, Level, Verdict

DT, T0 = 0.1, 100.0


def straight(length=20.0):
    along = np.arange(0.0, length + 0.05, 0.1)
    return TaughtRoute(along, 0.0 * along, 0.0 * along)


def made(route=None, **changes):
    return RouteLoop(RouteLoopConfig(**changes), {"pid": pid_drive(DT)}, route)


class Clock:
    """Feeds a loop period by period."""

    def __init__(self, loop):
        self.loop, self.now = loop, T0

    def period(self, velocity=(0.8, 0.0), turn_radps=0.0):
        self.now = round(self.now + DT, 6)
        if turn_radps is not None:
            self.loop.take_imu(turn_radps, self.now, self.now)
        if velocity is not None:
            self.loop.take_velocity(*velocity, self.now, self.now)
        return self.loop.step(self.now) if self.loop.due else self.loop.watch(self.now)

    def periods(self, seconds, **inputs):
        return [self.period(**inputs) for _ in range(round(seconds / DT))]


def test_it_says_nothing_until_it_is_told_to():
    loop = made()
    assert {len(step.drives) for step in Clock(loop).periods(1.0)} == {0}
    assert (loop.state, loop.pose) == (RouteState.IDLE, None)
    with pytest.raises(DataError, match="found none"):
        loop.follow()


def test_teaching_asks_for_places_and_ends_with_a_route():
    loop, due = made(), []
    clock = Clock(loop)
    loop.teach()
    for _ in range(101):
        step = clock.period(velocity=(1.0, 0.0), turn_radps=0.2)
        assert step.drives == {}
        if step.place_due:
            due.append(loop.pose.along_m)
            loop.place_taught("")
    assert due == pytest.approx([0.1, *np.arange(0.5, 10.2, 0.5)], abs=0.11)
    loop.stop()
    assert loop.state is RouteState.IDLE
    assert loop.route.length_m == pytest.approx(10.1)
    assert loop.route.heading_at(10.1) == pytest.approx(2.0, abs=0.03)


def test_no_way_is_lost_where_velocities_come_late():
    """In time, and by threes after three periods without one: the same route."""
    lengths = []
    for late in (False, True):
        loop = made()
        clock = Clock(loop)
        loop.teach()
        for k in range(60):
            clock.period(velocity=None if late else (1.0, 0.0))
            for ago in (2, 1, 0) if late and k % 3 == 2 else ():
                loop.take_velocity(1.0, 0.0, round(clock.now - ago * DT, 6), clock.now)
        clock.period(velocity=None)
        loop.stop()
        lengths.append(loop.route.length_m)
    assert lengths == pytest.approx([6.0, 6.0])


def test_a_place_that_was_refused_stays_due():
    loop = made()
    clock = Clock(loop)
    loop.teach()
    assert clock.period().place_due
    loop.place_taught("no fresh image")
    assert clock.period().place_due
    assert "no fresh image" in loop.health().message
    loop.place_taught("")
    assert not clock.period().place_due


def test_teaching_without_the_gyro_spoils_the_route():
    loop = made()
    clock = Clock(loop)
    loop.teach()
    clock.periods(1.0)
    clock.periods(1.0, turn_radps=None)
    assert loop.state is RouteState.LOST
    assert "teach it again" in loop.health().message
    loop.stop()
    assert loop.route is None


def test_it_settles_flies_arrives_and_stops():
    loop = made(straight(4.0), settle_s=1.0)
    clock = Clock(loop)
    loop.follow()
    settling = clock.periods(1.0, velocity=(0.0, 0.0))
    assert {step.drives["pid"].ahead for step in settling} == {0.0}
    assert clock.period(velocity=(0.0, 0.0)).drives["pid"].ahead > 1.0
    clock.periods(4.5)
    assert loop.state is RouteState.FOLLOWING
    clock.periods(1.0)
    assert loop.state is RouteState.ARRIVED
    assert clock.period().drives["pid"] == Drive(0.0, 0.0, clock.now)


def flying(**changes):
    loop = made(straight(), settle_s=0.0, **changes)
    clock = Clock(loop)
    loop.follow()
    clock.periods(1.0, velocity=(0.5, 0.0))
    assert loop.state is RouteState.FOLLOWING
    return loop, clock


def test_silent_velocity_is_lost_with_a_name_and_found_again():
    loop, clock = flying(silence_s=1.0)
    clock.periods(0.9, velocity=None)
    assert loop.state is RouteState.FOLLOWING
    steps = clock.periods(0.5, velocity=None)
    assert loop.state is RouteState.LOST
    assert steps[-1].drives == {"pid": Drive(0.0, 0.0, clock.now)}
    found = loop.health()
    assert (found.level, found.message) == (Level.ERROR, "lost: no velocity for 1.4 s (limit 1 s)")
    assert clock.period(velocity=(0.5, 0.0)).drives["pid"].ahead > 0.0
    assert loop.state is RouteState.FOLLOWING


def test_a_silent_gyro_is_lost_at_once_and_its_turn_is_doubted():
    loop, clock = flying(max_imu_age_s=0.3)
    clock.periods(0.3, turn_radps=None)
    assert loop.state is RouteState.FOLLOWING
    step = clock.period(turn_radps=None)
    assert (loop.state, step.drives["pid"]) == (RouteState.LOST, Drive(0.0, 0.0, clock.now))
    assert "no imu for 0.4 s (limit 0.3 s)" in loop.health().message
    doubt = loop.follower.covariance[0, 0]
    clock.period()
    assert loop.state is RouteState.FOLLOWING
    assert loop.follower.covariance[0, 0] > doubt + 0.005
    assert loop.counts["imu_gaps"] == 1


def test_without_any_gyro_it_does_not_begin():
    loop = made(straight())
    clock = Clock(loop)
    loop.follow()
    steps = clock.periods(1.0, turn_radps=None)
    assert {drive for step in steps if step for drive in (step.drives["pid"].ahead, step.drives["pid"].turn)} == {0.0}
    assert loop.cause == "no imu yet (limit 0.3 s)"


@pytest.mark.parametrize(
    ("velocity", "age_s", "verdict"),
    [
        ((math.nan, 0.0), 0.0, Verdict.NON_FINITE), ((0.5, math.inf), 0.0, Verdict.NON_FINITE),
        ((9.0, 0.0), 0.0, Verdict.OUT_OF_RANGE), ((0.5, 0.0), 1.2, Verdict.STALE), ((0.5, 0.0), -1.0, Verdict.FUTURE),
        ((0.5, 0.0), 0.1, Verdict.DUPLICATE), ((0.5, 0.0), 0.15, Verdict.OUT_OF_ORDER),
        ((0.5, 0.0), math.inf, Verdict.NO_STAMP),
    ],
)  # fmt: skip
def test_velocities_that_cannot_be_used_are_named_and_not_flown_on(velocity, age_s, verdict):
    loop, clock = flying(silence_s=0.3)
    for _ in range(5):
        clock.now = round(clock.now + DT, 6)
        loop.take_imu(0.0, clock.now, clock.now)
        stamp = round(loop.inputs["velocity"].last_s - age_s + 0.1, 6) if verdict in LATE else clock.now - age_s
        loop.take_velocity(*velocity, max(stamp, 0.0), clock.now)
        loop.step(clock.now)
    assert loop.inputs["velocity"].counts[verdict] == 5
    assert loop.state is RouteState.LOST
    found = loop.health()
    assert f"5 velocity refused, the newest: velocity refused, {verdict.value}" in found.message
    assert found.values[f"velocity_{verdict.value}"] == 5


LATE = (Verdict.DUPLICATE, Verdict.OUT_OF_ORDER)


def turned_and_seen(delay):
    """A robot that turns; what it saw at the end of the first second is heard some periods later."""
    loop, clock = flying()
    seen_s, along = clock.now, loop.follower.along_m
    for k in range(6):
        if k == delay:
            loop.take_turn(0.1, along, seen_s, clock.now)
            loop.take_place(along + 1.0, seen_s, clock.now)
        clock.period(turn_radps=0.5)
    return loop.pose


def test_what_is_heard_late_counts_for_when_it_was_seen():
    early, late = turned_and_seen(0), turned_and_seen(4)
    assert late.heading_rad == pytest.approx(early.heading_rad, abs=0.01)
    assert late.along_m == pytest.approx(early.along_m, abs=0.02)
    unseen = turned_and_seen(99)
    assert abs(late.heading_rad - unseen.heading_rad) > 0.02


def flown(control, flip=1.0, offset=0.5):
    """A point with inertia that obeys drives and sees its turn; offset, heading error and speed over time."""
    loop = RouteLoop(RouteLoopConfig(settle_s=0.5, parallax_m=10.0), {"snn": control}, straight(60.0))
    clock, y, e, w, v, path = Clock(loop), offset, 0.03, 0.0, 0.0, []
    loop.follow()
    while loop.state is RouteState.FOLLOWING and len(path) < 1500:
        step = clock.period(velocity=(v, 0.0), turn_radps=w)
        drive = step.drives["snn"]
        w += DT * (0.15 * flip * drive.turn - 0.6 * w)
        v += DT * (0.1 * drive.ahead - 0.5 * v)
        e += w * DT
        y += v * math.sin(e) * DT
        if len(path) % 2 == 0:
            loop.take_turn(-(e + y / 10.0), loop.pose.along_m, clock.now, clock.now)
        path.append((y, e, v))
    return loop, np.array(path)


@pytest.mark.parametrize("control", [pid_drive, spiking_drive])
def test_both_controllers_bring_it_back_to_the_route_and_to_its_end(control):
    loop, path = flown(control(DT))
    assert loop.state is RouteState.ARRIVED
    y, _, v = path[len(path) // 2 :].T
    assert np.abs(y).max() < 0.2
    assert np.abs(v - 0.8).max() < 0.1


def test_a_flipped_rudder_does_not():
    _, path = flown(pid_drive(DT), flip=-1.0)
    assert np.abs(path[:, 1]).max() > 1.0


def test_a_controller_that_answers_nonsense_is_left_out():
    loop, clock = flying()
    loop.controls["snn"] = DriveControl(lambda *_: np.array([math.nan]), Pid(PidConfig(), DT))
    step = clock.period()
    assert set(step.drives) == {"pid"}
    assert loop.counts["non_finite_commands"] == 1


def test_a_step_waits_for_its_velocity_for_a_period_at_most():
    loop = made(straight(), settle_s=0.0)
    clock = Clock(loop)
    loop.follow()
    clock.periods(0.5)
    loop.take_imu(0.0, clock.now + 0.1, clock.now + 0.1)
    assert (loop.due, loop.complete) == (True, False)
    loop.take_velocity(0.8, 0.0, clock.now + 0.1, clock.now + 0.1)
    assert loop.complete
    loop.step(clock.now + 0.1)
    assert not loop.due
    loop.take_imu(0.0, clock.now + 0.2, clock.now + 0.2)
    assert not loop.complete
    loop.take_imu(0.0, clock.now + 0.3, clock.now + 0.3)
    assert loop.complete


def test_after_some_silence_no_velocity_is_waited_for_until_one_comes():
    loop = made(straight(), settle_s=0.0)
    clock = Clock(loop)
    loop.follow()
    clock.periods(0.5)

    def waits():
        clock.now = round(clock.now + DT, 6)
        loop.take_imu(0.0, clock.now, clock.now)
        waiting = not loop.complete
        loop.step(clock.now)
        return waiting

    assert [waits() for _ in range(5)] == [True, True, True, False, False]
    loop.take_velocity(0.8, 0.0, clock.now, clock.now)
    assert [waits() for _ in range(2)] == [False, True]
