"""The PID twin as a node, and what both altitude controllers share: inputs, verdicts, parameters, life cycle."""

import math

import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterType, ParameterValue
from rcl_interfaces.srv import SetParametersAtomically
from rclpy.parameter import Parameter

from ros_bench import command_of, diagnostics, range_at, send, target_at
from snn_control.nodes.pid_controller import PidControllerNode
from snn_core.errors import ConfigError
from snn_core.signals import Verdict

pytestmark = pytest.mark.ros
T0 = 100.0


def ready(bench, **parameters):
    """A controller at T0 that is asked to go to 1 m."""
    node = bench.make(PidControllerNode, **parameters)
    bench.set_clock(T0, node)
    bench.publish("target", target_at(1.0))
    bench.until(lambda: node.loop.target_m == 1.0, "the target")
    return node


def test_a_reading_becomes_a_thrust(bench):
    commands = bench.listen("command/pid")
    node = ready(bench)
    send(bench, node, range_at(T0 - 0.05, 0.53))
    bench.until(lambda: commands, "a command")
    message = commands[0][1]
    assert message.wrench.force.z == pytest.approx(9.0 * 0.47 * 0.0232, abs=1e-12)  # P only: no history, no I this far
    assert message.header.frame_id == "base_link"
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (100, 0)


FAULTS = {
    Verdict.NON_FINITE: range_at(T0, math.nan),
    Verdict.NO_RETURN: range_at(T0, math.inf),
    Verdict.TOO_CLOSE: range_at(T0, -math.inf),
    Verdict.NEGATIVE: range_at(T0, -0.5),
    Verdict.OUT_OF_RANGE: range_at(T0, 13.0),
    Verdict.BAD_LIMITS: range_at(T0, 0.5, 2.0, 1.0),
    Verdict.JUMP: range_at(T0, 5.0),
    Verdict.STALE: range_at(T0 - 0.5),
    Verdict.FUTURE: range_at(T0 + 3600.0),
    Verdict.DUPLICATE: range_at(T0 - 0.1),
    Verdict.OUT_OF_ORDER: range_at(T0 - 0.15),
    Verdict.NO_STAMP: range_at(0.0),
}


def test_every_fault_is_refused_counted_and_named(bench):
    reports, commands = diagnostics(bench), bench.listen("command/pid")
    node = ready(bench)
    send(bench, node, range_at(T0 - 0.1))
    send(bench, node, *FAULTS.values())
    bench.until(lambda: commands, "the command of the good reading")
    bench.spin()
    assert len(commands) == 1
    _, _message, values = bench.diagnosis(
        "pid_controller", reports, lambda s: "last one no_stamp: range 0.5 m" in s.message
    )
    assert {verdict: int(values[f"range_{verdict.value}"]) for verdict in FAULTS} == dict.fromkeys(FAULTS, 1)
    send(bench, node, range_at(T0))
    bench.until(lambda: len(commands) == 2, "the next good reading to fly")


def test_bad_targets_and_bursts(bench):
    commands = bench.listen("command/pid")
    node = ready(bench)
    for height in (math.nan, 99.0, -1.0):
        bench.publish("target", target_at(height))
    bench.until(lambda: node.loop.counts["target_refused"] == 3, "the targets to be refused")
    send(bench, node, range_at(T0 - 0.1), range_at(T0 - 0.09), range_at(T0 - 0.08), range_at(T0))
    bench.until(lambda: len(commands) == 2, "two commands")
    bench.spin()
    assert len(commands) == 2
    assert node.loop.counts["early"] == 2


def test_silence_is_an_error(bench):
    reports = diagnostics(bench)
    node = ready(bench)
    send(bench, node, range_at(T0))
    bench.set_clock(T0 + 2.0, node)
    level, _, _ = bench.diagnosis("pid_controller", reports, lambda s: "no range for 2.00 s (limit 0.2 s)" in s.message)
    assert level == 2


def set_parameters(bench, **values):
    def message(value):
        if isinstance(value, bool):
            return ParameterValue(type=ParameterType.PARAMETER_BOOL, bool_value=value)
        if isinstance(value, str):
            return ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=value)
        return ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=value)

    request = SetParametersAtomically.Request(
        parameters=[ParameterMessage(name=name, value=message(value)) for name, value in values.items()]
    )
    return bench.call(SetParametersAtomically, "pid_controller/set_parameters_atomically", request).result


def test_parameters_change_in_flight_all_or_none(bench):
    node = ready(bench)
    assert set_parameters(bench, kp=5.0, anti_windup="clamp").successful
    assert (node.pid.config.kp, node.pid.config.anti_windup, node.get_parameter("kp").value) == (5.0, "clamp", 5.0)
    refused = {
        "kp": {"kp": 1001.0},
        "kp out of range": {"kp": math.nan},
        "anti_windup: input should be 'back_calculation'": {"kp": 7.0, "anti_windup": "magic"},
        "target_min_m 5.0 must be below": {"kp": 7.0, "target_min_m": 5.0, "target_max_m": 4.0},
        "dt_s is read at the start only": {"kp": 7.0, "dt_s": 0.2},
        "unknown key 'kq', did you mean": {"kq": 1.0},
        "Wrong parameter type": {"kp": "high"},
    }
    for reason, values in refused.items():
        result = set_parameters(bench, **values)
        assert not result.successful
        assert reason in result.reason
    assert (node.pid.config.kp, node.get_parameter("kp").value, node.get_parameter("dt_s").value) == (5.0, 5.0, 0.1)


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"kp": -1.0}, r"pid_controller: kp: .* 0.* -1.0 \[proportional gain"),
        ({"kpp": 1.0}, r"unknown key 'kpp', did you mean 'kp'\?"),
        ({"anti_windup": "magic"}, "anti_windup: .*'magic'"),
        ({"dt_s": "fast"}, "dt_s: .*'fast'"),
        ({"target_min_m": 5.0, "target_max_m": 4.0}, "target_min_m 5.0 must be below target_max_m 4.0"),
    ],
)
def test_bad_parameters_are_refused_at_the_start(bench, parameters, complaint):
    with pytest.raises(ConfigError, match=complaint):
        bench.make(PidControllerNode, **parameters)


def test_whole_numbers_are_welcome_at_the_start(bench):
    assert bench.make(PidControllerNode, kp=7).get_parameter("kp").value == 7.0


def test_descriptors_tell_range_and_meaning(bench):
    descriptor = bench.make(PidControllerNode).describe_parameter("kp")
    assert descriptor.description == "proportional gain (command/m)"
    assert (descriptor.floating_point_range[0].from_value, descriptor.floating_point_range[0].to_value) == (0.0, 1000.0)


def test_life_cycle(bench):
    commands = bench.listen("command/pid")
    node = ready(bench)

    def change(transition):
        request = ChangeState.Request(transition=Transition(id=transition))
        return bench.call(ChangeState, "pid_controller/change_state", request).success

    send(bench, node, range_at(T0 - 0.1))
    bench.until(lambda: len(commands) == 1, "a command while active")
    assert change(Transition.TRANSITION_DEACTIVATE)
    bench.publish("range", range_at(T0))
    bench.spin()
    assert len(commands) == 1
    for _ in range(10):
        assert change(Transition.TRANSITION_CLEANUP)
        assert change(Transition.TRANSITION_CONFIGURE)
        assert change(Transition.TRANSITION_ACTIVATE)
        assert change(Transition.TRANSITION_DEACTIVATE)
    assert change(Transition.TRANSITION_ACTIVATE)
    bench.publish("target", target_at(1.0))
    bench.until(lambda: node.loop.target_m == 1.0, "the target")
    send(bench, node, range_at(T0))
    bench.until(lambda: len(commands) == 2, "a command while active again")
    assert command_of(commands[1][1]) == 4.5  # P alone: the memory was reset


def test_an_exception_in_a_callback_is_survived_and_reported(bench):
    reports = diagnostics(bench)
    node = ready(bench)
    whole = node.pid.step
    node.pid.step = lambda *_: 1 / 0
    send(bench, node, range_at(T0 - 0.1))
    level, _message, values = bench.diagnosis("pid_controller", reports, lambda s: "ZeroDivisionError" in s.message)
    assert (level, values["exceptions"]) == (2, "1")
    node.pid.step = whole
    commands = bench.listen("command/pid")
    send(bench, node, range_at(T0))
    bench.until(lambda: commands, "a command after the exception")


def test_two_sources_of_one_sensor_are_reported(bench):
    reports = diagnostics(bench)
    ready(bench)
    bench.publish("range", range_at(T0 - 0.1))
    second = bench.node.create_publisher(type(range_at(T0)), "range", 1)
    _, message, _ = bench.diagnosis("pid_controller", reports, lambda s: "2 publishers on /range" in s.message)
    assert "tester" in message
    bench.node.destroy_publisher(second)


def test_a_flood_of_changes_is_refused_beyond_fifty_a_second(bench):
    node = ready(bench)
    results = [node.set_parameters([Parameter("kp", value=5.0 + 0.01 * k)])[0] for k in range(60)]
    assert [result.successful for result in results] == [True] * 50 + [False] * 10
    assert "more than 50 changes in a second" in results[-1].reason
    assert node.pid.config.kp == pytest.approx(5.49)
