"""`command_gate`: the last hop before the actuator. Forwards the fittest controller's command, or neutral."""

from typing import Any

from geometry_msgs.msg import WrenchStamped
from pydantic import Field
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.node import Node

from snn_control.command_gate import CommandGate, GateConfig, Owner
from snn_core.nodes.diagnostics import Diagnostics
from snn_core.nodes.guard import Guard
from snn_core.nodes.parameters import OPEN, Parameters
from snn_core.nodes.process import run
from snn_core.nodes.wire import COMMAND_QOS, WireConfig, from_wrench, now_s, to_wrench
from snn_core.signals import Command, Health, Verdict

TOPICS: tuple[str, ...] = ("command/snn", "command/pid", "command")
FLUSH = Duration(seconds=0.2)


class CommandGateConfig(GateConfig, WireConfig):
    """Parameters of the node."""

    rate_hz: float = Field(50.0, ge=20, le=1000, description="how often a command goes out at least (Hz)")


class CommandGateNode(Node):
    """Forwards an accepted command at once, and repeats or replaces it at a fixed rate of real time.

    The timer follows the steady clock: it goes on when the clock is set back or simulated time stands still.
    """

    def __init__(self, **node_args: Any) -> None:
        super().__init__("command_gate", **OPEN, **node_args)
        live = frozenset(GateConfig.model_fields)
        self.parameters = Parameters(self, CommandGateConfig, live, self._change)
        self.config = self.parameters.config
        self.guard = Guard(self, self._emit_neutral)
        self.gate = CommandGate(self.config)
        self.sent: Command | None = None
        self.publisher = self.create_publisher(WrenchStamped, "command", COMMAND_QOS)
        for owner, topic in ((Owner.SNN, "command/snn"), (Owner.PID, "command/pid")):
            self.create_subscription(WrenchStamped, topic, self._listener(owner), COMMAND_QOS)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.timer = self.create_timer(1.0 / self.config.rate_hz, self.guard(self._tick), clock=steady)
        self.diagnostics = Diagnostics(self, self.guard, self._health, ("command/snn", "command/pid", "command"))

    def stop(self) -> None:
        """Send the safe command, and see to it that it leaves."""
        self._emit_neutral()
        self.publisher.wait_for_all_acked(FLUSH)

    def _change(self, config: CommandGateConfig) -> None:
        self.gate.config = config

    def _listener(self, owner: Owner) -> Any:
        def on_command(message: WrenchStamped) -> None:
            command = from_wrench(message, self.config.newtons_per_command)
            if self.gate.offer(owner, command, now_s(self)) is Verdict.OK:
                self._emit(repeat=False)

        return self.guard(on_command)

    def _tick(self) -> None:
        self._emit(repeat=True)

    def _emit(self, repeat: bool) -> None:
        command, transition = self.gate.emit(now_s(self))
        if transition is not None:
            self.get_logger().warning(str(transition))
        if repeat or command != self.sent:
            self._publish(command)

    def _emit_neutral(self) -> None:
        self._publish(self.gate.neutral(now_s(self)))

    def _publish(self, command: Command) -> None:
        self.sent = command
        self.publisher.publish(to_wrench(command, self.config.newtons_per_command))

    def _health(self) -> Health:
        return self.gate.health(now_s(self))


def main() -> int:
    """Run the node until SIGINT or SIGTERM."""
    return run(lambda: [CommandGateNode()])
