"""Speed of the whole graph in lock step: world, both controllers, gate, places and event motion in one process."""

import os
import time

from benchmarks.row import Row, throughput

PERIODS, DISCOVERY_S, LONGEST_S = 100, 6.0, 120.0


def graph() -> list[Row]:
    """Simulated seconds per second over DDS, every command waited for; the peer is the goal."""
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "OFF"
    import rclpy
    from geometry_msgs.msg import PointStamped
    from rclpy.parameter import Parameter

    from sim_worlds.nodes.robot_world import RobotWorldNode
    from snn_control.nodes.altitude_controller import AltitudeControllerNode
    from snn_control.nodes.command_gate import CommandGateNode
    from snn_control.nodes.pid_controller import PidControllerNode
    from snn_core.nodes.process import make_executor
    from snn_core.nodes.wire import stamp
    from snn_perception.nodes.event_motion import EventMotionNode
    from snn_perception.nodes.place_recognizer import PlaceRecognizerNode

    def settings(**values: object) -> dict:
        overrides = [Parameter(name, value=value) for name, value in values.items()]
        return {"use_global_arguments": False, "parameter_overrides": overrides}

    rclpy.init()
    world = RobotWorldNode(**settings(real_time_factor=0.0, patience_s=5.0, paused=True, use_sim_time=False))
    kinds = (AltitudeControllerNode, PidControllerNode, CommandGateNode, PlaceRecognizerNode)
    nodes = [world, *(kind(**settings(use_sim_time=True)) for kind in kinds)]
    nodes.append(EventMotionNode(**settings(use_sim_time=True, width=96, height=72)))
    pilot = rclpy.create_node("pilot")
    target = pilot.create_publisher(PointStamped, "target", 10)
    executor = make_executor(rclpy.get_default_context())
    for node in (*nodes, pilot):
        executor.add_node(node)

    def ask() -> None:
        message = PointStamped()
        message.header.stamp, message.point.z = stamp(world.flight.now_s), 1.8
        target.publish(message)

    began = time.perf_counter()
    while time.perf_counter() - began < DISCOVERY_S:
        ask()
        executor.spin_once(timeout_sec=0.05)
    world._advance()
    world.pause(False)
    first, began = world.flight.ticks, time.perf_counter()
    while world.flight.ticks < first + PERIODS and time.perf_counter() - began < LONGEST_S:
        executor.spin_once(timeout_sec=1.0)
    flown_s = (world.flight.ticks - first) * world.parameters.config.dt_s
    rate = flown_s / (time.perf_counter() - began)
    executor.shutdown()
    rclpy.shutdown()
    return [throughput("whole graph in lock step, six nodes", rate, "s/s", "goal", 2.0)]
