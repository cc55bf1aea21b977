"""The last hop: who commands, how fast neutral comes, and that nothing unsafe ever leaves it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_control.command_gate import SLEW_CREDIT_S, CommandGate, GateConfig, Owner
from snn_core.errors import ConfigError
from snn_core.signals import Command, Level, Verdict

T0 = 1000.0


def fly(gate, start_s, steps, **commands):
    """Offer one command per controller and 0.1 s, and emit; the last emission."""
    emitted = None
    for k in range(steps):
        now = start_s + 0.1 * k
        for name, value in commands.items():
            gate.offer(Owner[name.upper()], Command(value, now), now)
        emitted, _ = gate.emit(now)
    return emitted


def test_the_first_good_command_is_forwarded_at_once_and_unchanged():
    gate = CommandGate(GateConfig())
    assert gate.emit(T0)[0] == Command(0.0, T0)
    assert gate.offer(Owner.SNN, Command(4.5, T0 + 0.01), T0 + 0.01) is Verdict.OK
    assert gate.emit(T0 + 0.01)[0] == Command(4.5, T0 + 0.01)
    assert gate.emit(T0 + 0.03)[0] == Command(4.5, T0 + 0.01)  # a repetition keeps the stamp of the command


def test_the_ladder_falls_by_the_age_of_commands():
    gate = CommandGate(GateConfig())
    fly(gate, T0, 3, snn=1.0, pid=2.0)  # the newest at T0 + 0.2
    gate.offer(Owner.PID, Command(2.0, T0 + 0.3), T0 + 0.3)
    assert gate.emit(T0 + 0.34)[0] == Command(1.0, T0 + 0.2)
    assert gate.emit(T0 + 0.36)[0] == Command(2.0, T0 + 0.3)
    assert gate.emit(T0 + 0.44)[0].value == 2.0
    assert gate.emit(T0 + 0.46)[0] == Command(0.0, T0 + 0.46)
    causes = [(t.old.name, t.new.name, t.cause) for t in gate.transitions]
    assert causes == [("NEUTRAL", "SNN", "fit to command"), ("SNN", "PID", "silent"), ("PID", "NEUTRAL", "silent")]
    assert gate.transitions[1].evidence == "last command 0.160 s old, limit 0.15 s"


def test_neutral_is_complete_within_the_bound_whatever_the_slew_limit():
    gate = CommandGate(GateConfig(slew_per_s=20.0))
    fly(gate, T0, 20, snn=10.0)
    last, ticks = T0 + 1.9, [T0 + 1.9 + 0.02 * k for k in range(1, 10)]
    neutral = [now - last for now in ticks if gate.emit(now)[0].value == 0.0]
    assert neutral[0] < 0.2


def test_a_lost_controller_climbs_back_after_a_row_of_healthy_commands():
    gate = CommandGate(GateConfig(healthy_samples=5))
    fly(gate, T0, 3, snn=1.0, pid=2.0)
    fly(gate, T0 + 0.3, 3, pid=2.0)
    assert gate.state.owner is Owner.PID
    fly(gate, T0 + 0.6, 4, snn=1.0, pid=2.0)
    assert gate.state.owner is Owner.PID
    gate.offer(Owner.SNN, Command(math.nan, T0 + 0.95), T0 + 0.95)  # starts the row again
    fly(gate, T0 + 1.0, 4, snn=1.0, pid=2.0)
    assert gate.state.owner is Owner.PID
    fly(gate, T0 + 1.4, 1, snn=1.0, pid=2.0)
    assert gate.state.owner is Owner.SNN


def test_a_fallback_that_speaks_nonsense_is_skipped():
    gate = CommandGate(GateConfig())
    fly(gate, T0, 3, snn=1.0, pid=math.nan)
    assert gate.emit(T0 + 0.4)[0] == Command(0.0, T0 + 0.4)


@pytest.mark.parametrize(
    ("command", "now_s", "verdict"),
    [
        (Command(1.0, 0.0), T0, Verdict.NO_STAMP),
        (Command(1.0, T0 - 0.16), T0, Verdict.STALE),
        (Command(1.0, T0 + 0.06), T0, Verdict.FUTURE),
        (Command(1.0, T0 - 0.05), T0, Verdict.DUPLICATE),
        (Command(1.0, T0 - 0.06), T0, Verdict.OUT_OF_ORDER),
        (Command(math.nan, T0), T0, Verdict.NON_FINITE),
        (Command(-math.inf, T0), T0, Verdict.NON_FINITE),
    ],
)
def test_refused_commands_are_counted_and_change_nothing(command, now_s, verdict):
    gate = CommandGate(GateConfig())
    gate.offer(Owner.SNN, Command(3.0, T0 - 0.05), T0 - 0.05)
    gate.emit(T0 - 0.05)
    assert gate.offer(Owner.SNN, command, now_s) is verdict
    assert gate.counts[Owner.SNN, verdict] == 1
    assert gate.emit(T0)[0] == Command(3.0, T0 - 0.05)
    assert gate.health(T0).values[f"snn_{verdict.value}"] == 1


def test_limit_and_slew():
    gate = CommandGate(GateConfig(command_limit=8.0, slew_per_s=40.0))
    gate.offer(Owner.SNN, Command(1e308, T0), T0)
    assert gate.emit(T0)[0].value == pytest.approx(4.0)  # 0.1 s of credit at 40 per second
    assert gate.emit(T0 + 0.05)[0].value == pytest.approx(6.0)
    assert gate.emit(T0 + 0.10)[0].value == pytest.approx(8.0)
    assert gate.emit(T0 + 0.14)[0].value == pytest.approx(8.0)
    assert gate.clipped == 1


@pytest.mark.parametrize("leap_s", [-60.0, 60.0])
def test_a_clock_that_was_set_empties_the_gate_and_is_named(leap_s):
    gate = CommandGate(GateConfig())
    fly(gate, T0, 10, snn=3.0)
    now = T0 + 0.9 + leap_s
    assert gate.emit(now)[0] == Command(0.0, now)
    assert gate.transitions[-1].cause == "clock jumped"
    assert gate.transitions[-1].evidence == f"{leap_s:+.3f} s"
    gate.offer(Owner.SNN, Command(3.0, now + 0.1), now + 0.1)
    assert gate.emit(now + 0.1)[0].value == 3.0


def test_the_spiking_controller_can_be_shut_out_in_flight():
    gate = CommandGate(GateConfig())
    fly(gate, T0, 3, snn=1.0, pid=2.0)
    gate.config = GateConfig(use_snn=False)
    assert fly(gate, T0 + 0.3, 1, snn=1.0, pid=2.0).value == 2.0
    assert gate.transitions[-1].cause == "disabled"
    assert gate.health(T0 + 0.3).level is Level.OK


def test_health_names_the_owner_and_the_reason():
    gate = CommandGate(GateConfig())
    assert gate.health(T0).level is Level.ERROR
    fly(gate, T0, 2, pid=2.0)
    report = gate.health(T0 + 0.1)
    assert (report.level, report.values["owner"]) == (Level.WARN, "pid")
    fly(gate, T0 + 0.2, 1, snn=1.0, pid=2.0)
    assert gate.health(T0 + 0.2).level is Level.OK


def test_a_neutral_beyond_the_limit_is_refused():
    with pytest.raises(ConfigError, match=r"neutral_command 9\.0 exceeds command_limit 5\.0"):
        GateConfig.check({"neutral_command": 9.0, "command_limit": 5.0})


EVENTS = st.lists(
    st.tuples(st.sampled_from([Owner.SNN, Owner.PID, None]), st.floats(), st.floats(-0.3, 0.2), st.floats(0.0, 0.3)),
    min_size=1,
    max_size=60,
)


@given(EVENTS, st.floats(1.0, 10.0), st.floats(1.0, 1000.0))
def test_whatever_comes_in_only_safe_commands_go_out(events, limit, slew):
    config = GateConfig(command_limit=limit, slew_per_s=slew)
    gate, now, before = CommandGate(config), T0, Command(0.0, T0)
    moved = -math.inf
    for owner, value, offset, wait in events:
        now += wait
        if owner is not None:
            gate.offer(owner, Command(value, now + offset), now)
        command, _ = gate.emit(now)
        assert math.isfinite(command.value)
        assert abs(command.value) <= limit
        assert -config.future_tolerance_s - 1e-9 <= now - command.stamp_s <= config.command_timeout_s + 1e-9
        if gate.state.owner is not Owner.NEUTRAL:
            room = slew * min(now - moved, SLEW_CREDIT_S)
            assert abs(command.value - before.value) <= room + 1e-9
        moved = now if command.value != before.value else moved
        before = command
