"""Event motion as a node: clouds and packets of events over DDS, bursts, and messages that are none."""

import array
from pathlib import Path

import numpy as np
import pytest
from geometry_msgs.msg import TwistWithCovarianceStamped
from sensor_msgs.msg import Image, PointCloud2, PointField

from ros_bench import diagnostics
from snn_core.errors import DataError
from snn_core.event_messages import FIELDS, STEP, cloud_bytes
from snn_core.nodes.wire import stamp
from snn_perception.events.rosbag_events import messages
from snn_perception.motion.motion_trials import moving
from snn_perception.nodes.event_messages import points_of, unpacked
from snn_perception.nodes.event_motion import EventMotionNode

pytestmark = pytest.mark.ros
PATIENT = {"use_sim_time": False, "width": 64, "height": 64, "rate_hz": 20.0, "max_latency_ms": 1000.0}


@pytest.fixture(scope="module")
def trial():
    return moving(np.random.default_rng(4), 0.0, 100.0, 14.0)


def cloud(batch, **changes):
    message = PointCloud2(width=len(batch), height=1, point_step=STEP, row_step=STEP * len(batch))
    first_us = int(batch.t_us[0])
    message.header.stamp = stamp(first_us * 1e-6)
    message.fields = [PointField(name=n, offset=o, datatype=k, count=1) for n, o, k in FIELDS]
    message.data = array.array("B", cloud_bytes(batch, first_us))
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def packet(kind, words, seq, encoding="evt3", size=(64, 64)):
    message = kind(height=size[1], width=size[0], seq=seq, encoding=encoding)
    message.events = array.array("B", words.tobytes())
    message.header.stamp = stamp(100.0 + seq)
    return message


def evt3_of(batch):
    """Words of EVT 3.0: time, row and column for each event."""
    words = []
    for x, y, t, on in zip(batch.x.tolist(), batch.y.tolist(), batch.t_us.tolist(), batch.on.tolist(), strict=True):
        words += [0x8000 | t >> 12 & 0xFFF, 0x6000 | t & 0xFFF, y, 0x2000 | on << 11 | x]
    return np.array(words, "<u2")


def test_motion_over_dds_and_bad_clouds(bench, trial):
    heard = bench.listen("motion", TwistWithCovarianceStamped)
    reports = diagnostics(bench)
    node = bench.make(EventMotionNode, focal_px=100.0, **PATIENT)
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


def test_packets_give_motion_under_their_own_stamp(bench, trial, packet_type):
    heard = bench.listen("motion", TwistWithCovarianceStamped)
    node = bench.make(EventMotionNode, focal_px=100.0, **PATIENT)
    for k, part in enumerate(np.array_split(np.arange(len(trial.batch)), 10)):
        bench.publish("events", packet(packet_type, evt3_of(trial.batch.take(part)), k))
    bench.until(lambda: heard, "a motion")
    message = heard[-1][1]
    assert 0.5 < message.twist.twist.linear.x < 2.0
    assert message.header.stamp.sec in range(101, 110)
    assert node.guard.errors == 0


def test_a_camera_that_sends_both_is_heard_once(bench, trial, packet_type):
    node = bench.make(EventMotionNode, focal_px=100.0, **PATIENT)
    parts = [trial.batch.take(part) for part in np.array_split(np.arange(len(trial.batch)), 4)]
    for k, part in enumerate(parts):
        bench.publish("events", packet(packet_type, evt3_of(part), k))
        bench.until(lambda k=k: node.loop.counts["packets"] == k + 1, "the packet to be used")
        bench.publish("events/points", cloud(part))
        bench.spin()
    assert node.loop.counts["packets"] == len(parts)


def test_packets_that_are_wrong_are_counted(bench, packet_type):
    reports = diagnostics(bench)
    node = bench.make(EventMotionNode, **PATIENT)
    good = np.array([0x8001, 0x6000, 0x0001, 0x2001], "<u2")
    for seq, words, change in (
        (0, good, {}), (1, good, {"encoding": "evt9"}), (2, good, {"size": (10**6, 64)}), (3, good[:0], {}),
        (4, np.array([1, 2, 3], np.uint8), {}), (8, good, {}),
        (9, np.array([0x8001, 0x6000, 0x0001, 0x27FF], "<u2"), {}),
    ):  # fmt: skip
        bench.publish("events", packet(packet_type, words, seq, **change))
    bench.until(lambda: node.loop.counts.total() >= 8, "seven packets to be judged")
    assert (node.loop.counts["bad_packet"], node.loop.counts["empty_packets"]) == (3, 2)
    assert (node.loop.reader.counts["lost_packets"], node.loop.reader.counts["outside"]) == (3, 1)
    _, text, _ = bench.diagnosis("event_motion", reports, lambda status: "truncated" in status.message)
    assert "3 bytes" in text
    assert node.guard.errors == 0


def test_a_burst_is_dropped_from_its_oldest_end_and_counted(bench, trial):
    node = bench.make(EventMotionNode, **{**PATIENT, "max_queue": 5})
    node.timer.cancel()  # nothing is worked off while the burst comes
    for part in np.array_split(np.arange(len(trial.batch)), 12):
        bench.publish("events/points", cloud(trial.batch.take(part)))
    bench.until(lambda: node.loop.counts["dropped_packets"] == 7, "seven packets to be dropped")
    newest = [waiting.unpack().stamp_ns for waiting in node.loop.queue]
    assert newest == sorted(newest)
    assert newest[-1] > 0.85e3 * int(trial.batch.t_us[-1])


def test_a_message_that_is_none():
    with pytest.raises(DataError, match="PointCloud2"):
        unpacked(b"\x00\x01\x00\x00\xff", PointCloud2, points_of)


def test_the_picture_comes_when_somebody_looks(bench, trial):
    heard = bench.listen("motion/flow", Image)
    bench.make(EventMotionNode, flow_rate_hz=30.0, **PATIENT)
    for part in np.array_split(np.arange(len(trial.batch)), 10):
        bench.publish("events/points", cloud(trial.batch.take(part)))
    bench.until(lambda: heard, "a picture")
    image = heard[0][1]
    assert (image.encoding, image.step, len(image.data)) == ("rgb8", image.width * 3, image.width * image.height * 3)
    assert image.width >= 480


def test_a_real_recording(bench, data_dir, packet_type):
    heard = bench.listen("motion", TwistWithCovarianceStamped)
    node = bench.make(EventMotionNode, use_sim_time=False, max_latency_ms=1000.0, min_confidence=0.0)
    path: Path = data_dir / "events" / "evt3_640x480_0.db3"
    for k, recorded in enumerate(messages(path)):
        if k == 40:
            break
        words = np.frombuffer(recorded.events.tobytes(), "<u2")
        bench.publish("events", packet(packet_type, words, recorded.seq, size=(640, 480)))
        bench.until(lambda k=k: node.loop.counts["packets"] == k + 1, "the packet to be used")
    bench.until(lambda: len(heard) >= 5, "five motions")
    assert (node.loop.reader.counts["lost_packets"], node.loop.counts["bad_packet"]) == (0, 0)
