"""`command_gate`: the last hop before the actuators. Forwards the fittest controller's command, or neutral."""

import math
import time
from dataclasses import replace
from typing import Any

from geometry_msgs.msg import WrenchStamped
from pydantic import Field
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.node import Node
from sensor_msgs.msg import Joy
from std_msgs.msg import Header

from snn_control.command_gate import CommandGate, GateConfig
from snn_control.drive_gate import DriveGate
from snn_control.joystick import JoystickConfig, joystick_command, joystick_drive
from snn_control.owners import Owner
from snn_core.frames import BASE_FRAME
from snn_core.nodes.diagnostics import Diagnostics
from snn_core.nodes.guard import Guard
from snn_core.nodes.parameters import OPEN, Parameters
from snn_core.nodes.process import run
from snn_core.nodes.sources import Sources
from snn_core.nodes.wire import (
    COMMAND_QOS,
    SENSOR_QOS,
    WireConfig,
    from_drive_wrench,
    from_wrench,
    now_s,
    seconds,
    to_drive_wrench,
    to_wrench,
)
from snn_core.signals import Command, Drive, Health, Verdict

TOPICS: tuple[str, ...] = (
    "command/snn", "command/pid", "command/owner", "joy", "command", "drive/snn", "drive/pid", "drive/pilot", "drive",
)  # fmt: skip
LATE = 2.0  # periods between two ticks that are counted as late
FLUSH = Duration(seconds=0.2)


class CommandGateConfig(GateConfig, JoystickConfig, WireConfig):
    """Parameters of the node."""

    rate_hz: float = Field(50.0, ge=20, le=1000, description="how often a command goes out at least (Hz)")


class CommandGateNode(Node):
    """Forwards an accepted command at once, and repeats or replaces it at a fixed rate of real time.

    The timer follows the steady clock: it goes on when the clock is set back or simulated time stands still.
    """

    def __init__(self, **node_args: Any) -> None:
        super().__init__("command_gate", **OPEN, **node_args)
        live = frozenset(GateConfig.model_fields) | frozenset(JoystickConfig.model_fields)
        self.parameters = Parameters(self, CommandGateConfig, live, self._change)
        self.config = self.parameters.config
        self.guard = Guard(self, self._emit_neutral)
        self.gate, self.drive_gate = CommandGate(self.config), DriveGate(self.config)
        self.sent: Command | None = None
        self.sent_drive: Drive | None = None
        self.late_ticks, self.ticked_s = 0, math.inf
        self.publisher = self.create_publisher(WrenchStamped, "command", COMMAND_QOS)
        self.drives = self.create_publisher(WrenchStamped, "drive", COMMAND_QOS)
        self.sources = Sources(self, self.guard)
        self._listen()
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.timer = self.create_timer(1.0 / self.config.rate_hz, self.guard(self._tick), clock=steady)
        self.diagnostics = Diagnostics(self, self.guard, self._health, TOPICS, self.sources)

    def _listen(self) -> None:
        sources, patience_s = self.sources, self.config.command_timeout_s
        for owner, topic in ((Owner.SNN, "command/snn"), (Owner.PID, "command/pid")):
            sources.subscribe(WrenchStamped, topic, self._listener(owner), COMMAND_QOS, patience_s)
        for source in ("snn", "pid", "pilot"):
            sources.subscribe(WrenchStamped, f"drive/{source}", self._drive_listener(source), COMMAND_QOS, patience_s)
        sources.subscribe(Header, "command/owner", self._on_owner, COMMAND_QOS, self.config.owner_lease_s)
        sources.subscribe(Joy, "joy", self._on_joy, SENSOR_QOS, self.config.joy_timeout_s)

    def stop(self) -> None:
        """Send the safe command, and see to it that it leaves."""
        self._emit_neutral()
        self.publisher.wait_for_all_acked(FLUSH)
        if self.drive_gate.heard:
            self.drives.wait_for_all_acked(FLUSH)

    def _change(self, config: CommandGateConfig) -> None:
        self.config = self.gate.config = config
        self.drive_gate.configure(config)

    def _listener(self, owner: Owner) -> Any:
        def on_command(message: WrenchStamped) -> None:
            if message.header.frame_id not in ("", BASE_FRAME):
                self._refuse_frame(owner, str(message.header.frame_id))
                return
            self._offer(owner, from_wrench(message, self.config.newtons_per_command))

        return on_command

    def _refuse_frame(self, owner: Owner, frame: str) -> None:
        self.gate.refuse(owner, Verdict.WRONG_FRAME)
        self.get_logger().warning(
            f"{owner.name} command refused: frame {frame[:40]!r}, expected {BASE_FRAME!r}", throttle_duration_sec=5.0
        )

    def _drive_listener(self, source: str) -> Any:
        def on_drive(message: WrenchStamped) -> None:
            frame = str(message.header.frame_id)
            if frame not in ("", BASE_FRAME):
                self.drive_gate.refuse(source, Verdict.WRONG_FRAME)
                self.get_logger().warning(
                    f"drive of {source} refused: frame {frame[:40]!r}, expected {BASE_FRAME!r}",
                    throttle_duration_sec=5.0,
                )
                return
            self._offer_drive(source, from_drive_wrench(message, self.config.newtons_per_command))

        return on_drive

    def _offer_drive(self, source: str, drive: Drive) -> None:
        if self.drive_gate.offer(source, drive, now_s(self)) is Verdict.OK:
            self._emit(repeat=False)

    def _offer(self, owner: Owner, command: Command) -> None:
        if self.gate.offer(owner, command, now_s(self)) is Verdict.OK:
            self._emit(repeat=False)

    def _on_owner(self, message: Header) -> None:
        lease = str(message.frame_id), seconds(message.stamp), now_s(self)
        self.drive_gate.lease(*lease)
        if self.gate.lease(*lease):
            self._emit(repeat=False)

    def _on_joy(self, message: Joy) -> None:
        value = joystick_command(message.axes, message.buttons, self.config)
        if value is None:
            self.gate.release()
            self.drive_gate.release()
            self._emit(repeat=False)
            return
        time_s, drive = seconds(message.header.stamp), joystick_drive(message.axes, self.config)
        self._offer(Owner.HUMAN, Command(value, time_s))
        if drive is not None:
            sound = math.isfinite(value)  # a message that is refused for one axis is refused for all
            self._offer_drive("joy", Drive(*(drive if sound else (math.nan, math.nan)), time_s))

    def _tick(self) -> None:
        now = time.perf_counter()
        self.late_ticks += now - self.ticked_s > LATE / self.config.rate_hz
        self.ticked_s = now
        self._emit(repeat=True)

    def _emit(self, repeat: bool) -> None:
        command, transition = self.gate.emit(now_s(self), time.perf_counter())
        if transition is not None:
            self.get_logger().warning(str(transition))
        if repeat or command != self.sent:
            self._publish(command)
        if self.drive_gate.heard:
            self._emit_drive(repeat)

    def _emit_drive(self, repeat: bool) -> None:
        held = self.gate.state.owner is not Owner.NEUTRAL
        drive, transition = self.drive_gate.emit(now_s(self), time.perf_counter(), held)
        if transition is not None:
            self.get_logger().info(f"drive: {transition}")
        if repeat or drive != self.sent_drive:
            self._publish_drive(drive)

    def _emit_neutral(self) -> None:
        self._publish(self.gate.neutral(now_s(self)))
        if self.drive_gate.heard:
            self._publish_drive(self.drive_gate.neutral(now_s(self)))

    def _publish(self, command: Command) -> None:
        self.sent = command
        self.publisher.publish(to_wrench(command, self.config.newtons_per_command))

    def _publish_drive(self, drive: Drive) -> None:
        self.sent_drive = drive
        self.drives.publish(to_drive_wrench(drive, self.config.newtons_per_command))

    def _health(self) -> Health:
        found = self.gate.health(now_s(self))
        return replace(found, values={**found.values, **self.drive_gate.values(), "late_ticks": self.late_ticks})


def main() -> int:
    """Run the node until SIGINT or SIGTERM."""
    return run(lambda: [CommandGateNode()])
