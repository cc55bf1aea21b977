"""`coordinator`: watches every stream, chooses who may command, and asks the sensors for as much as is needed."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import PointStamped, PoseWithCovarianceStamped, TwistWithCovarianceStamped, WrenchStamped
from lifecycle_msgs.msg import State
from lifecycle_msgs.msg import Transition as TransitionMessage
from lifecycle_msgs.srv import ChangeState, GetState
from nav_msgs.msg import Odometry
from pydantic import Field
from rclpy.client import Client
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import BatteryState, Range
from std_msgs.msg import Header, String

from snn_control.coordination.contracts import Contracts, load_contracts
from snn_control.coordination.coordinator import PLACE, CoordinationConfig, Coordinator
from snn_control.coordination.fleet import Observation, Transform
from snn_control.coordination.journal import Event, Kind
from snn_control.coordination.lifecycle import NodeState, Request, Transition
from snn_control.coordination.novelty import load_novelty
from snn_control.coordination.snapshot import Decision, NodeReport, Sample, Snapshot
from snn_core.errors import ConfigError
from snn_core.nodes.diagnostics import Diagnostics
from snn_core.nodes.guard import Guard
from snn_core.nodes.parameters import OPEN, Parameters
from snn_core.nodes.process import run
from snn_core.nodes.wire import COMMAND_QOS, SENSOR_QOS, WireConfig, from_wrench, now_s, seconds, stamp
from snn_core.signals import Health, Level

TOPICS: tuple[str, ...] = (
    "range", "odom", "place", "motion", "command/snn", "command/pid", "target", "battery", "fleet/observations",
    "command/owner", "coordinator/sensing", "coordinator/events", "coordinator/mission",
)  # fmt: skip
TOLD_AT_ONCE = (Kind.SENSING, Kind.TRUST)  # changes that renew the sensors' leases before their time
SENSING_S = 0.2  # between two renewals of the sensors' leases
FLEET_S = 1.0
MOST_WAITING = 1000  # samples that may wait for a step
DIGITS = 6  # of a range, which is a float32
TRANSITIONS = {
    Transition.CONFIGURE: TransitionMessage.TRANSITION_CONFIGURE,
    Transition.ACTIVATE: TransitionMessage.TRANSITION_ACTIVATE,
}
STATES = {
    int(State.PRIMARY_STATE_UNCONFIGURED): NodeState.UNCONFIGURED,
    int(State.PRIMARY_STATE_INACTIVE): NodeState.INACTIVE,
    int(State.PRIMARY_STATE_ACTIVE): NodeState.ACTIVE,
}
FROM = {
    Transition.CONFIGURE: int(State.PRIMARY_STATE_UNCONFIGURED),
    Transition.ACTIVATE: int(State.PRIMARY_STATE_INACTIVE),
}


class CoordinatorConfig(CoordinationConfig, WireConfig):
    """Parameters of the node."""

    rate_hz: float = Field(20.0, ge=10, le=200, description="decisions per second at least (Hz)")
    streams: str = Field("", description="file of stream contracts, empty = the shipped one")
    novelty: str = Field("default", description="model of healthy flight, empty = none")
    managed: str = Field("", description="lifecycle nodes to bring up, in order, separated by spaces")
    robot: str = Field("", description="name in the fleet, empty = alone")
    frames: str = Field("{}", description='peers\' frames in JSON: {"map_b": [x_m, y_m, z_m, yaw_rad]}')


class Reader(NamedTuple):
    """How a message of a type becomes one value: its class, and (stamp, value)."""

    message_type: Any
    read: Callable[[Any, float], tuple[float, float]]


def _of_wrench(message: WrenchStamped, newtons_per_command: float) -> tuple[float, float]:
    command = from_wrench(message, newtons_per_command)
    return command.stamp_s, command.value


def _of_range(message: Range, _: float) -> tuple[float, float]:
    return seconds(message.header.stamp), round(float(message.range), DIGITS)


def _of_odometry(message: Odometry, _: float) -> tuple[float, float]:
    return seconds(message.header.stamp), float(message.twist.twist.linear.z)


def _of_twist(message: TwistWithCovarianceStamped, _: float) -> tuple[float, float]:
    return seconds(message.header.stamp), float(message.twist.twist.linear.z)


def _of_pose(message: PoseWithCovarianceStamped, _: float) -> tuple[float, float]:
    return seconds(message.header.stamp), float(message.pose.pose.position.x)


READERS = {
    "geometry_msgs/WrenchStamped": Reader(WrenchStamped, _of_wrench),
    "sensor_msgs/Range": Reader(Range, _of_range),
    "nav_msgs/Odometry": Reader(Odometry, _of_odometry),
    "geometry_msgs/TwistWithCovarianceStamped": Reader(TwistWithCovarianceStamped, _of_twist),
    "geometry_msgs/PoseWithCovarianceStamped": Reader(PoseWithCovarianceStamped, _of_pose),
}


class CoordinatorNode(Node):
    """Gathers messages, decides at a fixed rate of real time and when samples come, and publishes what follows.

    Nothing depends on it: when it is gone, the gate goes by its own ladder and the sensors by their own settings.

    Raises:
        SnnError: a parameter, a contract or the model is wrong.
    """

    def __init__(self, **node_args: Any) -> None:
        super().__init__("coordinator", **OPEN, **node_args)
        self.guard = Guard(self)
        self.parameters = Parameters(self, CoordinatorConfig, frozenset(), lambda config: None)
        self.config = self.parameters.config
        self.contracts = self._contracts()
        managed = self.config.managed.split()
        frames = read_frames(self.config.frames)
        novelty = load_novelty(self.config.novelty) if self.config.novelty else None
        self.coordinator = Coordinator(self.contracts, self.config, managed, self.config.robot, frames, novelty)
        self._waiting_for_step()
        self.stepped_s = self.stepped_steady_s = self.sensing_s = self.fleet_s = -math.inf
        self.place: PoseWithCovarianceStamped | None = None
        self.owner = self.create_publisher(Header, "command/owner", COMMAND_QOS)
        self.sensing = self.create_publisher(DiagnosticArray, "coordinator/sensing", COMMAND_QOS)
        self.events = self.create_publisher(DiagnosticArray, "coordinator/events", 100)
        self.mission = self.create_publisher(String, "coordinator/mission", COMMAND_QOS)
        self.fleet = self.create_publisher(DiagnosticArray, "fleet/observations", COMMAND_QOS)
        self._listen()
        self.changers = {name: self.create_client(ChangeState, f"{name}/change_state") for name in managed}
        self.looking: dict[str, tuple[Request, Any]] = {}  # nodes that were asked where they are
        self.lookers = {name: self.create_client(GetState, f"{name}/get_state") for name in managed}
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.timer = self.create_timer(1.0 / self.config.rate_hz, self.guard(self._on_timer), clock=steady)
        inputs = ("range", "command/snn", "command/pid", "command/owner", "coordinator/sensing")
        self.diagnostics = Diagnostics(self, self.guard, self._health, inputs)

    def _contracts(self) -> Contracts:
        contracts = load_contracts(Path(self.config.streams) if self.config.streams else None)
        for name, contract in contracts.items():
            if contract.type not in READERS:
                raise ConfigError(f"{self.get_name()}: stream {name}: expected a type of {', '.join(READERS)}, "
                                  f"found {contract.type}")  # fmt: skip
        return contracts

    def _waiting_for_step(self) -> None:
        self.samples: list[Sample] = []
        self.reports: list[NodeReport] = []
        self.observations: list[Observation] = []
        self.target_m: float | None = None
        self.battery: float | None = None

    def _listen(self) -> None:
        for name, contract in self.contracts.items():
            reader = READERS[contract.type]
            self.create_subscription(reader.message_type, contract.topic, self._sampler(name, reader), SENSOR_QOS)
        self.create_subscription(PointStamped, "target", self.guard(self._on_target), COMMAND_QOS)
        self.create_subscription(BatteryState, "battery", self.guard(self._on_battery), SENSOR_QOS)
        self.create_subscription(DiagnosticArray, "/diagnostics", self.guard(self._on_diagnostics), 50)
        self.create_subscription(DiagnosticArray, "fleet/observations", self.guard(self._on_fleet), SENSOR_QOS)

    def stop(self) -> None:
        """Nothing to make safe: leases run out."""

    def _sampler(self, name: str, reader: Reader) -> Any:
        def on_message(message: Any) -> None:
            stamp_s, value = reader.read(message, self.config.newtons_per_command)
            if len(self.samples) < MOST_WAITING:
                self.samples.append(Sample(name, stamp_s, value))
            if name == PLACE:
                self.place = message
            self._step_if_due()

        return self.guard(on_message)

    def _on_target(self, message: PointStamped) -> None:
        self.target_m = float(message.point.z)

    def _on_battery(self, message: BatteryState) -> None:
        self.battery = float(message.percentage)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        if len(self.reports) < MOST_WAITING:
            self.reports += [report_of(status) for status in message.status]

    def _on_fleet(self, message: DiagnosticArray) -> None:
        if len(self.observations) < MOST_WAITING:
            found = (observation_of(status, seconds(message.header.stamp)) for status in message.status)
            self.observations += [seen for seen in found if seen is not None and seen.robot != self.config.robot]

    def _step_if_due(self) -> None:
        """Follow simulated time where it runs faster than the timer."""
        time_s = now_s(self)
        if not 0.0 <= time_s - self.stepped_s < 0.9 / self.config.rate_hz:
            self._step(time_s)

    def _on_timer(self) -> None:
        """Go on when nothing comes; simulated time that stands still is no trouble."""
        if time.monotonic() - self.stepped_steady_s >= 0.9 / self.config.rate_hz:
            self._step(now_s(self))

    def _step(self, time_s: float) -> None:
        if time_s <= 0.0:  # use_sim_time, and nobody has told the time yet
            return
        self.stepped_s, self.stepped_steady_s = time_s, time.monotonic()
        snapshot = Snapshot(time_s, self.samples, self.target_m, self.reports, self.observations, self.battery)
        self._waiting_for_step()
        decision = self.coordinator.step(snapshot)
        self._publish(decision, time_s)

    def _publish(self, decision: Decision, time_s: float) -> None:
        if decision.owner is not None:
            self.owner.publish(Header(stamp=stamp(time_s), frame_id=decision.owner))
        for event in decision.events:
            self._tell(event)
        for request in decision.requests:
            self._ask(request)
        if self.looking:
            self._change_states()
        steady_s = time.monotonic()
        if steady_s - self.sensing_s >= SENSING_S or any(event.kind in TOLD_AT_ONCE for event in decision.events):
            self.sensing_s = steady_s
            self.sensing.publish(self._sensing_message(time_s))
            self.mission.publish(String(data=self.coordinator.mission))
        if self.config.robot and steady_s - self.fleet_s >= FLEET_S:
            self.fleet_s = steady_s
            self._share(time_s)

    def _tell(self, event: Event) -> None:
        if event.level is Level.OK:  # one line of code may log at one level only
            self.get_logger().info(str(event))
        else:
            self.get_logger().warning(str(event))
        self.events.publish(event_message(event))

    def _ask(self, request: Request) -> None:
        """Look first: a transition that does not fit the state of a node is an error inside that node."""
        looker: Client = self.lookers[request.node]
        if looker.service_is_ready() and self.changers[request.node].service_is_ready():
            self.looking[request.node] = (request, looker.call_async(GetState.Request()))

    def _change_states(self) -> None:
        """The transitions of those nodes that have answered where they are."""
        for request, future in [found for found in self.looking.values() if found[1].done()]:
            del self.looking[request.node]
            answer = future.result()
            state = int(answer.current_state.id) if answer is not None else -1
            if state in STATES:
                self.reports.append(NodeReport(request.node, Level.OK, STATES[state], {}))
            if state == FROM[request.transition]:
                message = ChangeState.Request()
                message.transition.id = int(TRANSITIONS[request.transition])
                self.changers[request.node].call_async(message)

    def _sensing_message(self, time_s: float) -> DiagnosticArray:
        message = DiagnosticArray()
        message.header.stamp = stamp(time_s)
        for name, health, order in self.coordinator.sensing(time_s):
            values = {**order.to_values(), **{key: str(value) for key, value in health.values.items()}}
            message.status.append(_status(name, health.level, health.message, values))
        return message

    def _share(self, time_s: float) -> None:
        """Tell the fleet where this robot believes to be, while it trusts that."""
        trust = self.coordinator.trusts.get(PLACE)
        if self.place is None or trust is None or not trust.usable:
            return
        pose = self.place.pose.pose.position
        values = {
            "kind": "pose", "frame": self.place.header.frame_id, "x_m": f"{float(pose.x):.6g}",
            "y_m": f"{float(pose.y):.6g}", "z_m": f"{float(pose.z):.6g}", "trust": f"{trust.value:.3f}",
            "stddev_m": f"{math.sqrt(max(1e-6, float(self.place.pose.covariance[0]))):.6g}",
        }  # fmt: skip
        message = DiagnosticArray(status=[_status(self.config.robot, Level.OK, "pose", values)])
        message.header.stamp = self.place.header.stamp
        self.fleet.publish(message)

    def _health(self) -> Health:
        return self.coordinator.health()


def _status(name: str, level: Level, message: str, values: dict[str, str]) -> DiagnosticStatus:
    status = DiagnosticStatus(level=bytes([int(level)]), name=name, message=message, hardware_id="snn_robotics")
    status.values = [KeyValue(key=key, value=value) for key, value in values.items()]
    return status


def event_message(event: Event) -> DiagnosticArray:
    """One change as a message, its fields as key-values."""
    values = {
        "kind": event.kind.value, "subject": event.subject, "old": event.old, "new": event.new, "cause": event.cause,
        "evidence": event.evidence, "stamp_s": f"{event.stamp_s:.6f}",
    }  # fmt: skip
    status = _status(f"{event.kind.value} {event.subject}", event.level, str(event), values)
    message = DiagnosticArray(status=[status])
    message.header.stamp = stamp(event.stamp_s)
    return message


def report_of(status: DiagnosticStatus) -> NodeReport:
    """A node's status as plain values: those of its key-values that are numbers."""
    values, process = {}, ""
    for pair in status.values:
        if pair.key == "process":
            process = str(pair.value)
        try:
            values[str(pair.key)] = float(pair.value)
        except ValueError:
            continue
    level = Level(min(3, status.level[0]))
    state = NodeState.ACTIVE
    if level is Level.STALE:
        state = NodeState.INACTIVE if "inactive" in status.message else NodeState.UNCONFIGURED
    return NodeReport(str(status.name).rsplit("/", 1)[-1], level, state, values, process)


def observation_of(status: DiagnosticStatus, stamp_s: float) -> Observation | None:
    """What a peer says, or None where it is no observation."""
    values = {str(pair.key): str(pair.value) for pair in status.values}
    try:
        numbers = [float(values[key]) for key in ("x_m", "y_m", "z_m", "stddev_m", "trust")]
        return Observation(str(status.name), values["kind"], stamp_s, values["frame"], *numbers)
    except (KeyError, ValueError):
        return None


def read_frames(text: str) -> dict[str, Transform]:
    """The frames of peers: name -> transform into the local frame.

    Raises:
        ConfigError: the text is something else.
    """
    try:
        values = json.loads(text)
        return {str(name): Transform(*(float(value) for value in numbers)) for name, numbers in values.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise ConfigError(f'frames: expected {{"name": [x_m, y_m, z_m, yaw_rad]}}, found {text!r} ({error})') from None


def main() -> int:
    """Run the node until SIGINT or SIGTERM."""
    return run(lambda: [CoordinatorNode()])
