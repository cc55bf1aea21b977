"""Executables as a robot runs them: refusing bad parameters, stopping cleanly, surviving the death of a controller."""

import os
import signal
from pathlib import Path
from time import perf_counter

import pytest
from geometry_msgs.msg import WrenchStamped

from launch_reader import read_launch
from ros_bench import command_of, diagnostics, executable, range_at, target_at, toy_model

ROOT = Path(__file__).resolve().parents[2]
ROBOT = ROOT / "launch" / "altitude_robot.launch.xml"
SIMULATION = ROOT / "launch" / "altitude_sim.launch.xml"
BOUND_S = 0.2  # from the death of a controller to the next one's command
PERIOD_S = 0.1
PID, SPIKING = 4.5, 5.0  # what each commands half a metre below the target

pytestmark = pytest.mark.ros


@pytest.fixture
def model(tmp_path):
    return str(toy_model(tmp_path / "toy.safetensors"))


@pytest.mark.parametrize(
    ("name", "arguments", "complaint"),
    [
        ("pid_controller", ["-p", "kp:=1e6"], "pid_controller: kp: input should be less than or equal to 1000"),
        ("command_gate", ["-p", "slew:=1.0"], "unknown key 'slew', did you mean 'slew_per_s'?"),
        ("blimp_world", ["-p", "world:=mars"], "blimp_world: world: input should be 'tudelft_2021' or 'tudelft_2023'"),
        ("altitude_controller", ["-p", "model:=/no/such.safetensors"], "/no/such.safetensors: cannot be read"),
        ("bringup", ["-p", "trial:=loop"], "bringup: trial: "),
        ("command_gate", ["--params-file", "/no/such.yaml"], "/no/such.yaml"),
    ],
)
def test_a_bad_start_is_one_line_and_exit_code_1(bench, name, arguments, complaint):
    process = bench.start([executable(name), "--ros-args", "--log-level", "fatal", *arguments])
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1, output
    assert complaint in output.splitlines()[-1]
    assert "Traceback" not in output


def start(bench, actions, **environment):
    """Start the nodes of a launch file, by name."""
    return {action.name: bench.start(action.command(), **action.environment, **environment) for action in actions}


def stop_all(processes, number=signal.SIGINT):
    for process in processes.values():
        process.send_signal(number)
    for name, process in processes.items():
        output, _ = process.communicate(timeout=20.0)
        assert process.returncode == 0, f"{name}: {output}"
        assert "Traceback" not in output, f"{name}: {output}"


class Robot:
    """A sensor at 0.5 m and a target of 1 m, 10 Hz, and everything that is said on the command topics."""

    def __init__(self, bench):
        self.bench = bench
        self.heard = {topic: bench.listen(topic) for topic in ("command/snn", "command/pid", "command")}
        self.reports = diagnostics(bench)
        self.ranges = bench.node.create_publisher(type(range_at(0.0)), "range", 10)
        self.targets = bench.node.create_publisher(type(target_at(0.0)), "target", 10)
        bench.node.create_timer(PERIOD_S, self.sense)

    def sense(self):
        self.targets.publish(target_at(1.0))
        self.ranges.publish(range_at(self.bench.node.get_clock().now().nanoseconds * 1e-9))

    def newest(self, topic):
        return command_of(self.heard[topic][-1][1]) if self.heard[topic] else None

    def await_all(self):
        """Until both controllers reach the gate and the spiking one commands."""
        self.await_command(SPIKING, "the spiking controller to command")
        self.bench.diagnosis("command_gate", self.reports, lambda s: all(
            int(pair.value) > 0 for pair in s.values if pair.key in ("snn_ok", "pid_ok")
        ))  # fmt: skip

    def await_command(self, value, what):
        self.bench.until(lambda: self.newest("command") == value, what, timeout_s=60.0)

    def silence(self, process, topic, value):
        """Kill a process; seconds until the gate leaves its command for `value`, counted from the kill.

        Transfers between controllers are blended: the first step from the old command to the new one counts.
        """
        count, old = len(self.heard[topic]), self.newest("command")
        self.bench.until(lambda: len(self.heard[topic]) > count, f"a command on {topic}")
        killed, before = perf_counter(), len(self.heard["command"])
        os.kill(process.pid, signal.SIGKILL)

        def arrival():
            taken = (t for t, m in self.heard["command"][before:] if command_of(m) == value or (value and differs(m)))
            return next(taken, None)

        def differs(message):
            return min(old, value) < command_of(message) < max(old, value)

        return self.bench.until(arrival, f"the command {value}") - killed


def test_kill_9_of_controllers_is_survived_within_0_2_s(bench, model):
    """First the PID twin takes over, then neutral; a controller that comes back commands again."""
    robot = Robot(bench)
    actions = {action.name: action for action in read_launch(ROBOT, {"model": model})}
    nodes = start(bench, actions.values())
    robot.await_all()
    to_pid = robot.silence(nodes["altitude_controller"], "command/snn", PID)
    to_neutral = robot.silence(nodes["pid_controller"], "command/pid", 0.0)
    print(f"to the PID twin {to_pid:.3f} s, to neutral {to_neutral:.3f} s")
    assert to_pid <= BOUND_S
    assert to_neutral <= BOUND_S
    back = start(bench, [actions["altitude_controller"]])
    robot.await_command(SPIKING, "the spiking controller to command again")
    stop_all({"command_gate": nodes["command_gate"], **back}, signal.SIGTERM)
    robot.await_command(0.0, "the last word of the gate")


def test_kill_9_of_both_at_once_is_neutral_within_0_2_s(bench, model):
    robot = Robot(bench)
    nodes = start(bench, read_launch(ROBOT, {"model": model}))
    robot.await_all()
    os.kill(nodes["pid_controller"].pid, signal.SIGKILL)
    to_neutral = robot.silence(nodes["altitude_controller"], "command/snn", 0.0)
    print(f"to neutral {to_neutral:.3f} s")
    assert to_neutral <= BOUND_S
    stop_all({"command_gate": nodes["command_gate"]})


@pytest.mark.parametrize(
    ("path", "arguments"),
    [
        (ROBOT, {}),
        (SIMULATION, {"composed": "true", "real_time_factor": "5.0"}),
        (SIMULATION, {"composed": "false", "real_time_factor": "0.0", "trial": "hover"}),
    ],
    ids=["robot", "sim-composed", "sim-separate"],
)
def test_launch_files_start_and_stop(bench, model, path, arguments):
    commands = bench.listen("command", WrenchStamped)
    nodes = start(bench, read_launch(path, {"model": model, **arguments}))
    simulated = path is SIMULATION

    def flying():
        return any(command_of(m) != 0.0 for _, m in commands) if simulated else len(commands) > 5

    bench.until(flying, "commands", 60.0)
    bench.until(lambda: set(nodes) <= set(bench.node.get_node_names()), "every node", 60.0)
    assert all(process.poll() is None for process in nodes.values())
    stop_all(nodes)
