"""Event motion as a node: clouds of events over DDS, and packets that are none."""

import array

import numpy as np
import pytest
from geometry_msgs.msg import TwistWithCovarianceStamped
from sensor_msgs.msg import PointCloud2, PointField

from ros_bench import diagnostics
from snn_core.nodes.wire import stamp
from snn_perception.events.point_clouds import FIELDS, STEP, cloud_bytes
from snn_perception.motion.motion_trials import moving
from snn_perception.nodes.event_motion import EventMotionNode

pytestmark = pytest.mark.ros


def cloud(batch, **changes):
    message = PointCloud2(width=len(batch), height=1, point_step=STEP, row_step=STEP * len(batch))
    first_us = int(batch.t_us[0])
    message.header.stamp = stamp(first_us * 1e-6)
    message.fields = [PointField(name=n, offset=o, datatype=k, count=1) for n, o, k in FIELDS]
    message.data = array.array("B", cloud_bytes(batch, first_us))
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def test_motion_over_dds_and_bad_clouds(bench):
    trial = moving(np.random.default_rng(4), 0.0, 100.0, 14.0)
    heard = bench.listen("motion", TwistWithCovarianceStamped)
    reports = diagnostics(bench)
    node = bench.make(
        EventMotionNode, use_sim_time=False, width=64, height=64, focal_px=100.0, rate_hz=20.0, max_latency_ms=1000.0
    )
    for part in np.array_split(np.arange(len(trial.batch)), 10):
        bench.publish("events/points", cloud(trial.batch.take(part)))
    bench.until(lambda: heard, "a motion")
    twist = heard[-1][1].twist.twist
    assert 0.5 < twist.linear.x < 2.0
    assert abs(twist.linear.y) < 0.5 * twist.linear.x
    bench.publish("events/points", cloud(trial.batch, width=10**6))
    bench.until(lambda: node.loop.counts["bad_packet"] == 1, "the refusal")
    _, _, values = bench.diagnosis("event_motion", reports, lambda status: "bad_packet" in str(status.values))
    assert int(values["packets"]) == 10
    assert node.guard.errors == 0
