"""The world as a node: time, lock step, services, and motors that stop by themselves."""

import pytest
from geometry_msgs.msg import PointStamped
from nav_msgs.msg import Odometry
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Range
from std_srvs.srv import SetBool, Trigger

from ros_bench import wrench_at
from sim_worlds.nodes.blimp_world import BlimpWorldNode
from snn_core.nodes.wire import seconds

pytestmark = pytest.mark.ros


def world(bench, **parameters):
    return bench.make(BlimpWorldNode, use_sim_time=False, **{"paused": True, "patience_s": 10.0, **parameters})


def follow(bench, commands):
    """Answer every reading with the next command, computed at the time of the reading."""
    answers = iter(commands)

    def on_range(message):
        command = next(answers, None)
        if command is not None:
            bench.publishers["command"].publish(wrench_at(seconds(message.header.stamp), command))

    bench.publish("command", wrench_at(0.0, 0.0))
    bench.node.create_subscription(Range, "range", on_range, 10)


def test_lock_step_advances_one_period_per_answer(bench):
    node = world(bench, real_time_factor=0.0)
    clocks, ranges = bench.listen("/clock", Clock), bench.listen("range", Range)
    follow(bench, [0.0] * 30)
    bench.until(lambda: node.range.get_subscription_count() == 2, "the listeners")
    node.pause(False)
    bench.until(lambda: len(ranges) == 31, "31 readings")
    bench.spin()
    assert node.flight.steps == 30
    stamps = [seconds(message.header.stamp) for _, message in ranges]
    assert stamps == pytest.approx([1.0 + 0.1 * k for k in range(31)])
    assert [seconds(message.clock) for _, message in clocks] == pytest.approx(stamps)
    first = ranges[0][1]
    assert (first.header.frame_id, first.min_range, first.max_range) == ("range_link", 0.0, 12.0)
    assert first.range == pytest.approx(0.5, abs=0.02)


def test_a_dead_controller_does_not_freeze_the_world_and_its_motors_stop(bench):
    odometry = bench.listen("odom", Odometry)
    node = world(bench, real_time_factor=0.0, patience_s=0.05, start_height_m=5.0)
    steps = []
    node.on_step = steps.append
    follow(bench, [10.0] * 10)
    bench.until(lambda: node.range.get_subscription_count() == 1, "the listener")
    node.pause(False)
    bench.until(lambda: len(steps) >= 20, "20 periods")
    assert [step.command for step in steps[:20]] == [10.0] * 11 + [0.0] * 9  # 0.2 s from the last stamp, then nothing
    assert node.unanswered >= 9
    bench.until(lambda: odometry and odometry[-1][1].pose.pose.position.z > 5.0, "odometry")
    assert odometry[-1][1].child_frame_id == "base_link"


def test_real_time_flies_on_its_own(bench):
    ranges = bench.listen("range", Range)
    world(bench, real_time_factor=20.0, paused=False)
    bench.until(lambda: len(ranges) >= 20, "20 readings")


def test_pause_and_reset(bench):
    node = world(bench, real_time_factor=50.0, paused=False, buoyancy_mps2=-0.5, start_height_m=3.0)
    bench.until(lambda: node.flight.height_m < 2.5, "the blimp to sink")
    assert bench.call(SetBool, "pause", SetBool.Request(data=True)).message == "paused"
    ticks = node.flight.ticks
    bench.spin(40)
    assert node.flight.ticks == ticks
    answer = bench.call(Trigger, "reset", Trigger.Request())
    assert (answer.success, node.flight.height_m, node.flight.climb_mps) == (True, 3.0, 0.0)
    assert bench.call(SetBool, "pause", SetBool.Request(data=False)).message == "flying"
    bench.until(lambda: node.flight.ticks > ticks, "time to go on")


def test_a_trial_publishes_its_targets(bench):
    targets = bench.listen("target", PointStamped)
    node = world(bench, real_time_factor=0.0, patience_s=0.01, trial="step")
    bench.until(lambda: node.target.get_subscription_count() == 1, "the listener")
    node.flight.steps = 695
    node.pause(False)
    bench.until(lambda: len(targets) >= 10, "targets")
    assert [message.point.z for _, message in targets[:10]] == [0.5] * 5 + [1.5] * 5
