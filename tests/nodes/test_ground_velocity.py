"""Velocity over ground as a node: clouds, ranges and turning rates over DDS; what is missing, rival or wrong."""

import array
import math
import signal
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import TwistWithCovarianceStamped
from sensor_msgs.msg import CameraInfo, Imu, PointCloud2, PointField

from launch_reader import read_launch
from ros_bench import diagnostics, range_at
from snn_core.errors import ConfigError
from snn_core.event_messages import FIELDS, STEP, cloud_bytes
from snn_core.nodes.wire import stamp
from snn_core.sensing import SensingOrder
from snn_perception.motion.motion_trials import moving
from snn_perception.nodes.ground_velocity import GroundVelocityNode

ROOT = Path(__file__).resolve().parents[2]
T0, PART_S = 100.0, 0.025
SETTINGS = {"width": 64, "height": 64, "rate_hz": 40.0, "min_confidence": 0.0, "max_wait_s": 10.0}
pytestmark = pytest.mark.ros


@pytest.fixture(scope="module")
def parts():
    """A texture that moves by 100 px/s to the right, in packets of 25 ms: (batch, microseconds of its beginning)."""
    batch = moving(np.random.default_rng(4), 0.0, 100.0, 14.0).batch
    begin_us, length_us = int(batch.t_us[0]), round(PART_S * 1e6)
    number = (batch.t_us - begin_us) // length_us
    return [(batch.take(number == k), begin_us + k * length_us) for k in range(int(number[-1]))]


def cloud_at(time_s, part, **changes):
    batch, begun_us = part
    message = PointCloud2(width=len(batch), height=1, point_step=STEP, row_step=STEP * len(batch))
    message.header.stamp = stamp(time_s)
    message.fields = [PointField(name=n, offset=o, datatype=k, count=1) for n, o, k in FIELDS]
    message.data = array.array("B", cloud_bytes(batch, begun_us))
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def imu_at(time_s, pitch_radps=0.0):
    message = Imu()
    message.header.stamp = stamp(time_s)
    message.angular_velocity.y = pitch_radps
    return message


def lens(width=64, height=64, focal_px=100.0):
    message = CameraInfo(width=width, height=height)
    message.k[0] = message.k[4] = focal_px
    return message


class Flight:
    """A node, a clock, and sensors whose messages are handed over one by one."""

    def __init__(self, bench, parts, **parameters):
        self.bench, self.parts, self.now = bench, parts, T0
        self.heard = bench.listen("velocity", TwistWithCovarianceStamped)
        self.reports = diagnostics(bench)
        self.node = bench.make(GroundVelocityNode, **{**SETTINGS, **parameters})
        bench.set_clock(self.now, self.node)

    def put(self, topic, message, holds):
        self.bench.publish(topic, message)
        self.bench.until(holds, f"{topic} to be judged")

    def lens(self, **values):
        counts, before = self.node.loop.counts, self.node.loop.counts["lens_ok"]
        self.put("camera_info", lens(**values), lambda: counts["lens_ok"] > before)

    def fly(self, height_m=1.0, imu=True, **changes):
        """All parts of the recording, a height and turning rates with each."""
        loop = self.node.loop
        for part in self.parts:
            begun_s, self.now = self.now, self.now + PART_S
            self.bench.set_clock(self.now, self.node)
            if height_m is not None:
                before = loop.check.counts.total()
                self.put("range", range_at(self.now, height_m), lambda n=before: loop.check.counts.total() > n)
            if imu:
                before = self.imus()
                self.put("imu", imu_at(self.now), lambda n=before: self.imus() > n)
            before = loop.counts["packets"] + loop.counts["bad_packet"]
            self.put(
                "events/points", cloud_at(begun_s, part, **changes),
                lambda n=before: loop.counts["packets"] + loop.counts["bad_packet"] > n,
            )  # fmt: skip

    def imus(self):
        return sum(count for name, count in self.node.loop.counts.items() if name.startswith("imu_"))

    def diagnosis(self, words):
        return self.bench.diagnosis("ground_velocity", self.reports, lambda status: words in status.message)


@pytest.fixture
def flight(bench, parts):
    return Flight(bench, parts)


def test_velocity_over_dds(flight):
    flight.lens()
    flight.fly()
    flight.bench.until(lambda: len(flight.heard) >= 2, "velocities")
    message = flight.heard[-1][1]
    twist, covariance = message.twist.twist, np.reshape(message.twist.covariance, (6, 6))
    assert message.header.frame_id == "base_link"
    ended_s = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
    assert T0 + PART_S < ended_s <= flight.now
    assert twist.linear.y > 0.1  # the ground goes to the right of the image: the robot to its left
    assert abs(twist.linear.x) < 0.1
    assert 0.0 < covariance[0, 0] < 1.0
    assert 0.0 < covariance[1, 1] < 1.0
    assert np.diag(covariance)[2:].min() == 1e6
    assert flight.node.guard.errors == 0


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"height_m": None}, "no velocity without a height: no range yet"),
        ({"height_m": math.nan}, "ranges refused"),
        ({"point_step": 2}, "expected fields within points"),
    ],
)
def test_what_is_missing_or_wrong_is_silence_with_its_name(flight, values, words):
    flight.lens()
    flight.fly(**values)
    flight.diagnosis(words)
    assert flight.heard == []
    assert flight.node.guard.errors == 0


def test_the_lens_of_the_other_camera_is_silence_with_both_sizes(flight):
    flight.lens(width=160, height=120)
    flight.fly()
    level, text, _ = flight.diagnosis("camera_info is of 160 x 120 px, expected that of the events, 64 x 64")
    assert level == 2, text
    assert flight.heard == []


def test_without_an_imu_it_goes_on_and_says_so(flight):
    flight.lens()
    flight.fly(imu=False)
    level, _, values = flight.diagnosis("not corrected for pitch and roll: no imu yet")
    assert level == 1
    flight.bench.until(lambda: flight.heard, "a velocity")
    assert flight.heard[-1][1].twist.covariance[0] > 0.1**2
    assert int(values["no_rates"]) > 0


def test_an_imu_without_turning_rates_counts_as_none(flight):
    message = imu_at(T0)
    message.angular_velocity_covariance[0] = -1.0
    flight.put("imu", message, lambda: flight.node.loop.counts["imu_non_finite"] == 1)
    flight.put("imu", imu_at(T0, math.nan), lambda: flight.node.loop.counts["imu_non_finite"] == 2)
    flight.put("imu", imu_at(T0 - 9.0), lambda: flight.node.loop.counts["imu_stale"] == 1)
    assert not flight.node.loop.rates


def test_a_rival_publisher_is_refused(flight):
    """Two range sensors must not alternate."""
    bench, loop = flight.bench, flight.node.loop
    flight.put("range", range_at(T0, 1.0), lambda: loop.check.last is not None)
    rival = bench.node.create_publisher(type(range_at(0.0)), "range", 10)
    bench.until(lambda: rival.get_subscription_count() == 1, "the listener")
    rival.publish(range_at(T0 + 0.01, 5.0))
    bench.until(lambda: flight.node.sources.refused["range"] == 1, "the refusal")
    assert loop.check.last.height_m == 1.0
    level, _, _ = flight.diagnosis("2 publishers on /range")
    assert level == 2


def test_an_order_for_motion_makes_periods_longer(flight):
    status = DiagnosticStatus(name="motion")
    status.values = [KeyValue(key=key, value=value) for key, value in SensingOrder(5.0).to_values().items()]
    flight.bench.publish("coordinator/sensing", DiagnosticArray(status=[status]))
    flight.bench.until(lambda: flight.node.loop.config.rate_hz == 5.0, "the order to be followed")
    flight.bench.until(lambda: flight.node.loop.config.rate_hz == 40.0, "the lease to run out")


@pytest.mark.parametrize(
    ("parameters", "words"),
    [({"model": "/no/such.safetensors"}, "/no/such.safetensors"), ({"focal": 100.0}, "did you mean 'focal_px'")],
)
def test_a_bad_start_names_the_parameter(bench, parameters, words):
    with pytest.raises(ConfigError, match=words):
        bench.make(GroundVelocityNode, **parameters)


def test_the_launch_file_starts_and_stops_it(bench):
    actions = {a.exec: a for a in read_launch(ROOT / "launch" / "perception.launch.xml", {"events_look_down": "true"})}
    assert "ground_velocity" not in {a.exec for a in read_launch(ROOT / "launch" / "perception.launch.xml")}
    process = bench.start(actions["ground_velocity"].command())
    bench.diagnosis("ground_velocity", diagnostics(bench), lambda status: "no range yet" in status.message)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=20.0)
    assert process.returncode == 0, output
    assert "Traceback" not in output
