"""The node around an altitude loop; its two users differ in the controller that they build."""

from abc import abstractmethod
from typing import Any, Generic, TypeVar

from geometry_msgs.msg import PointStamped, WrenchStamped
from pydantic import Field
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from sensor_msgs.msg import Range

from snn_control.altitude_loop import AltitudeLoop, LoopConfig
from snn_control.controllers import Controller
from snn_core.errors import SnnError
from snn_core.nodes.diagnostics import Diagnostics
from snn_core.nodes.guard import Guard
from snn_core.nodes.parameters import OPEN, Parameters
from snn_core.nodes.sensing_listener import SensingListener
from snn_core.nodes.sources import Sources
from snn_core.nodes.wire import COMMAND_QOS, SENSOR_QOS, WireConfig, now_s, seconds, to_wrench
from snn_core.sensing import SensingOrder
from snn_core.signals import AltitudeReading, Command, Health, Level, Verdict

DIGITS = 6  # of a range, which is a float32; gives back the number that was sent
LIVE = frozenset(LoopConfig.model_fields) - {"dt_s"}


class AltitudeNodeConfig(LoopConfig, WireConfig):
    """What both altitude controllers are told."""

    range_frame: str = Field("", description="frame that ranges must be in, empty = any")
    autostart: bool = Field(True, description="configure and activate at the start, without a lifecycle manager")


C = TypeVar("C", bound=AltitudeNodeConfig)


class AltitudeNode(LifecycleNode, Generic[C]):
    """Lifecycle node: `range` and `target` in, commands out while active.

    Raises:
        SnnError: a parameter is wrong, or autostart is on and the controller cannot be built.
    """

    def __init__(self, name: str, config_type: type[C], output: str, live: frozenset[str], **node_args: Any) -> None:
        super().__init__(name, **OPEN, **node_args)
        self.guard = Guard(self)
        self.loop: AltitudeLoop | None = None
        self.active = False
        self.refusal = ""
        self.parameters: Parameters[C] = Parameters(self, config_type, live, self.change)
        self.publisher = self.create_publisher(WrenchStamped, output, COMMAND_QOS)
        self.create_subscription(PointStamped, "target", self.guard(self._on_target), COMMAND_QOS)
        self.sources = Sources(self, self.guard)
        patience_s = self.parameters.config.max_reading_age_s
        self.sources.subscribe(Range, "range", self._on_range, SENSOR_QOS, patience_s)
        self.sensing = SensingListener(self, self.guard, "range", self._on_range_order)
        self.speaking = SensingListener(self, self.guard, output, self._on_own_order)
        self.timer = self.create_timer(self.parameters.config.dt_s, self.guard(self._on_tick))
        self.hold_timer = self.create_timer(0.5 * self.parameters.config.dt_s, self.guard(self._on_hold))
        self.diagnostics = Diagnostics(self, self.guard, self._health, ("range", "target"), self.sources)
        if self.parameters.config.autostart:
            self._start()

    @abstractmethod
    def build(self, config: C) -> Controller:
        """The controller that this node flies with."""

    def _start(self) -> None:
        if self.trigger_configure() is not TransitionCallbackReturn.SUCCESS:
            raise SnnError(self.refusal)
        self.trigger_activate()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Build the controller; where that is impossible, say why and stay unconfigured."""
        try:
            self.loop = AltitudeLoop(self.parameters.config, self.build(self.parameters.config))
        except (SnnError, OSError) as error:
            self.refusal = f"{self.get_name()}: {error}"
            self.get_logger().error(self.refusal)
            return TransitionCallbackReturn.FAILURE
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        if self.loop is not None:
            self.loop.reset()
            self._on_range_order(self.sensing.order)
            self._on_own_order(self.speaking.order)
        self.active = True
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Fall silent: the gate hands over to the next controller when the newest command is stale."""
        self.active = False
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.loop = None
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.active, self.loop = False, None
        return super().on_shutdown(state)

    def stop(self) -> None:
        """Fall silent."""
        self.active = False

    def change(self, config: C) -> None:
        """Take over new settings in flight."""
        if self.loop is not None:
            self.loop.configure(config)

    def _on_target(self, message: PointStamped) -> None:
        if self.loop is not None and not self.loop.take_target(float(message.point.z), now_s(self)):
            self.get_logger().warning(
                f"target {float(message.point.z)} m refused, the one before is kept", throttle_duration_sec=5.0
            )

    def _on_range(self, message: Range) -> None:
        if self.loop is None or not self.active:
            return
        frame, expected = str(message.header.frame_id), self.parameters.config.range_frame
        if expected and frame != expected:
            self.loop.check.refuse(Verdict.WRONG_FRAME, f"range in frame '{frame[:40]}', expected '{expected}'")
            return
        limits = float(message.min_range), float(message.max_range)
        reading = AltitudeReading(round(float(message.range), DIGITS), seconds(message.header.stamp), *limits)
        self._publish(self.loop.take_reading(reading, now_s(self)))

    def _on_hold(self) -> None:
        """A reading may be late."""
        if self.loop is not None and self.active:
            self._publish(self.loop.hold(now_s(self)))

    def _on_tick(self) -> None:
        """A control period began; while the sensor sleeps by order, nothing else tells."""
        if self.loop is not None and self.active:
            self._publish(self.loop.take_tick(now_s(self)))

    def _on_range_order(self, order: SensingOrder | None) -> None:
        if self.loop is not None:
            self.loop.bridge.ask(order.rate_hz if order is not None else None)

    def _on_own_order(self, order: SensingOrder | None) -> None:
        if self.loop is not None:
            self.loop.controller.ask(order.parts if order is not None else "")

    def _publish(self, command: Command | None) -> None:
        if command is not None:
            self.publisher.publish(to_wrench(command, self.parameters.config.newtons_per_command))

    def _health(self) -> Health:
        if self.loop is None or not self.active:
            return Health(Level.STALE, "inactive" if self.loop else f"not configured {self.refusal}".strip())
        return self.loop.health(now_s(self))
