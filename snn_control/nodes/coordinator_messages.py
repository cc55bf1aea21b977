"""What the coordinator hears and says, between ROS messages and plain values."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import PoseWithCovarianceStamped, TwistWithCovarianceStamped, WrenchStamped
from nav_msgs.msg import Odometry
from sensor_msgs.msg import Range

from snn_control.coordination.fleet import Observation, Transform
from snn_control.coordination.journal import Event
from snn_control.coordination.lifecycle import NodeState
from snn_control.coordination.snapshot import NodeReport
from snn_core.attitude import Attitude
from snn_core.errors import ConfigError
from snn_core.nodes.wire import from_wrench, seconds, stamp
from snn_core.signals import Level

DIGITS = 6  # of a range, which is a float32


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
    """Its velocity is along the body's axes; climb is what of it is vertical."""
    turn, linear = message.pose.pose.orientation, message.twist.twist.linear
    attitude = Attitude(float(turn.x), float(turn.y), float(turn.z), float(turn.w))
    return seconds(message.header.stamp), attitude.climb_mps(float(linear.x), float(linear.y), float(linear.z))


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


def status_of(name: str, level: Level, message: str, values: dict[str, str]) -> DiagnosticStatus:
    """A status with its key-values."""
    status = DiagnosticStatus(level=bytes([int(level)]), name=name, message=message, hardware_id="snn_robotics")
    status.values = [KeyValue(key=key, value=value) for key, value in values.items()]
    return status


def event_message(event: Event) -> DiagnosticArray:
    """One change as a message, its fields as key-values."""
    values = {
        "kind": event.kind.value, "subject": event.subject, "old": event.old, "new": event.new, "cause": event.cause,
        "evidence": event.evidence, "stamp_s": f"{event.stamp_s:.6f}",
    }  # fmt: skip
    status = status_of(f"{event.kind.value} {event.subject}", event.level, str(event), values)
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
