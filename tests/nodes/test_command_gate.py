"""The gate as a node: hand-over, refusals in the diagnostics, and the last word."""

import math
from time import perf_counter

import pytest
from geometry_msgs.msg import WrenchStamped
from sensor_msgs.msg import Joy
from std_msgs.msg import Header

from ros_bench import NEWTONS, command_of, diagnostics, wrench_at
from snn_control.nodes.command_gate import CommandGateNode
from snn_control.owners import Owner
from snn_core.nodes.wire import COMMAND_QOS, from_drive_wrench, stamp, to_drive_wrench
from snn_core.signals import Drive, Verdict

pytestmark = pytest.mark.ros
T0 = 100.0


@pytest.fixture
def gate(bench):
    node = bench.make(CommandGateNode, blend_s=0.0, frozen_clock_s=0.0)
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


def joy_at(time_s, axis, held=True):
    message = Joy(axes=[0.0, axis], buttons=[0, 0, 0, 0, int(held)])
    message.header.stamp = stamp(time_s)
    return message


def test_a_human_takes_over_at_once_and_gives_back(bench, gate):
    commands = bench.listen("command")
    bench.publish("command/snn", wrench_at(T0, 3.0))
    await_command(bench, commands, 3.0)
    bench.set_clock(T0 + 0.01, gate)
    bench.publish("joy", joy_at(T0 + 0.01, -0.5))
    bench.until(lambda: gate.gate.state.owner is Owner.HUMAN, "the human to command")
    bench.set_clock(T0 + 0.1, gate)
    await_command(bench, commands, -5.0)
    offer(bench, gate, "command/snn", T0 + 0.1, 3.0)
    bench.publish("joy", joy_at(T0 + 0.1, -0.5, held=False))
    bench.until(lambda: gate.gate.state.owner is Owner.SNN, "the networks to command again")
    assert [change.cause for change in gate.gate.transitions][-2:] == ["joystick", "joystick released"]


def test_a_lease_decides_who_may_command(bench, gate):
    reports = diagnostics(bench)
    for k in range(3):
        offer(bench, gate, "command/snn", T0 + 0.1 * k, 3.0)
        offer(bench, gate, "command/pid", T0 + 0.1 * k, 2.0)
    bench.publish("command/owner", Header(stamp=stamp(T0 + 0.2), frame_id="nobody"))
    bench.publish("command/owner", Header(stamp=stamp(T0 + 0.2), frame_id="pid"))
    bench.until(lambda: gate.gate.state.owner is Owner.PID, "the lease to be heard")
    level, message, values = bench.diagnosis("command_gate", reports, lambda s: "PID commands" in s.message)
    assert (level, values["lease"], values["lease_unknown"]) == (1, "pid", "1")
    assert "command/owner says pid" in message


def test_a_command_in_another_frame_is_refused(bench, gate):
    message = wrench_at(T0, 3.0)
    message.header.frame_id = "odom"
    bench.publish("command/snn", message)
    bench.until(lambda: gate.gate.counts[Owner.SNN, Verdict.WRONG_FRAME] == 1, "the refusal")
    assert gate.gate.state.owner is Owner.NEUTRAL


def test_of_two_controllers_on_one_topic_the_first_is_heard_and_both_are_named(bench, gate):
    """The rival's commands never reach the output; when the first falls silent the rival is heard."""
    reports, commands = diagnostics(bench), bench.listen("command")
    for k in range(30):  # far enough ahead of the rival's numbers
        offer(bench, gate, "command/snn", T0 - 0.05 + 0.001 * k, 3.0)
    await_command(bench, commands, 3.0)
    bench.set_clock(T0, gate)
    rival = bench.node.create_publisher(WrenchStamped, "command/snn", COMMAND_QOS)
    bench.until(lambda: rival.get_subscription_count() == 1, "the gate to hear the rival")
    first = bench.publishers["command/snn"]
    for k in range(10):
        first.publish(wrench_at(T0 + 0.001 * k, 3.0))
        rival.publish(wrench_at(T0 + 0.001 * k + 0.0005, 9.0))
        bench.spin(3)
    bench.until(lambda: gate.sources.refused["command/snn"] == 10, "the rival to be refused")
    level, message, _ = bench.diagnosis("command_gate", reports, lambda s: "2 publishers on /command/snn" in s.message)
    assert (level, message.count("tester")) == (2, 2)
    assert {command_of(m) for _, m in commands} <= {0.0, 3.0}
    quiet = perf_counter() + gate.config.command_timeout_s
    bench.until(lambda: perf_counter() > quiet, "patience to end")
    rival.publish(wrench_at(T0 + 0.02, 9.0))
    await_command(bench, commands, 9.0)


def drive_at(time_s, ahead, turn=0.0):
    return to_drive_wrench(Drive(ahead, turn, time_s), NEWTONS)


def drive_of(message):
    found = from_drive_wrench(message, NEWTONS)
    return round(found.ahead, 2), round(found.turn, 2)


def await_drive(bench, drives, wanted):
    return bench.until(lambda: next((m for _, m in drives if drive_of(m) == wanted), None), f"the drive {wanted}")


def offer_drive(bench, gate, source, time_s, ahead, turn=0.0):
    """Publish a drive, with a command that holds the altitude, and wait until both have been judged."""
    bench.set_clock(time_s, gate)
    before = gate.drive_gate.ahead.counts.total()
    bench.publish("command/pid", wrench_at(time_s, 1.0))
    bench.publish(f"drive/{source}", drive_at(time_s, ahead, turn))
    bench.until(lambda: gate.drive_gate.ahead.counts.total() > before, "the drive to be judged")


def test_without_drives_nothing_is_driven(bench, gate):
    drives, commands = bench.listen("drive"), bench.listen("command")
    offer(bench, gate, "command/snn", T0, 3.0)
    await_command(bench, commands, 3.0)
    bench.spin(50)
    assert drives == []


def test_a_drive_goes_through_while_the_altitude_is_held_and_goes_neutral_with_it(bench, gate):
    drives = bench.listen("drive")
    offer_drive(bench, gate, "snn", T0, 3.0, -2.0)
    message = await_drive(bench, drives, (3.0, -2.0))
    assert (message.header.stamp.sec, message.header.frame_id) == (100, "base_link")
    for k in range(3):
        bench.set_clock(T0 + 0.1 * k + 0.1, gate)
        bench.publish("drive/snn", drive_at(T0 + 0.1 * k + 0.1, 3.0, -2.0))
    bench.until(lambda: gate.gate.state.owner is Owner.NEUTRAL, "the altitude to be lost")
    drives.clear()
    await_drive(bench, drives, (0.0, 0.0))
    bench.spin(50)
    assert {drive_of(m) for _, m in drives} == {(0.0, 0.0)}


def test_bad_drives_are_counted_and_named(bench, gate):
    reports, drives = diagnostics(bench), bench.listen("drive")
    offer_drive(bench, gate, "snn", T0, 3.0)
    other = drive_at(T0, 9.0)
    other.header.frame_id = "odom"
    faults = {
        "non_finite": drive_at(T0 + 0.01, math.nan), "stale": drive_at(T0 - 1.0, 9.0),
        "future": drive_at(T0 + 60.0, 9.0), "no_stamp": drive_at(0.0, 9.0), "wrong_frame": other,
    }  # fmt: skip
    for message in faults.values():
        bench.publish("drive/snn", message)
    _, _, values = bench.diagnosis("command_gate", reports, lambda s: any(
        pair.key == "drive_snn_wrong_frame" for pair in s.values
    ))  # fmt: skip
    assert {name: values[f"drive_snn_{name}"] for name in faults} == dict.fromkeys(faults, "1")
    assert {drive_of(m) for _, m in drives} <= {(0.0, 0.0), (3.0, 0.0)}


def test_a_drive_beyond_the_limit_is_limited_on_each_axis(bench, gate):
    drives = bench.listen("drive")
    offer_drive(bench, gate, "pilot", T0, 500.0, -500.0)
    await_drive(bench, drives, (10.0, -10.0))


def test_of_two_followers_on_one_topic_the_first_is_heard_and_both_are_named(bench, gate):
    reports, drives = diagnostics(bench), bench.listen("drive")
    for k in range(30):
        offer_drive(bench, gate, "snn", T0 + 0.001 * k, 3.0)
    await_drive(bench, drives, (3.0, 0.0))
    rival = bench.node.create_publisher(WrenchStamped, "drive/snn", COMMAND_QOS)
    bench.until(lambda: rival.get_subscription_count() == 1, "the gate to hear the rival")
    for k in range(5):
        bench.publish("drive/snn", drive_at(T0 + 0.03 + 0.001 * k, 3.0))
        rival.publish(drive_at(T0 + 0.0305 + 0.001 * k, 9.0))
        bench.spin(3)
    bench.until(lambda: gate.sources.refused["drive/snn"] == 5, "the rival to be refused")
    bench.diagnosis("command_gate", reports, lambda s: "2 publishers on /drive/snn" in s.message)
    assert {drive_of(m) for _, m in drives} <= {(0.0, 0.0), (3.0, 0.0)}


def test_a_joystick_drives_and_the_last_word_is_neutral(bench, gate):
    drives = bench.listen("drive")
    message = Joy(axes=[0.0, 0.0, 0.0, 0.5, 1.0], buttons=[0, 0, 0, 0, 1])
    message.header.stamp = stamp(T0)
    bench.publish("joy", message)
    await_drive(bench, drives, (10.0, 5.0))
    drives.clear()
    gate.timer.cancel()
    gate.stop()
    await_drive(bench, drives, (0.0, 0.0))
