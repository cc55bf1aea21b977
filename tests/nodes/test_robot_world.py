"""The whole robot as a node: lock step, every sensor, services, faults."""

import sys

import numpy as np
import pytest
from nav_msgs.msg import Odometry
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, Imu, PointCloud2, Range
from std_srvs.srv import SetBool, Trigger

from ros_bench import wrench_at
from sim_worlds.nodes.robot_world import RobotWorldNode
from snn_core.nodes.wire import seconds
from snn_perception.events.decoders import EventDecoder
from snn_perception.events.point_clouds import cloud_events
from snn_perception.nodes.event_messages import packet_of, points_of

pytestmark = pytest.mark.ros
SMALL = {"scene": "hall", "width": 32, "height": 24, "event_width": 32, "event_height": 24, "paused": True}


def world(bench, **parameters):
    return bench.make(RobotWorldNode, use_sim_time=False, **{**SMALL, "patience_s": 10.0, **parameters})


def test_step_publishes_every_sensor_of_one_instant(bench):
    kinds = {"range": Range, "image": Image, "camera_info": CameraInfo, "imu": Imu, "odom": Odometry,
             "events/points": PointCloud2, "events/camera_info": CameraInfo, "/clock": Clock}  # fmt: skip
    heard = {topic: bench.listen(topic, kind) for topic, kind in kinds.items()}
    node = world(bench, event_width=48)
    bench.until(lambda: node.range.get_subscription_count() == 1, "the listener")
    assert bench.call(Trigger, "step", Trigger.Request()).success
    bench.until(lambda: all(heard.values()), "all sensors")
    range_, image, info, imu = (heard[topic][0][1] for topic in ("range", "image", "camera_info", "imu"))
    assert seconds(range_.header.stamp) == pytest.approx(1.1)
    assert range_.range == pytest.approx(1.6, abs=0.05)
    assert (image.width, image.height, image.encoding, len(image.data)) == (32, 24, "mono8", 32 * 24)
    assert np.std(image.data) > 5.0
    events_info = heard["events/camera_info"][0][1]
    assert info.k[0] == pytest.approx(16 / np.tan(0.6))
    assert (events_info.width, events_info.height, events_info.k[0]) == (48, 24, pytest.approx(24 / np.tan(0.6)))
    assert imu.linear_acceleration.z == pytest.approx(9.81, abs=0.3)
    assert seconds(heard["/clock"][0][1].clock) == pytest.approx(1.1)


def test_events_come_as_packets_too_where_their_message_is_installed(bench, packet_type):
    clouds, packets = bench.listen("events/points", PointCloud2), bench.listen("events", packet_type)
    node = world(bench)
    bench.until(lambda: node.packets.get_subscription_count() == 1, "the listener")
    for _ in range(4):
        bench.call(Trigger, "step", Trigger.Request())
    bench.until(lambda: len(packets) == len(clouds) == 4, "events")
    decoder = EventDecoder()
    for (_, cloud), (_, packet) in zip(clouds, packets, strict=True):
        told = decoder.decode(packet_of(packet))
        points, outside = cloud_events(points_of(cloud), 32, 24)
        assert outside == 0
        for name in ("x", "y", "t_us", "on"):
            assert np.array_equal(getattr(told, name), getattr(points, name))
    assert sum(cloud.width for _, cloud in clouds) > 20
    assert decoder.counts == {}


def test_without_that_message_events_come_as_points(bench, monkeypatch):
    monkeypatch.setitem(sys.modules, "event_camera_msgs.msg", None)
    clouds, node = bench.listen("events/points", PointCloud2), world(bench)
    assert node.packets is None
    bench.call(Trigger, "step", Trigger.Request())
    bench.until(lambda: clouds, "points")


def answered(bench, command, periods=15):
    """Fly in lock step, answering every range with a command; heights by the odometry."""
    node = world(bench, real_time_factor=0.0)
    ranges, odometry = bench.listen("range", Range), bench.listen("odom", Odometry)
    bench.publish("command", wrench_at(0.0, 0.0))
    bench.node.create_subscription(
        Range, "range", lambda m: bench.publishers["command"].publish(wrench_at(seconds(m.header.stamp), command)), 10
    )
    bench.until(lambda: node.range.get_subscription_count() == 2, "the listeners")
    bench.call(Trigger, "step", Trigger.Request())
    node.pause(False)
    bench.publishers["command"].publish(wrench_at(node.flight.now_s, command))
    bench.until(lambda: len(odometry) > periods, f"{periods} periods")
    node.pause(True)
    return node, [message.pose.pose.position.z for _, message in odometry][:periods], ranges


def test_lock_step_flies_the_same_flight_again_and_up_is_up(bench):
    node, up, _ = answered(bench, 8.0)
    assert up[-1] > up[0] + 0.1
    assert node.unanswered == 0


def test_faults_break_what_they_name(bench):
    clouds, ranges = bench.listen("events/points", PointCloud2), bench.listen("range", Range)
    node = world(bench)
    node.set_parameters([Parameter("lose_range", value=True), Parameter("silent_events", value=True)])
    for _ in range(3):
        bench.call(Trigger, "step", Trigger.Request())
    bench.until(lambda: len(clouds) == 3, "clouds")
    assert [cloud.width for _, cloud in clouds] == [0, 0, 0]
    assert ranges == []


def test_reset_and_a_step_that_is_refused(bench):
    node = world(bench, real_time_factor=50.0, buoyancy_mps2=-0.5)
    bench.call(SetBool, "pause", SetBool.Request(data=False))
    assert not bench.call(Trigger, "step", Trigger.Request()).success
    bench.until(lambda: node.flight.robot.truth().position_m[2] < 1.5, "the blimp to sink")
    bench.call(SetBool, "pause", SetBool.Request(data=True))
    ticks = node.flight.ticks
    bench.call(Trigger, "reset", Trigger.Request())
    assert node.flight.robot.truth().position_m[2] == pytest.approx(1.6)
    assert node.flight.ticks == ticks
