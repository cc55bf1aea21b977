"""Between ROS messages and plain values: times, thrust commands, and the qualities of service in use."""

import math

from builtin_interfaces.msg import Time
from geometry_msgs.msg import WrenchStamped
from pydantic import Field
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

from snn_core.config import Config
from snn_core.frames import BASE_FRAME
from snn_core.signals import NEWTONS_PER_COMMAND, Command, Drive

SENSOR_QOS = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)  # hears reliable publishers too
COMMAND_QOS = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
DIGITS = 9  # of a command; takes back what multiplying and dividing does to the last bits


class WireConfig(Config):
    """How a command becomes a force; the same value in every node of a robot."""

    newtons_per_command: float = Field(
        NEWTONS_PER_COMMAND,
        ge=1e-6,
        le=10000,
        description="vertical force of one command unit, a tenth of full thrust (N)",
    )


def now_s(node: Node) -> float:
    """The node's time, simulated where it uses simulated time; 0 before the first /clock. A stamp's number is alike."""
    return _seconds(*divmod(int(node.get_clock().now().nanoseconds), 1_000_000_000))


def seconds(time: Time) -> float:
    """A stamp as a number; made a stamp again it keeps its nanoseconds, if it was made of a number."""
    return _seconds(int(time.sec), int(time.nanosec))


def _seconds(whole: int, nanoseconds: int) -> float:
    return float(whole) + float(nanoseconds) * 1e-9


def stamp(time_s: float) -> Time:
    """A number of seconds, not negative, as a stamp."""
    nanoseconds = round(time_s * 1e9)
    return Time(sec=int(nanoseconds // 1_000_000_000), nanosec=int(nanoseconds % 1_000_000_000))


def to_wrench(command: Command, newtons_per_command: float) -> WrenchStamped:
    """A command as thrust along the body's z axis."""
    message = WrenchStamped()
    message.header.stamp = stamp(command.stamp_s)
    message.header.frame_id = BASE_FRAME
    message.wrench.force.z = float(command.value * newtons_per_command)
    return message


def from_wrench(message: WrenchStamped, newtons_per_command: float) -> Command:
    """The command that a thrust stands for; a thrust that is not finite stays so, for the receiver to refuse."""
    return Command(_command(message.wrench.force.z, newtons_per_command), seconds(message.header.stamp))


def to_drive_wrench(drive: Drive, newtons_per_command: float) -> WrenchStamped:
    """A drive as thrust along the body's x axis and moment about its z axis, in the same unit."""
    message = WrenchStamped()
    message.header.stamp = stamp(drive.stamp_s)
    message.header.frame_id = BASE_FRAME
    message.wrench.force.x = float(drive.ahead * newtons_per_command)
    message.wrench.torque.z = float(drive.turn * newtons_per_command)
    return message


def from_drive_wrench(message: WrenchStamped, newtons_per_command: float) -> Drive:
    """The drive that thrust ahead and moment to the left stand for; what is not finite stays so."""
    ahead, turn = (_command(x, newtons_per_command) for x in (message.wrench.force.x, message.wrench.torque.z))
    return Drive(ahead, turn, seconds(message.header.stamp))


def _command(newtons: float, newtons_per_command: float) -> float:
    value = float(newtons) / newtons_per_command
    return round(value, DIGITS) if math.isfinite(value) else value
