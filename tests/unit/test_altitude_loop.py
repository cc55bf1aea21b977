"""The flow around a controller: its pace, its targets, and what it reports."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_control.altitude_loop import REHEARSAL, AltitudeLoop, LoopConfig, pace_step
from snn_core.errors import ConfigError
from snn_core.signals import AltitudeReading, Command, Level

T0 = 1000.0


class Probe:
    """A controller that records its steps and answers what it is told to."""

    limit = 10.0
    spikes = None

    def __init__(self, answer=1.0):
        self.answer, self.steps, self.resets = answer, [], 0

    def step(self, target_m, height_m, elapsed_s):
        self.steps.append((target_m, height_m, round(elapsed_s, 6)))
        return self.answer

    def counters(self):
        return {}

    def ask(self, parts):
        pass

    def reset(self):
        self.resets += 1


def flying(**settings):
    loop = AltitudeLoop(LoopConfig(**settings), Probe())
    loop.take_target(1.0)
    return loop


def read(loop, stamps, height_m=0.5, late_s=0.0):
    return [loop.take_reading(AltitudeReading(height_m, stamp), stamp + late_s) for stamp in stamps]


def test_each_reading_is_one_step_and_the_command_is_stamped_when_it_was_computed():
    loop = flying()
    assert read(loop, [T0, T0 + 0.1], late_s=0.03)[-1] == Command(1.0, T0 + 0.13)
    assert loop.controller.steps == [(1.0, 0.5, 0.1), (1.0, 0.5, 0.1)]


def test_without_a_target_nothing_goes_out():
    loop = AltitudeLoop(LoopConfig(), Probe())
    assert read(loop, [T0]) == [None]
    assert "no target yet" in loop.health(T0).message


@pytest.mark.parametrize("bad", [math.nan, math.inf, -0.1, 10.1])
def test_a_bad_target_keeps_the_one_before(bad):
    loop = flying()
    assert not loop.take_target(bad)
    read(loop, [T0])
    assert loop.controller.steps[0][0] == 1.0
    assert loop.health(T0).values["target_refused"] == 1


@pytest.mark.parametrize(
    ("offsets", "steps"),
    [
        ([0.0, 0.1, 0.2, 0.3], 4),
        ([0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4], 5),  # twice as fast as the controller
        ([0.0, 0.3, 0.301, 0.302, 0.4], 3),  # a burst after a gap
        ([0.0, 0.13, 0.2, 0.33, 0.4], 5),  # jitter
    ],
)
def test_pace(offsets, steps):
    loop = flying()
    read(loop, [T0 + offset for offset in offsets])
    assert len(loop.controller.steps) == steps


@given(st.lists(st.floats(0.001, 0.3), min_size=1, max_size=100))
def test_the_pace_never_exceeds_the_period_on_average(waits):
    pace, stamp, stepped = None, T0, []
    for wait in waits:
        stamp += wait
        following = pace_step(pace, stamp, 0.1)
        if following is not None:
            pace = following
            stepped.append(stamp)
    assert (len(stepped) - 1) * 0.1 <= stepped[-1] - stepped[0] + 0.05 + 1e-6
    assert all(b - a >= 0.05 - 1e-6 for a, b in itertools.pairwise(stepped))


def test_real_time_between_readings_reaches_the_controller():
    loop = flying()
    read(loop, [T0, T0 + 0.3])
    assert loop.controller.steps[-1][2] == 0.3


@pytest.mark.parametrize("leap_s", [5.0, -60.0])
def test_a_long_gap_or_a_clock_set_back_starts_over(leap_s):
    loop = flying()
    read(loop, [T0, T0 + leap_s])
    assert loop.controller.resets == 1
    assert loop.controller.steps[-1][2] == 0.1


def test_a_command_that_is_not_finite_stays_inside():
    loop = flying()
    loop.controller.answer = math.nan
    assert read(loop, [T0]) == [None]
    assert loop.health(T0).values["non_finite_commands"] == 1
    assert loop.controller.resets == 1


def test_health_tells_of_silence_saturation_and_missing_readings():
    loop = flying()
    loop.controller.spikes, loop.controller.answer = 0, 10.0
    read(loop, [T0 + 0.1 * k for k in range(60)])
    report = loop.health(T0 + 6.9)
    assert report.level is Level.ERROR
    assert "no range for 1.00 s (limit 0.2 s)" in report.message
    assert "commands withheld, output silent for 6.0 s" in report.message
    assert "command at its limit for 6.0 s" in report.message


def test_a_network_that_stays_silent_hands_over_until_it_spikes_again():
    loop = flying()
    loop.controller.spikes = 0
    commands = read(loop, [T0 + 0.1 * k for k in range(60)])
    assert commands[49] is not None  # 5 s of silence are borne
    assert commands[51:] == [None] * 9
    loop.controller.spikes = 3
    assert read(loop, [T0 + 6.0])[0] is not None


def test_health_tells_of_a_slow_sensor():
    loop = flying(max_reading_age_s=1.0)
    read(loop, [T0 + 0.3 * k for k in range(40)])
    assert "steps at 3.3 Hz, expected 10.0 Hz" in loop.health(T0 + 11.7).message


def test_contradictory_limits_are_refused():
    with pytest.raises(ConfigError, match=r"target_min_m 3\.0 must be below target_max_m 2\.0"):
        LoopConfig.check({"target_min_m": 3.0, "target_max_m": 2.0})


def test_a_late_reading_is_bridged_by_the_newest_command_and_only_for_a_while():
    loop = flying(hold_s=0.25)
    read(loop, [T0])
    assert loop.hold(T0 + 0.1) is None  # the next reading is not late yet
    assert loop.hold(T0 + 0.15) == Command(1.0, T0 + 0.15)
    assert loop.hold(T0 + 0.25) == Command(1.0, T0 + 0.25)
    assert loop.hold(T0 + 0.26) is None
    assert loop.counts["holds"] == 2
    assert len(loop.controller.steps) == 1


def test_nothing_is_held_after_a_reset_or_a_command_that_was_withheld():
    loop = flying()
    read(loop, [T0])
    loop.reset()
    assert loop.hold(T0 + 0.15) is None
    loop.controller.answer = math.nan
    read(loop, [T0 + 1.0])
    assert loop.hold(T0 + 1.15) is None


def test_a_target_that_is_too_old_withholds_commands_where_that_is_wanted():
    loop = AltitudeLoop(LoopConfig(target_timeout_s=2.0), Probe())
    loop.take_target(1.0, T0)
    assert read(loop, [T0 + 1.9]) == [Command(1.0, T0 + 1.9)]
    assert read(loop, [T0 + 2.1]) == [None]
    assert "commands withheld, no target for 2.1 s" in loop.health(T0 + 2.1).message
    loop.take_target(1.0, T0 + 2.15)
    assert read(loop, [T0 + 2.2]) == [Command(1.0, T0 + 2.2)]
    for_ever = flying()
    assert read(for_ever, [T0 + 1e6]) == [Command(1.0, T0 + 1e6)]


def test_another_controller_flies_along_before_it_commands():
    loop, other = flying(), Probe(2.0)
    loop.exchange(other)
    values = [command.value for command in read(loop, [T0 + 0.1 * k for k in range(REHEARSAL + 2)])]
    assert values == [1.0] * REHEARSAL + [2.0] * 2
    assert len(other.steps) == REHEARSAL + 2
    assert loop.counts["exchanges"] == 1


def test_another_controller_that_speaks_nonsense_never_commands():
    loop = flying()
    loop.exchange(Probe(math.nan))
    assert {command.value for command in read(loop, [T0 + 0.1 * k for k in range(REHEARSAL + 5)])} == {1.0}
    assert loop.counts["exchanges_refused"] == 1
