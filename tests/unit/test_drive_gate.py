"""The drive's last hop: fresh, finite, limited, from the highest owner, and only while somebody holds the altitude."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_control.command_gate import SLEW_CREDIT_S, GateConfig
from snn_control.drive_gate import DriveGate
from snn_control.joystick import JoystickConfig, joystick_drive
from snn_control.owners import Owner
from snn_core.signals import Drive, Verdict

T0 = 100.0
SHARP = GateConfig(blend_s=0.0)


def driven(gate, time_s, held=True, **drives):
    """Offer drives of that time and look at what goes out."""
    for source, (ahead, turn) in drives.items():
        gate.offer(source, Drive(ahead, turn, time_s), time_s)
    return gate.emit(time_s, time_s, held)[0]


def test_the_highest_owner_drives_under_its_own_stamp():
    gate = DriveGate(SHARP)
    assert not gate.heard
    assert driven(gate, T0) == Drive(0.0, 0.0, T0)
    assert driven(gate, T0 + 0.1, pid=(1.0, -1.0)) == Drive(1.0, -1.0, T0 + 0.1)
    assert driven(gate, T0 + 0.2, pid=(1.0, -1.0), snn=(2.0, -2.0)) == Drive(2.0, -2.0, T0 + 0.2)
    assert driven(gate, T0 + 0.3, snn=(2.0, -2.0), pilot=(3.0, 3.0)) == Drive(3.0, 3.0, T0 + 0.3)
    assert driven(gate, T0 + 0.35) == Drive(3.0, 3.0, T0 + 0.3)
    assert gate.values()["drive_owner"] == "human"
    assert gate.heard


def test_silence_is_neutral_under_a_stamp_of_now():
    gate = DriveGate(SHARP)
    driven(gate, T0, snn=(4.0, 2.0))
    assert driven(gate, T0 + 0.16) == Drive(0.0, 0.0, T0 + 0.16)


def test_while_nobody_holds_the_altitude_nobody_drives():
    gate = DriveGate(SHARP)
    assert driven(gate, T0, held=False, pilot=(4.0, 2.0)) == Drive(0.0, 0.0, T0)
    assert driven(gate, T0 + 0.1, pilot=(4.0, 2.0)) == Drive(4.0, 2.0, T0 + 0.1)
    assert driven(gate, T0 + 0.2, held=False, pilot=(4.0, 2.0)) == Drive(0.0, 0.0, T0 + 0.2)


@pytest.mark.parametrize("bad", [(math.nan, 1.0), (1.0, math.nan), (math.inf, 0.0), (0.0, -math.inf)])
def test_one_bad_axis_refuses_both(bad):
    gate = DriveGate(SHARP)
    driven(gate, T0, snn=(1.0, 1.0))
    assert gate.offer("snn", Drive(*bad, T0 + 0.1), T0 + 0.1) is Verdict.NON_FINITE
    assert driven(gate, T0 + 0.1) == Drive(1.0, 1.0, T0)
    assert driven(gate, T0 + 0.2) == Drive(0.0, 0.0, T0 + 0.2)
    assert gate.values()["drive_snn_non_finite"] == 1


def test_limits_hold_for_each_axis():
    gate = DriveGate(GateConfig(blend_s=0.0, command_limit=5.0, slew_per_s=20.0))
    assert driven(gate, T0, snn=(99.0, -99.0)) == Drive(2.0, -2.0, T0)  # 20 per s over the credit of 0.1 s
    then = driven(gate, T0 + 0.1, snn=(99.0, 0.0))
    assert (then.ahead, then.turn) == pytest.approx((4.0, 0.0))
    assert driven(gate, T0 + 0.2, snn=(99.0, 0.0)).ahead == pytest.approx(5.0)
    assert gate.values()["drive_clipped"] == 4


def test_a_joystick_stands_above_a_pilot_until_it_is_released():
    gate = DriveGate(SHARP)
    driven(gate, T0, pilot=(1.0, 1.0))
    assert driven(gate, T0 + 0.05, joy=(-5.0, 0.0)).ahead == -5.0
    assert driven(gate, T0 + 0.1, pilot=(1.0, 1.0)).ahead == -5.0
    assert gate.values()["drive_pilot_overruled"] == 1
    gate.release()
    assert driven(gate, T0 + 0.2, pilot=(1.0, 1.0)).ahead == 1.0


def test_a_lease_binds_the_drive_too_and_its_neutral_is_none_of_a_heavy_robot():
    gate = DriveGate(GateConfig(blend_s=0.0, neutral_command=3.0))
    gate.lease("pid", T0, T0)
    assert driven(gate, T0, snn=(4.0, 4.0)) == Drive(0.0, 0.0, T0)
    assert driven(gate, T0 + 0.05, snn=(4.0, 4.0), pid=(1.0, 1.0)) == Drive(1.0, 1.0, T0 + 0.05)


def test_a_joystick_without_the_axes_does_not_drive():
    config = JoystickConfig(joy_ahead_axis=4, joy_turn_axis=3, joy_scale=10.0)
    assert joystick_drive([0.0, 0.5, 0.0], config) is None
    assert joystick_drive([0.0, 0.0, 0.0, -0.5], config) == (0.0, -5.0)
    assert joystick_drive([0.0, 0.0, 0.0, 0.0, 1.0], config) == (10.0, 0.0)
    ahead, turn = joystick_drive([0.0, 0.0, 0.0, 0.5, 1.5], config)
    assert (math.isnan(ahead), turn) == (True, 5.0)


def test_a_drive_that_was_let_go_begins_anew_at_the_slew_limit():
    gate = DriveGate(GateConfig(command_limit=1.0, slew_per_s=10.0))
    gate.offer("joy", Drive(1.0, 0.0, T0), T0)
    assert gate.emit(T0, T0, True)[0].ahead == 1.0
    gate.offer("joy", Drive(1.0, 0.0, T0 + 0.25), T0 + 0.25)
    assert gate.emit(T0 + 0.25, T0 + 0.25, False)[0].ahead == 0.0
    assert gate.emit(T0 + 0.25, T0 + 0.25, True)[0].ahead == 0.0
    assert gate.emit(T0 + 0.26, T0 + 0.26, True)[0].ahead == pytest.approx(0.1)


SOURCES = ("joy", "pilot", "snn", "pid", "release", "lease", None)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(SOURCES), st.floats(), st.floats(), st.floats(-0.3, 0.2), st.floats(0.0, 0.3), st.booleans()
    ),
    min_size=1, max_size=60,
)  # fmt: skip


@given(EVENTS, st.floats(1.0, 10.0), st.floats(1.0, 1000.0))
def test_whatever_comes_in_only_safe_drives_go_out(events, limit, slew):
    config = GateConfig(command_limit=limit, slew_per_s=slew)
    gate, now, before = DriveGate(config), T0, Drive(0.0, 0.0, T0)
    moved = {"ahead": -math.inf, "turn": -math.inf}
    for source, ahead, turn, offset, wait, held in events:
        now += wait
        if source == "release":
            gate.release()
        elif source == "lease":
            gate.lease("pid", now + offset, now)
        elif source is not None:
            gate.offer(source, Drive(ahead, turn, now + offset), now)
        drive, _ = gate.emit(now, now, held)
        assert held or (drive.ahead, drive.turn) == (0.0, 0.0)
        assert now - drive.stamp_s <= max(config.command_timeout_s, config.joy_timeout_s) + 1e-9
        for axis in ("ahead", "turn"):
            value, last = getattr(drive, axis), getattr(before, axis)
            assert math.isfinite(value)
            assert abs(value) <= limit
            if gate.ahead.state.owner is not Owner.NEUTRAL:
                assert abs(value - last) <= slew * min(now - moved[axis], SLEW_CREDIT_S) + 1e-9
            moved[axis] = now if value != last else moved[axis]
        before = drive
