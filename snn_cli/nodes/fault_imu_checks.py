"""Cases of an IMU that says how little it knows, checked on real nodes that take one."""

from sensor_msgs.msg import Imu

from snn_cli.faults.case import Check, need
from snn_cli.nodes.fault_desk import T0_S, Desk
from snn_control.nodes.route_follower import RouteFollowerNode
from snn_core.nodes.wire import stamp
from snn_core.signals import Level
from snn_perception.nodes.ground_velocity import GroundVelocityNode

KNOWN_NOT = -1.0  # first element of a covariance: the message has no estimate of this (sensor_msgs/Imu)
TURNING_RADPS = 0.3


def imu_message(time_s: float, covariance: float = 0.0) -> Imu:
    """Turning rates; a covariance of zeros is unknown, which is no reason not to believe them."""
    message = Imu()
    message.header.stamp = stamp(time_s)
    message.angular_velocity.y = message.angular_velocity.z = TURNING_RADPS
    message.angular_velocity_covariance[0] = covariance
    return message


def imu_covariance() -> str:
    seen = []
    for node in (GroundVelocityNode, RouteFollowerNode):
        with Desk(node) as desk:
            for k, covariance in enumerate((0.0, 0.0, KNOWN_NOT)):
                desk.set_time(T0_S + 0.1 * k)
                desk.put("imu", imu_message(T0_S + 0.1 * k, covariance))
            level, text, values = desk.diagnose()
            need(values.get("imu_ok") == "2", f"{values.get('imu_ok')} rates of unknown covariance used, 2 expected")
            need(values.get("imu_non_finite") == "1", "a rate that the message says it does not have was used")
            need(level >= Level.WARN and "imu" in text, f"{level.name} {text}")
            seen.append(f"{desk.node.get_name()}: {level.name}, imu refused, non_finite")
    return "; ".join(seen)


IMU_CHECKS: dict[int, Check] = {33: imu_covariance}
