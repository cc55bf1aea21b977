"""The last hop: who commands, how fast neutral comes, and that nothing unsafe ever leaves it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_control.command_gate import SLEW_CREDIT_S, CommandGate, GateConfig
from snn_control.owners import Owner
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
    gate = CommandGate(GateConfig(blend_s=0.0))
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
    gate = CommandGate(GateConfig(blend_s=0.0))
    fly(gate, T0, 3, snn=1.0, pid=2.0)
    gate.config = GateConfig(use_snn=False, blend_s=0.0)
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


ACTORS = (Owner.HUMAN, Owner.SNN, Owner.PID, "snn", "pid", "neutral", "release", None)
EVENTS = st.lists(
    st.tuples(st.sampled_from(ACTORS), st.floats(), st.floats(-0.3, 0.2), st.floats(0.0, 0.3)),
    min_size=1,
    max_size=60,
)


def test_a_transfer_starts_at_the_output_and_fades_in_both_directions():
    gate = CommandGate(GateConfig(blend_s=0.2, healthy_samples=2))
    fly(gate, T0, 3, snn=1.0, pid=5.0)  # SNN falls silent at T0 + 0.2
    gate.offer(Owner.PID, Command(5.0, T0 + 0.3), T0 + 0.3)
    start = T0 + 0.36
    assert gate.emit(start)[0] == Command(1.0, T0 + 0.3)  # the new owner's stamp, the old output
    assert gate.emit(start + 0.05)[0].value == pytest.approx(2.0)  # a quarter of the way
    gate.offer(Owner.PID, Command(5.0, start + 0.1), start + 0.1)
    assert gate.emit(start + 0.1)[0].value == pytest.approx(3.0)
    gate.offer(Owner.PID, Command(5.0, start + 0.2), start + 0.2)
    assert gate.emit(start + 0.2)[0].value == pytest.approx(5.0)
    back = start + 0.25
    for k in range(2):
        gate.offer(Owner.SNN, Command(1.0, back + 0.01 * k), back + 0.01 * k)
    assert gate.emit(back + 0.01)[0].value == pytest.approx(5.0)
    assert gate.emit(back + 0.06)[0].value == pytest.approx(4.0)
    assert gate.state.owner is Owner.SNN


def test_a_clock_that_stands_still_is_neutral_after_a_while_of_real_time():
    gate = CommandGate(GateConfig(frozen_clock_s=1.0, blend_s=0.0))
    for k in range(3):
        gate.offer(Owner.SNN, Command(3.0, T0 + 0.1 * k), T0 + 0.1 * k)
        gate.emit(T0 + 0.1 * k, 50.0 + 0.1 * k)
    assert gate.emit(T0 + 0.2, 51.1)[0].value == 3.0
    assert gate.emit(T0 + 0.2, 51.3)[0] == Command(0.0, T0 + 0.2)
    assert (gate.transitions[-1].cause, gate.transitions[-1].evidence) == ("clock frozen", "it stands still")
    for k in range(5):
        gate.offer(Owner.SNN, Command(3.0, T0 + 0.3 + 0.1 * k), T0 + 0.3 + 0.1 * k)
    assert gate.emit(T0 + 0.7, 52.0)[0].value == 3.0
    simulated = CommandGate(GateConfig(frozen_clock_s=0.0))
    simulated.offer(Owner.SNN, Command(3.0, T0), T0)
    simulated.emit(T0, 50.0)
    assert simulated.emit(T0, 5000.0)[0].value == 3.0


def test_neutral_is_never_blended():
    gate = CommandGate(GateConfig(blend_s=10.0))
    fly(gate, T0, 3, snn=8.0)
    assert gate.emit(T0 + 0.4)[0] == Command(0.0, T0 + 0.4)


def test_a_lease_shuts_out_upper_rungs_while_it_is_fresh():
    gate = CommandGate(GateConfig(blend_s=0.0, owner_lease_s=0.5))
    fly(gate, T0, 3, snn=1.0, pid=2.0)
    assert gate.lease("pid", T0 + 0.2, T0 + 0.2)
    assert gate.emit(T0 + 0.2)[0].value == 2.0
    assert (gate.transitions[-1].cause, gate.transitions[-1].evidence) == ("lease", "command/owner says pid")
    assert gate.lease("neutral", T0 + 0.25, T0 + 0.25)
    assert gate.emit(T0 + 0.25)[0] == Command(0.0, T0 + 0.25)
    assert gate.lease("snn", T0 + 0.3, T0 + 0.3)
    assert gate.emit(T0 + 0.3)[0].value == 1.0


def test_a_lease_does_not_make_a_dead_controller_fit():
    gate = CommandGate(GateConfig())
    fly(gate, T0, 3, snn=1.0)
    gate.lease("pid", T0 + 0.2, T0 + 0.2)
    assert gate.emit(T0 + 0.2)[0] == Command(0.0, T0 + 0.2)


@pytest.mark.parametrize(("name", "owner"), [("snn", Owner.SNN), ("pid", Owner.PID), ("neutral", Owner.PID)])
def test_after_a_lease_has_run_out_the_ladder_holds_but_not_for_a_spiking_controller_it_shut_out(name, owner):
    gate = CommandGate(GateConfig(owner_lease_s=0.5))
    gate.lease(name, T0, T0)
    fly(gate, T0, 12, snn=1.0, pid=2.0)
    assert gate.state.owner is owner
    assert gate.health(T0 + 1.1).values["lease"] == f"{name}, run out"


@pytest.mark.parametrize(
    ("name", "stamp_s", "count"),
    [
        ("emperor", T0, "unknown"), ("human", T0, "unknown"), ("", T0, "unknown"), ("pid", T0 - 0.6, "stale"),
        ("pid", T0 + 1.0, "future"), ("pid", 0.0, "no_stamp"),
    ],
)  # fmt: skip
def test_a_lease_that_cannot_be_used_is_counted_and_ignored(name, stamp_s, count):
    gate = CommandGate(GateConfig())
    fly(gate, T0 - 0.2, 3, snn=1.0, pid=2.0)
    assert not gate.lease(name, stamp_s, T0)
    assert gate.leases[count] == gate.health(T0).values[f"lease_{count}"] == 1
    fly(gate, T0, 2, snn=1.0, pid=2.0)
    assert gate.state.owner is Owner.SNN


def test_a_human_takes_over_at_once_and_gives_back_on_release_or_silence():
    gate = CommandGate(GateConfig(blend_s=0.0, joy_timeout_s=0.3))
    fly(gate, T0, 3, snn=1.0, pid=2.0)
    gate.lease("neutral", T0 + 0.2, T0 + 0.2)
    gate.offer(Owner.HUMAN, Command(-3.0, T0 + 0.21), T0 + 0.21)
    assert gate.emit(T0 + 0.21)[0].value == -3.0  # at once, whatever the lease says
    gate.lease("snn", T0 + 0.22, T0 + 0.22)
    fly(gate, T0 + 0.3, 2, snn=1.0, pid=2.0)
    assert gate.state.owner is Owner.HUMAN
    gate.release()
    assert fly(gate, T0 + 0.5, 1, snn=1.0, pid=2.0).value == 1.0
    assert gate.transitions[-1].cause == "joystick released"
    gate.offer(Owner.HUMAN, Command(-3.0, T0 + 0.55), T0 + 0.55)
    assert fly(gate, T0 + 0.6, 3, snn=1.0, pid=2.0).value == -3.0
    assert fly(gate, T0 + 0.9, 1, snn=1.0, pid=2.0).value == 1.0
    assert gate.transitions[-1].cause == "silent"
    gate.offer(Owner.HUMAN, Command(-3.0, T0 + 0.92), T0 + 0.92)
    assert gate.emit(T0 + 0.92)[0].value == pytest.approx(-3.0)  # no row of healthy samples is asked of a human
    assert gate.health(T0 + 0.92).level is Level.OK


@given(EVENTS, st.floats(1.0, 10.0), st.floats(1.0, 1000.0))
def test_whatever_comes_in_only_safe_commands_go_out(events, limit, slew):
    config = GateConfig(command_limit=limit, slew_per_s=slew)
    gate, now, before = CommandGate(config), T0, Command(0.0, T0)
    moved = -math.inf
    for owner, value, offset, wait in events:
        now += wait
        if owner == "release":
            gate.release()
        elif isinstance(owner, str):
            gate.lease(owner, now + offset, now)
        elif owner is not None:
            gate.offer(owner, Command(value, now + offset), now)
        command, _ = gate.emit(now)
        assert math.isfinite(command.value)
        assert abs(command.value) <= limit
        assert -config.future_tolerance_s - 1e-9 <= now - command.stamp_s <= config.timeout_s(gate.state.owner) + 1e-9
        if gate.state.owner is not Owner.NEUTRAL:
            room = slew * min(now - moved, SLEW_CREDIT_S)
            assert abs(command.value - before.value) <= room + 1e-9
        moved = now if command.value != before.value else moved
        before = command
