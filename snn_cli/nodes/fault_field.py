"""A blimp flown by the real nodes, each in a process of its own, over DDS and in real time, for killing them."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count, pairwise
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PointStamped, WrenchStamped
from nav_msgs.msg import Odometry
from rclpy.context import Context
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import Range

from sim_worlds.blimp_flight import BlimpFlight, FlightConfig
from snn_cli.faults.case import Missed, need
from snn_core.frames import BASE_FRAME
from snn_core.nodes.guard import Guard
from snn_core.nodes.process import make_executor
from snn_core.nodes.sensing_listener import SensingListener
from snn_core.nodes.wire import COMMAND_QOS, WireConfig, from_wrench, now_s, stamp
from snn_core.sensing import SamplePacer
from snn_core.signals import Command

FIRST_DOMAIN, DOMAINS = 215, 17  # those above the ephemeral ports of Linux
CONTROLLERS = {"altitude_controller": "snn", "pid_controller": "pid"}
NODES = ("command_gate", *CONTROLLERS)
READY_S = 60.0
TICK_S, SENSE_EVERY = 0.02, 5
SILENCE_S = 0.3  # without a command nobody commands
NAP_S = 0.005
QUIET = ("--ros-args", "--log-level", "warn")
_domains = count(os.getpid())


class Heard(NamedTuple):
    """A command as it came."""

    at_s: float
    value: float
    stamp_ns: int
    age_s: float
    stamps: dict[int, str]  # of what the controllers sent, which may come after what the gate made of it

    @property
    def owner(self) -> str:
        """Whose stamp it bears: snn, pid, neutral or unknown."""
        return self.stamps.get(self.stamp_ns, "neutral" if self.value == 0.0 else "unknown")


class Plant(Node):
    """The blimp: a lidar at 10 Hz, a motor driver that stops by itself, a target; stamps are of the real clock."""

    def __init__(self, context: Context) -> None:
        super().__init__("plant", context=context, use_global_arguments=False)
        self.flight = BlimpFlight(FlightConfig(dt_s=TICK_S, start_height_m=1.0))
        self.newtons = WireConfig().newtons_per_command
        self.target_m, self.sensing, self.ticks = 1.0, True, 0
        self.stamps: dict[int, str] = {}
        self.heard: list[Heard] = []
        self.heights: list[float] = []
        self.ranges = self.create_publisher(Range, "range", COMMAND_QOS)
        self.targets = self.create_publisher(PointStamped, "target", COMMAND_QOS)
        for owner in CONTROLLERS.values():
            self.create_subscription(WrenchStamped, f"command/{owner}", self._note(owner), COMMAND_QOS)
        self.create_subscription(WrenchStamped, "command", self._on_command, COMMAND_QOS)
        self.odometry = self.create_publisher(Odometry, "odom", COMMAND_QOS)
        self.pacer = SamplePacer(TICK_S * SENSE_EVERY)
        self.listener = SensingListener(self, Guard(self), "range", lambda order: None)
        self.sensed_s: list[float] = []
        self.create_timer(TICK_S, self._on_tick)

    def _note(self, owner: str) -> Callable[[WrenchStamped], None]:
        def on_command(message: WrenchStamped) -> None:
            self.stamps[_nanoseconds(message)] = owner

        return on_command

    def _on_command(self, message: WrenchStamped) -> None:
        command = from_wrench(message, self.newtons)
        age_s = now_s(self) - command.stamp_s
        self.heard.append(Heard(perf_counter(), command.value, _nanoseconds(message), age_s, self.stamps))
        self.flight.offer(Command(command.value, self.flight.now_s - max(0.0, age_s)))

    def _on_tick(self) -> None:
        self.heights.append(self.flight.advance().height_m)
        self.ticks += 1
        if self.ticks % SENSE_EVERY:
            return
        message = PointStamped()
        message.point.z = self.target_m
        self.targets.publish(message)
        motion = Odometry(child_frame_id=BASE_FRAME)
        motion.header.stamp = stamp(now_s(self))
        motion.twist.twist.linear.z = float(self.flight.climb_mps)
        self.odometry.publish(motion)
        if self.sensing and self.pacer.due(now_s(self), self.listener.order):
            self.sensed_s.append(perf_counter())
            reading = Range(min_range=0.0, max_range=12.0, range=float(self.flight.sense()))
            reading.header.stamp, reading.header.frame_id = stamp(now_s(self)), "range_link"
            self.ranges.publish(reading)


def _nanoseconds(message: WrenchStamped) -> int:
    return int(message.header.stamp.sec) * 10**9 + int(message.header.stamp.nanosec)


class Field:
    """The processes of a robot and, in this process, the world that they fly in; a context manager."""

    def __init__(self) -> None:
        self.domain = FIRST_DOMAIN + next(_domains) % DOMAINS
        os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
        self.context = Context()
        rclpy.init(
            context=self.context, args=["--ros-args", "--log-level", "fatal"], domain_id=self.domain,
            signal_handler_options=SignalHandlerOptions.NO,
        )  # fmt: skip
        self.executor = make_executor(self.context)
        self.plant = Plant(self.context)
        self.reports: list[tuple[float, Any]] = []
        self.plant.create_subscription(DiagnosticArray, "/diagnostics", self._on_report, 10)
        self.executor.add_node(self.plant)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.outputs = tempfile.TemporaryDirectory()
        self.hiccup_s, self._closed = 0.0, False
        threading.Thread(target=self._watch_machine, daemon=True).start()

    def __enter__(self) -> "Field":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process that was started here."""
        self._closed = True
        for process in self.processes.values():
            process.kill()
            process.wait()
        self.executor.shutdown()
        rclpy.try_shutdown(context=self.context)
        self.outputs.cleanup()

    def _watch_machine(self) -> None:
        """Keep the longest time that this machine let a sleeper wait: other users of it are not the robot's fault."""
        while not self._closed:
            before = perf_counter()
            time.sleep(NAP_S)
            self.hiccup_s = max(self.hiccup_s, perf_counter() - before - NAP_S)

    def waited_s(self) -> float:
        """How long the processes have been ready to run and did not get a processor, all together."""
        total_ns = 0
        for process in self.processes.values():
            for path in Path(f"/proc/{process.pid}/task").glob("*/schedstat"):
                with suppress(OSError, IndexError, ValueError):
                    total_ns += int(path.read_text().split()[1])
        return total_ns * 1e-9

    def _on_report(self, message: DiagnosticArray) -> None:
        self.reports += [(perf_counter(), status) for status in message.status]

    def start(self, name: str, *arguments: str, label: str = "", **environment: str) -> subprocess.Popen[bytes]:
        """Start a node's executable; whatever it says goes to a file."""
        command = [str(Path(sys.executable).with_name(name)), *QUIET, *arguments]
        return self.spawn(label or name, command, **environment)

    def spawn(self, label: str, command: Sequence[str], **environment: str) -> subprocess.Popen[bytes]:
        """Start any process in this domain."""
        names = {**os.environ, "ROS_DOMAIN_ID": str(self.domain), "PYTHONUNBUFFERED": "1", **environment}
        with self._file(label).open("ab") as output:
            process = subprocess.Popen(command, env=names, stdout=output, stderr=output)  # noqa: S603  ours
        self.processes[label] = process
        return process

    def _file(self, label: str) -> Path:
        return Path(self.outputs.name) / label

    def said(self, label: str) -> str:
        """Everything that a process has said."""
        return self._file(label).read_text(errors="replace")

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.until(lambda: False, "", seconds, fail=False)

    def until(self, holds: Callable[[], Any], what: str, timeout_s: float = 20.0, fail: bool = True) -> Any:
        """Let time pass until it holds."""
        deadline = perf_counter() + timeout_s
        while not (result := holds()):
            if perf_counter() > deadline:
                if fail:
                    raise Missed(f"waited {timeout_s:g} s for {what}")
                return result
            self.executor.spin_once(timeout_sec=0.005)
        return result

    def owner(self) -> str:
        """Who commands now."""
        newest = self.plant.heard[-1] if self.plant.heard else None
        return newest.owner if newest and perf_counter() - newest.at_s < SILENCE_S else "nobody"

    def flying(self, *names: str) -> None:
        """Start what does not run, and wait until the networks command with the PID beside them."""
        for name in names or NODES:
            process = self.processes.get(name)
            if process is None or process.poll() is not None:
                self.start(name)
        self.plant.sensing = True
        self.until(lambda: self.owner() == "snn", "the networks to command", READY_S)
        before = len(self.plant.stamps)
        self.until(lambda: {"snn", "pid"} <= set(list(self.plant.stamps.values())[before:]), "both", READY_S)
        self.run(0.7)  # each has shown a row of healthy samples

    def range_hz(self, seconds: float = 2.0) -> float:
        """How often the range was sensed lately."""
        since_s = perf_counter() - seconds
        return sum(at_s >= since_s for at_s in self.plant.sensed_s) / seconds

    def values(self, node: str) -> dict[str, str]:
        """The key-values of a node's newest report."""
        found = [status for _, status in self.reports if status.name == node]
        return {pair.key: pair.value for pair in found[-1].values} if found else {}

    def again(self, name: str, *arguments: str, **environment: str) -> None:
        """Kill a node and start it again, and wait until the networks command as before."""
        self.kill(name)
        self.until(lambda: self.owner() != "snn", "the networks to lose command", 5.0)
        self.start(name, *arguments, **environment)
        self.flying()

    def kill(self, name: str, number: int = signal.SIGKILL) -> float:
        """Send a signal; the time when that was. Only to what was started here."""
        os.kill(self.processes[name].pid, number)
        if number == signal.SIGKILL:
            self.processes[name].wait()
        return perf_counter()

    def first(self, holds: Callable[[Heard], bool], since_s: float, what: str, timeout_s: float = 10.0) -> Heard:
        """The first command since then that holds."""
        found: Heard = self.until(
            lambda: next((h for h in self.plant.heard if h.at_s >= since_s and holds(h)), None),
            what,
            timeout_s,
        )
        return found

    def takeover_s(self, owner: str, since_s: float) -> float:
        """Seconds until the first command of that owner."""
        return self.first(lambda h: h.owner == owner, since_s, f"{owner} to command").at_s - since_s

    def report(self, node: str, words: str, since_s: float = 0.0, timeout_s: float = 6.0) -> tuple[int, str]:
        """Level and message of the first report of a node since then that contains the words."""

        def found() -> tuple[int, str] | None:
            for at_s, status in self.reports:
                if at_s >= since_s and status.name == node and words in status.message:
                    return status.level[0], str(status.message)
            return None

        result: tuple[int, str] = self.until(found, f"a report of {node} with '{words}'", timeout_s)
        return result

    def gap_s(self, since_s: float) -> float:
        """The longest time without a command since then."""
        times = [h.at_s for h in self.plant.heard if h.at_s >= since_s]
        return max((b - a for a, b in pairwise(times)), default=float("inf"))

    def undisturbed(self, since_s: float, gap_s: float = 0.2) -> str:
        """The networks have commanded all the time since then, without a gap."""
        owners = {h.owner for h in self.plant.heard if h.at_s >= since_s}
        need(owners == {"snn"}, f"owners {sorted(owners)}")
        longest_s = self.gap_s(since_s)
        need(longest_s <= gap_s, f"{longest_s:.3f} s without a command")
        return f"the networks command all the time, longest gap {longest_s * 1e3:.0f} ms"
