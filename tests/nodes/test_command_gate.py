"""The gate as a node: hand-over, refusals in the diagnostics, and the last word."""

import math

import pytest

from ros_bench import command_of, diagnostics, wrench_at
from snn_control.nodes.command_gate import CommandGateNode

pytestmark = pytest.mark.ros
T0 = 100.0


@pytest.fixture
def gate(bench):
    node = bench.make(CommandGateNode)
    bench.set_clock(T0, node)
    return node


def offer(bench, gate, topic, time_s, command):
    """Publish a command at that time and wait until it has been judged."""
    bench.set_clock(time_s, gate)
    before = gate.gate.counts.total()
    bench.publish(topic, wrench_at(time_s, command))
    bench.until(lambda: gate.gate.counts.total() > before, "the command to be judged")


def await_command(bench, commands, value):
    return bench.until(lambda: next((m for _, m in commands if command_of(m) == value), None), f"the command {value}")


def test_neutral_goes_out_by_itself_under_fresh_stamps(bench, gate):
    commands = bench.listen("command")
    bench.until(lambda: len(commands) >= 5, "repetitions")
    bench.set_clock(T0 + 7.0, gate)
    message = bench.until(lambda: next((m for _, m in commands if m.header.stamp.sec == 107), None), "a fresh stamp")
    assert message.wrench.force.z == 0.0
    assert message.header.frame_id == "base_link"


def test_without_a_clock_it_stays_neutral_and_says_so(bench):
    reports, commands = diagnostics(bench), bench.listen("command")
    bench.make(CommandGateNode)
    bench.diagnosis("command_gate", reports, lambda s: "nobody publishes /clock" in s.message)
    assert commands
    assert {command_of(message) for _, message in commands} == {0.0}


def test_hand_over_and_return(bench, gate):
    commands = bench.listen("command")
    bench.publish("command/snn", wrench_at(T0, 3.0))
    message = await_command(bench, commands, 3.0)
    assert message.header.stamp.sec == 100
    for k in (1, 2):
        offer(bench, gate, "command/pid", T0 + 0.1 * k, 2.5)
    await_command(bench, commands, 2.5)
    bench.set_clock(T0 + 0.5, gate)
    commands.clear()
    await_command(bench, commands, 0.0)
    for k in range(5):
        offer(bench, gate, "command/snn", T0 + 0.6 + 0.1 * k, 4.0)
    await_command(bench, commands, 4.0)
    owners = [change.new.name for change in gate.gate.transitions]
    assert owners == ["SNN", "PID", "NEUTRAL", "SNN"]


def test_bad_commands_are_counted_and_named(bench, gate):
    reports, commands = diagnostics(bench), bench.listen("command")
    faults = {
        "non_finite": wrench_at(T0, math.nan),
        "stale": wrench_at(T0 - 1.0, 9.0),
        "future": wrench_at(T0 + 60.0, 9.0),
        "duplicate": wrench_at(T0 - 0.05, 9.0),
        "out_of_order": wrench_at(T0 - 0.1, 9.0),
        "no_stamp": wrench_at(0.0, 9.0),
    }
    bench.publish("command/snn", wrench_at(T0 - 0.05, 3.0))
    for message in faults.values():
        bench.publish("command/snn", message)
    _, message, values = bench.diagnosis("command_gate", reports, lambda s: any(
        pair.key == "snn_no_stamp" and pair.value == "1" for pair in s.values
    ))  # fmt: skip
    assert {name: values[f"snn_{name}"] for name in faults} == dict.fromkeys(faults, "1")
    assert (message, values["owner"]) == ("SNN commands", "snn")
    assert {command_of(m) for _, m in commands} <= {0.0, 3.0}


def test_an_exception_sends_neutral(bench, gate):
    commands = bench.listen("command")
    bench.publish("command/snn", wrench_at(T0, 3.0))
    await_command(bench, commands, 3.0)
    gate.gate.emit = lambda now_s: 1 / 0
    commands.clear()
    await_command(bench, commands, 0.0)
    assert gate.guard.errors >= 1


def test_the_last_word_is_neutral(bench, gate):
    commands = bench.listen("command")
    bench.publish("command/snn", wrench_at(T0, 3.0))
    await_command(bench, commands, 3.0)
    commands.clear()
    gate.timer.cancel()
    gate.stop()
    await_command(bench, commands, 0.0)
