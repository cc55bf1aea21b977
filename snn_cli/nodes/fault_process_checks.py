"""Checks of processes that die, hang, come back, are doubled, flooded or starved, on a flying robot over DDS."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from geometry_msgs.msg import WrenchStamped
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.event_handler import PublisherEventCallbacks
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Range

from snn_cli.faults.case import Missed, need
from snn_cli.faults.control_checks import restarts
from snn_cli.nodes.fault_field import Field, Heard
from snn_core.frames import BASE_FRAME
from snn_core.nodes.wire import COMMAND_QOS, now_s, stamp

DEATH_BOUND_S = 0.2  # from the death of a controller to the next owner's command
BUMP = 0.5  # command units that a transfer may jump
JOY_VALUE = -2.0
ATTEMPTS, HICCUP_S, STARVED_S = 3, 0.05, 0.5

LISTEN = """
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
rclpy.init()
node = rclpy.create_node("aggregator")
node.create_subscription(DiagnosticArray, "/diagnostics", lambda message: None, 10)
rclpy.spin(node)
"""
JOYSTICK = """
import rclpy
from sensor_msgs.msg import Joy
rclpy.init()
node = rclpy.create_node("joystick")
publisher = node.create_publisher(Joy, "joy", 10)
def speak():
    message = Joy(axes=[0.0, -0.2], buttons=[0, 0, 0, 0, 1])
    message.header.stamp = node.get_clock().now().to_msg()
    publisher.publish(message)
node.create_timer(0.05, speak)
rclpy.spin(node)
"""
Check = Callable[[Field], str]


def killed(field: Field) -> str:
    """kill -9 of the networks, then of the PID twin."""
    field.flying()
    to_pid = field.takeover_s("pid", field.kill("altitude_controller"))
    need(to_pid <= DEATH_BOUND_S, f"the PID commands after {to_pid:.3f} s, bound {DEATH_BOUND_S} s")
    field.run(0.5)
    since = field.kill("pid_controller")
    to_neutral = field.takeover_s("neutral", since)
    need(to_neutral <= DEATH_BOUND_S, f"neutral after {to_neutral:.3f} s, bound {DEATH_BOUND_S} s")
    level, message = field.report("command_gate", "nobody commands", since)
    need(level == 2, f"level {level}: {message}")
    return f"PID after {to_pid:.3f} s, neutral after {to_neutral:.3f} s, ERROR {message[-60:]}"


def hangs(field: Field) -> str:
    """SIGSTOP of both, then SIGCONT."""
    field.flying()
    to_pid = field.takeover_s("pid", field.kill("altitude_controller", signal.SIGSTOP))
    to_neutral = field.takeover_s("neutral", field.kill("pid_controller", signal.SIGSTOP))
    try:
        need(max(to_pid, to_neutral) <= DEATH_BOUND_S, f"PID after {to_pid:.3f} s, neutral after {to_neutral:.3f} s")
    finally:
        back = [field.kill(name, signal.SIGCONT) for name in ("pid_controller", "altitude_controller")]
    back_s = field.takeover_s("snn", back[-1])
    return f"PID after {to_pid:.3f} s, neutral after {to_neutral:.3f} s, back {back_s:.2f} s after SIGCONT"


def respawns(field: Field) -> str:
    """A controller that comes back commands only after five healthy samples, without a jump."""
    field.flying()
    field.kill("altitude_controller")
    field.takeover_s("pid", perf_counter())
    known = len(field.plant.stamps)
    field.start("altitude_controller")
    since = perf_counter()
    first = field.first(lambda h: h.owner == "snn", since, "the networks to command", 60.0)
    samples = list(field.plant.stamps.values())[known:].count("snn")
    need(samples >= 5, f"after {samples} samples")
    index = field.plant.heard.index(first)
    bump = abs(first.value - field.plant.heard[index - 1].value)
    need(bump <= BUMP, f"a bump of {bump:.2f}")
    return f"after {samples} samples, bump {bump:.2f} of 10"


def coordinator_killed(field: Field) -> str:
    """A coordinator that has reduced sensing and holds a lease dies; then it comes back."""
    coordinated(field)
    field.until(lambda: field.range_hz() < 8.0, "sensing to be reduced", 40.0)
    reduced_hz = field.range_hz()
    since = field.kill("coordinator")
    field.until(lambda: "run out" in field.values("command_gate").get("lease", ""), "the lease to run out", 5.0)
    field.until(lambda: field.range_hz() > 9.0, "sensing at the full rate", 6.0)
    field.run(1.0)
    return f"range at {reduced_hz:.1f} Hz, then at {field.range_hz():.1f} Hz; {field.undisturbed(since)}"


def coordinated(field: Field) -> None:
    """Everything flies, with a coordinator whose lease the gate has taken."""
    field.flying()
    if "coordinator" not in field.processes or field.processes["coordinator"].poll() is not None:
        field.start("coordinator")
    field.until(lambda: field.values("command_gate").get("lease") == "snn", "a lease for the networks", 40.0)


def coordinator_restarts(field: Field) -> str:
    """Kill it and start it again, twice."""
    coordinated(field)
    since, handovers = perf_counter(), field.values("command_gate")["handovers"]
    for _ in range(2):
        field.kill("coordinator")
        field.run(1.0)
        field.start("coordinator")
        field.run(1.5)
        field.until(lambda: field.values("command_gate").get("lease") == "snn", "a lease again", 40.0)
    field.run(1.5)
    after = field.values("command_gate")["handovers"]
    seen = field.undisturbed(since)
    field.kill("coordinator")
    need(after == handovers, f"{handovers} hand-overs before, {after} after")
    return f"no hand-over in two restarts; {seen}"


def perception_dies(field: Field) -> str:
    """The place recognizer is killed, as for want of memory, and started again by whoever launches it."""
    field.flying()
    field.start("place_recognizer")
    field.report("place_recognizer", "no image", 0.0, 60.0)
    since = field.kill("place_recognizer")
    field.run(1.0)
    field.start("place_recognizer")
    field.report("place_recognizer", "no image", perf_counter(), 60.0)
    field.kill("place_recognizer")
    return f"{field.undisturbed(since, 0.25)}; supervisor: {restarts()}"


def gate_killed(field: Field) -> str:
    """Without a gate the motor driver must stop by itself."""
    field.flying()
    since = field.kill("command_gate")
    driver, flight = field.plant.flight.driver, field.plant.flight
    field.until(lambda: driver.remaining_s(flight.now_s) <= 0.0, "the motors to stop", 2.0)
    stopped_s = perf_counter() - since
    need(stopped_s <= DEATH_BOUND_S + 0.03, f"motors stop after {stopped_s:.3f} s")  # one tick of the plant
    field.flying()
    return f"motors off after {stopped_s:.3f} s; the gate comes back and flies on"


def diagnostics_dead(field: Field) -> str:
    """The only reader of /diagnostics hangs, then dies."""
    field.flying()
    field.spawn("aggregator", [sys.executable, "-c", LISTEN])
    field.until(lambda: "aggregator" in field.plant.get_node_names(), "the aggregator", 20.0)
    since = field.kill("aggregator", signal.SIGSTOP)
    field.run(4.0)
    field.kill("aggregator")
    field.run(1.0)
    return field.undisturbed(since)


def partition(field: Field) -> str:
    """A joystick's process is cut off while it commands, and comes back."""
    field.flying()
    field.spawn("joystick", [sys.executable, "-c", JOYSTICK])

    def human(h: Heard) -> bool:
        return abs(h.value - JOY_VALUE) < 1e-6 and h.owner == "unknown"

    field.first(human, perf_counter(), "the human to command", 20.0)
    since = field.kill("joystick", signal.SIGSTOP)
    back_s = field.takeover_s("snn", since)
    need(back_s <= 0.5, f"given back after {back_s:.2f} s")
    field.run(1.0)
    healed = field.kill("joystick", signal.SIGCONT)
    first = field.first(human, healed, "the human to command again", 5.0)
    ages = [h.age_s for h in field.plant.heard if h.at_s >= healed]
    field.kill("joystick")
    need(max(ages) <= 0.35, f"a command {max(ages):.2f} s old on heal")
    field.takeover_s("snn", perf_counter())
    again_s = first.at_s - healed
    return f"given back after {back_s:.2f} s, human again {again_s:.2f} s after heal, nothing older than 0.35 s"


@contextmanager
def stranger(field: Field, name: str) -> Iterator[Node]:
    """One more node in this process."""
    node = Node(name, context=field.context, use_global_arguments=False)
    field.executor.add_node(node)
    try:
        yield node
    finally:
        field.executor.remove_node(node)
        node.destroy_node()


def two_sensors(field: Field) -> str:
    """A second lidar says 1.3 m, twice as often."""
    field.flying()
    field.run(3.0)  # far enough in the numbers
    since = perf_counter()
    with stranger(field, "impostor") as node:
        publisher = node.create_publisher(Range, "range", COMMAND_QOS)

        def lie() -> None:
            message = Range(min_range=0.0, max_range=12.0, range=1.3)
            message.header.stamp = stamp(now_s(node))
            publisher.publish(message)

        node.create_timer(0.05, lie)
        level, message = field.report("altitude_controller", "2 publishers on /range", since)
        field.run(3.0)
    need(level == 2 and "impostor" in message and "plant" in message, f"level {level}: {message}")
    error_m = max(abs(h - field.plant.target_m) for h in field.plant.heights[-100:])
    need(error_m < 0.15, f"{error_m:.2f} m from the target: the impostor was believed")
    return f"{field.undisturbed(since)}; ERROR {message[:90]}"


def two_controllers(field: Field) -> str:
    """A second source of command/snn sends full thrust."""
    field.flying()
    field.run(2.0)
    since = perf_counter()
    with stranger(field, "rogue") as node:
        publisher = node.create_publisher(WrenchStamped, "command/snn", COMMAND_QOS)

        def push() -> None:
            message = WrenchStamped()
            message.header.stamp, message.header.frame_id = stamp(now_s(node)), BASE_FRAME
            message.wrench.force.z = 10.0 * field.plant.newtons
            publisher.publish(message)

        node.create_timer(0.05, push)
        level, message = field.report("command_gate", "2 publishers on /command/snn", since)
        field.run(2.0)
    need(level == 2 and "rogue" in message, f"level {level}: {message}")
    pushed = [h for h in field.plant.heard if h.at_s >= since and h.value > 9.9]
    need(not pushed, f"{len(pushed)} commands of the rogue went out")
    return f"none of the rogue's commands went out; ERROR {message[:90]}"


def doubled_name(field: Field) -> str:
    """A second gate under the same name."""
    field.flying()
    since = perf_counter()
    field.start("command_gate", label="second_gate")
    level, message = field.report("command_gate", "2 publishers on /command:", since, 20.0)
    field.kill("second_gate")
    need(level == 2 and message.count("command_gate (") >= 2, f"level {level}: {message}")
    return f"ERROR {message[:110]}"


def incompatible(field: Field) -> str:
    """A best-effort publisher of a topic that is read reliably."""
    field.flying()
    with stranger(field, "sloppy") as node:
        qos = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        silent = PublisherEventCallbacks(use_default_callbacks=False)  # it is the gate that must notice
        node.create_publisher(WrenchStamped, "command/pid", qos, event_callbacks=silent)
        field.until(lambda: "incompatible QoS" in field.said("command_gate"), "a warning of the gate", 10.0)
    line = next(line for line in field.said("command_gate").splitlines() if "incompatible QoS" in line)
    need("command/pid" in line and "RELIABILITY" in line, line)
    return line[line.index("New publisher") :][:140] if "New publisher" in line else line[:140]


def start_order(field: Field) -> str:
    """Gate first, controllers first, sensor last."""
    for order in (
        ("command_gate", "pid_controller", "altitude_controller"),
        ("altitude_controller", "pid_controller", "command_gate"),
    ):
        for name in order:
            if name in field.processes:
                field.kill(name)
        field.plant.sensing = False
        since = perf_counter()
        for name in order:
            field.start(name)
            field.run(1.0)
        level, message = field.report("pid_controller", "no range for", since, 20.0)
        need(level == 2, f"level {level}: {message}")
        field.report("command_gate", "nobody commands", since)
        field.plant.sensing = True
        field.until(lambda: field.owner() == "snn", "the networks to command", 60.0)
    return f"both orders fly; before the sensor: ERROR {message[:40]}, the gate: nobody commands"


def overload(field: Field) -> str:
    """Twice as many busy processes as cores, for five seconds."""
    field.flying()
    since = perf_counter()
    cores = os.cpu_count() or 1
    busy = [f"busy{k}" for k in range(2 * cores)]
    for label in busy:
        field.spawn(label, [sys.executable, "-c", "while True: pass"])
    field.run(5.0)
    for label in busy:
        field.kill(label)
    late = [h for h in field.plant.heard if h.at_s >= since and h.age_s > 0.25]
    longest_s = field.gap_s(since)
    need(not late, f"{len(late)} commands older than 0.25 s")
    need(longest_s <= 0.25, f"{longest_s:.3f} s without a command")
    field.run(1.0)
    values = {p.key: p.value for _, s in field.reports[-20:] if s.name == "command_gate" for p in s.values}
    need("late_ticks" in values, "the gate does not count late ticks")
    return f"longest gap {longest_s * 1e3:.0f} ms, {values['late_ticks']} late ticks counted"


def disk_full(field: Field) -> str:
    """Controllers whose logs cannot be written: no folder, then no space."""
    field.flying()
    for name in ("altitude_controller", "command_gate"):
        field.again(name, ROS_LOG_DIR="/proc/none")
    since = perf_counter()
    field.run(2.0)
    need("going on without a log file" in field.said("command_gate"), "no word about the missing log")
    seen = f"read-only: {field.undisturbed(since)}"
    with tiny_disk() as folder:
        if folder is None:
            return f"{seen}; full: no small disk can be mounted here"
        field.again("altitude_controller", "--log-level", "debug", ROS_LOG_DIR=str(folder))
        since = perf_counter()
        field.run(3.0)
        seen = f"{seen}; full: {field.undisturbed(since)}"
        field.kill("altitude_controller")
    return seen


@contextmanager
def tiny_disk() -> Iterator[Path | None]:
    """A disk of 16 kB that is full, or None where mounting is not allowed."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", folder]
        mounted = subprocess.run(command, capture_output=True).returncode == 0  # noqa: S603
        if not mounted:
            yield None
            return
        try:
            (Path(folder) / "fill").write_bytes(b"x" * 12 * 1024)
            yield Path(folder)
        finally:
            subprocess.run(["umount", "-l", folder], capture_output=True)  # noqa: S603, S607


def signals(field: Field) -> str:
    """SIGINT, then SIGTERM, to every node."""
    for number in (signal.SIGINT, signal.SIGTERM):
        field.flying()
        names = [name for name in field.processes if field.processes[name].poll() is None]
        since = field.kill("command_gate", number)
        field.first(lambda h: h.value == 0.0, since, "the last word of the gate", 2.0)
        for name in names:
            if name != "command_gate":
                field.kill(name, number)
        codes = {name: _ended(field, name) for name in names}
        need(set(codes.values()) == {0}, f"exit codes {codes}")
        need(all("Traceback" not in field.said(name) for name in names), "a traceback was printed")
        need(field.plant.heard[-1].value == 0.0, f"the last command is {field.plant.heard[-1].value:g}")
    return f"last command 0, exit code 0 of {len(names)} nodes, no traceback"


def _ended(field: Field, name: str) -> int:
    process = field.processes[name]
    field.until(lambda: process.poll() is not None, f"{name} to end", 10.0)
    return int(process.returncode)


def flood(field: Field) -> str:
    """A thousand changes of a parameter per second, for two seconds."""
    field.flying()
    since, sent = perf_counter(), 0
    futures: list[Any] = []
    with stranger(field, "flooder") as node:
        client = node.create_client(SetParameters, "command_gate/set_parameters")
        field.until(client.service_is_ready, "the service of the gate")
        since = perf_counter()
        while perf_counter() < since + 2.0:
            value = ParameterValue(type=ParameterType.PARAMETER_DOUBLE, double_value=200.0 + sent % 2)
            request = SetParameters.Request(parameters=[Parameter(name="slew_per_s", value=value)])
            futures.append(client.call_async(request))
            sent += 1
            field.until(partial(_past, since + 0.001 * sent), "", 0.01, fail=False)
        field.run(1.0)
    need(sent >= 1000, f"only {sent} were sent")
    answers = [future.result().results[0] for future in futures if future.done()]
    refused = sum(not answer.successful for answer in answers)
    need(refused > sent // 2, f"only {refused} of {sent} were refused")
    return f"{sent} changes in 2 s, {refused} refused: {field.undisturbed(since)}"


def _past(time_s: float) -> bool:
    return perf_counter() > time_s


def calmly(check: Check, fields: Callable[[], Field]) -> str:
    """Run a check; where it fails while the machine gave its processors to others, it is void, and repeated."""
    field = fields()
    for attempt in range(1, ATTEMPTS + 1):
        field.hiccup_s, before_s = 0.0, field.waited_s()
        try:
            seen = check(field)
            return seen if attempt == 1 else f"{seen} (attempt {attempt}: before, others had the processors)"
        except Missed as missed:
            waited_s = field.waited_s() - before_s
            if attempt == ATTEMPTS or (field.hiccup_s < HICCUP_S and waited_s < STARVED_S):
                raise Missed(f"{missed} (the robot's processes waited {waited_s:.1f} s for a processor)") from None
    raise AssertionError


PROCESS_CHECKS: dict[int, Check] = {
    34: two_sensors,
    35: two_controllers,
    36: doubled_name,
    37: killed,
    38: hangs,
    39: respawns,
    40: coordinator_killed,
    41: coordinator_restarts,
    42: gate_killed,
    43: diagnostics_dead,
    46: partition,
    47: incompatible,
    49: start_order,
    50: overload,
    51: perception_dies,
    52: disk_full,
    53: signals,
    67: flood,
}


def bound_checks(fields: Callable[[], Field]) -> dict[int, Callable[[], str]]:
    """Every check with the field that it runs on."""
    return {number: partial(calmly, check, fields) for number, check in PROCESS_CHECKS.items()}
