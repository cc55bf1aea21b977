"""Events as bytes of messages: words by hand, and there and back through the readers."""

import numpy as np
import pytest

from snn_core.event_messages import FIELDS, LONGEST_US, PACKET_ENCODING, STEP, cloud_bytes, packet_bytes
from snn_perception.events.batch import make_batch
from snn_perception.events.decoders import EventDecoder, EventPacket
from snn_perception.events.point_clouds import PointBuffer, cloud_events


@pytest.fixture
def batch():
    rng = np.random.default_rng(3)
    times = 7_000_000 + np.sort(rng.integers(0, 100_000, 500))
    return make_batch(rng.integers(0, 320, 500), rng.integers(0, 240, 500), times, rng.random(500) < 0.5, (320, 240))


def test_a_word_by_hand():
    one = make_batch(np.array([5]), np.array([3]), np.array([1_000_002]), np.array([True]), (8, 8))
    assert packet_bytes(one, 1_000_000) == (2000 | 5 << 32 | 3 << 48 | 1 << 63).to_bytes(8, "little")
    assert cloud_bytes(one, 1_000_000) == bytes([5, 0, 3, 0, 2, 0, 0, 0, 1])


def test_packets_there_and_back(batch):
    packet = EventPacket(packet_bytes(batch, 7_000_000), PACKET_ENCODING, 320, 240, 1, 7_000_000_000)
    told = EventDecoder().decode(packet)
    for name in ("x", "y", "t_us", "on"):
        assert np.array_equal(getattr(told, name), getattr(batch, name)), name


def test_clouds_there_and_back(batch):
    cloud = PointBuffer(FIELDS, STEP, len(batch), cloud_bytes(batch, 7_000_000), 7_000_000)
    told, outside = cloud_events(cloud, 320, 240)
    assert outside == 0
    for name in ("x", "y", "t_us", "on"):
        assert np.array_equal(getattr(told, name), getattr(batch, name)), name


def test_times_that_no_word_can_tell_are_the_nearest(batch):
    ends = batch.take(np.array([0, 499]))
    late, early = packet_bytes(ends, 0), packet_bytes(ends, 8_000_000)
    low = [np.frombuffer(data, "<u8") & 0xFFFFFFFF for data in (late, early)]
    assert low[0].tolist() == [LONGEST_US * 1000] * 2
    assert low[1].tolist() == [0, 0]
