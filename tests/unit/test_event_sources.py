"""Recordings of events: golden counts of real ones, words by hand, and what is no recording."""

import re
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from snn_core.errors import DataError
from snn_core.event_messages import FIELDS, STEP, cloud_bytes
from snn_perception.events.batch import EventBatch, join, make_batch
from snn_perception.events.decoders import EventDecoder, EventPacket
from snn_perception.events.point_clouds import PointBuffer, cloud_events
from snn_perception.events.sources import read_events, write_events


def words(kind, *values):
    return np.array(values, kind).tobytes()


def decode(encoding, data, decoder=None, seq=0, width=640, height=480, base_ns=0):
    decoder = decoder or EventDecoder()
    return decoder.decode(EventPacket(data, encoding, width, height, seq, base_ns))


def rows(batch):
    return list(zip(batch.x.tolist(), batch.y.tolist(), batch.t_us.tolist(), batch.on.tolist(), strict=True))


def toy(count=50, width=40, height=30):
    rng = np.random.default_rng(3)
    return make_batch(
        rng.integers(0, width, count), rng.integers(0, height, count), np.sort(rng.integers(0, 10**6, count)),
        rng.random(count) < 0.5, (width, height),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "size", "off", "on"),
    [
        ("evt3_640x480_0.db3", (640, 480), 218291, 125183),
        ("evt3_1280x720_trigger_0.db3", (1280, 720), 41030, 41439),
        ("libcaer_rollover_0.db3", (640, 480), 152423, 181908),
        ("davis346_sample.aedat4", (346, 260), 3113, 3563),
        ("dvs_gesture/1.bs2", (128, 128), 31307, 32164),
    ],
)
def test_golden_counts(data_dir, name, size, off, on):
    """The first is what the recording's authors state, the others what independent decoders count."""
    batch = read_events(str(data_dir / "events" / name))
    assert (batch.width, batch.height) == size
    assert (int((~batch.on).sum()), int(batch.on.sum())) == (off, on)
    assert (np.diff(batch.t_us) >= 0).all()


def test_a_rollover_is_undone_and_counted(data_dir):
    batch = read_events(str(data_dir / "events" / "libcaer_rollover_0.db3"))
    assert batch.faults == {"rollover": 1}
    assert batch.t_us[-1] - batch.t_us[0] == pytest.approx(2e6, rel=1e-3)


def test_the_slider_and_a_digit(data_dir):
    slider = read_events(str(data_dir / "events" / "slider_chunk.txt"), (240, 180))
    assert len(slider) == 50_000
    assert slider.t_us[[0, -1]].tolist() == [3811, 174156]
    digit = read_events(str(data_dir / "events" / "nmnist_500.npz") + ":0")
    assert (len(digit), digit.width, digit.height) == (4681, 34, 34)


def test_evt3_by_hand():
    data = words("<u2", 0x8001, 0x6002, 0x0005, 0x2803, 0x3810, 0x4003, 0x5001)
    time = (1 << 12) + 2
    assert rows(decode("evt3", data)) == [
        (3, 5, time, True), (16, 5, time, True), (17, 5, time, True), (28, 5, time, True),
    ]  # fmt: skip


def test_evt3_rolls_over_and_jitter_does_not():
    decoder = EventDecoder()
    data = words("<u2", 0x8FFF, 0x0000, 0x2001, 0x8FFE, 0x2002, 0x8000, 0x2003)
    times = decode("evt3", data, decoder).t_us.tolist()
    assert times == [0xFFE << 12, 0xFFF << 12, 1 << 24]
    assert decoder.counts == {"rollover": 1}


def test_events_before_the_first_time_are_counted():
    decoder = EventDecoder()
    assert len(decode("evt3", words("<u2", 0x0001, 0x2001), decoder)) == 0
    assert decoder.counts["undecodable"] == 1


def test_evt2_by_hand():
    data = words("<u4", 0x80000003, 0x1 << 28 | 5 << 22 | 7 << 11 | 9, 6 << 22 | 8 << 11 | 9)
    assert rows(decode("evt2", data)) == [(7, 9, 3 * 64 + 5, True), (8, 9, 3 * 64 + 6, False)]


def test_libcaer_by_hand():
    data = words("<u4", 233 << 17 | 349 << 2 | 3, 100, 1 << 17 | 2 << 2 | 1, 50)
    assert rows(decode("libcaer", data)) == [(1, 2, 50, False), (233, 349, 100, True)]


def test_compressed_libcaer_by_hand():
    data = words("<u2", 0x0000, 0x1002, 0x2007, 0x3809, 0x4810, 0x5081)
    expected = [(7, 9, 1002, True), (7, 16, 1002, True), (7, 23, 1002, True)]
    assert rows(decode("libcaer_cmp", data, base_ns=1_000_000)) == expected


def test_mono_by_hand():
    data = words("<u8", 1 << 63 | 4 << 48 | 3 << 32 | 2500)
    assert rows(decode("mono", data, base_ns=10_000)) == [(3, 4, 12, True)]


def test_lost_packets_are_counted_and_the_decoder_waits_for_a_time():
    decoder = EventDecoder()
    packet = words("<u2", 0x8001, 0x0001, 0x2001)
    assert len(decode("evt3", packet, decoder, seq=1)) == 1
    assert len(decode("evt3", words("<u2", 0x2001), decoder, seq=5)) == 0
    assert len(decode("evt3", packet, decoder, seq=6)) == 1
    assert decoder.counts == {"lost_packets": 3, "undecodable": 1}


def test_packets_that_were_skipped_are_not_lost():
    decoder = EventDecoder()
    packet = words("<u2", 0x8001, 0x0001, 0x2001)
    decode("evt3", packet, decoder, seq=1)
    decoder.skip()
    decoder.skip()
    assert len(decode("evt3", words("<u2", 0x2001), decoder, seq=4)) == 0  # leans on a time that is gone
    assert len(decode("evt3", packet, decoder, seq=6)) == 1
    assert decoder.counts == {"undecodable": 1, "lost_packets": 1}


def test_absurd_coordinates_of_a_packet_are_left_out_and_counted():
    decoder = EventDecoder()
    data = words("<u2", 0x8001, 0x0001, 0x27FF, 0x2001)
    assert len(decode("evt3", data, decoder)) == 1
    assert decoder.counts == {"outside": 1}


@pytest.mark.parametrize(
    ("encoding", "data", "size", "said"),
    [
        ("evt9", b"", (640, 480), "evt9"),
        ("evt3", b"abc", (640, 480), "3 bytes"),
        ("evt3", b"", (640, 100_000), "640 x 100000"),
        ("libcaer", b"abcd", (640, 480), "truncated"),
    ],
)
def test_packets_that_are_none(encoding, data, size, said):
    with pytest.raises(DataError, match=re.escape(said)):
        decode(encoding, data, width=size[0], height=size[1])


def test_an_empty_packet_has_no_events():
    assert len(decode("evt3", b"")) == 0


@pytest.mark.parametrize("name", ["a.npz", "a.txt", "a.bs2"])
def test_written_and_read_again(tmp_path, name):
    batch = toy()
    write_events(batch, tmp_path / name)
    again = read_events(str(tmp_path / name), (40, 30))
    assert rows(again) == rows(batch)


def test_bs2_rollover(tmp_path):
    batch = make_batch([1, 2, 3], [1, 2, 3], np.array([5, 4_000_000, 8_000_000]) + 1_000_000, [1, 0, 1], (128, 128))
    write_events(batch, tmp_path / "a.bs2")
    again = read_events(str(tmp_path / "a.bs2"))
    assert again.t_us.tolist() == batch.t_us.tolist()
    assert again.faults == {"rollover": 1}


@pytest.mark.parametrize(("encoding", "version"), [("evt2", "2.0"), ("evt3", "3.0")])
def test_raw_files(tmp_path, encoding, version):
    body = {
        "evt2": words("<u4", 0x80000003, 0x1 << 28 | 5 << 22 | 7 << 11 | 9),
        "evt3": words("<u2", 0x8000, 0x60C5, 0x0009, 0x2807),
    }[encoding]
    header = f"% evt {version}\n% geometry 320x240\n% end\n".encode()
    (tmp_path / "a.raw").write_bytes(header + body)
    batch = read_events(str(tmp_path / "a.raw"))
    assert rows(batch) == [(7, 9, 197, True)]
    assert (batch.width, batch.height, batch.format) == (320, 240, encoding)


def test_late_events_are_sorted_and_counted():
    batch = make_batch([1, 2, 3], [0, 0, 0], [10, 30, 20], [1, 1, 1])
    assert batch.x.tolist() == [1, 3, 2]
    assert batch.faults == {"out_of_order": 1}


def test_joining():
    assert len(join([toy(), toy()])) == 100
    with pytest.raises(DataError, match="one sensor size"):
        join([toy(), toy(width=41)])
    with pytest.raises(DataError, match="none"):
        join([toy().take(slice(0))])


CLOUD = PointBuffer(FIELDS, STEP, 1, bytes(STEP), 0)


def test_point_clouds_both_ways():
    batch = toy()
    cloud = PointBuffer(FIELDS, STEP, len(batch), cloud_bytes(batch, 0), 500)
    again, outside = cloud_events(cloud, 40, 30)
    assert outside == 0
    assert again.t_us.tolist() == (batch.t_us + 500).tolist()
    assert again.x.tolist() == batch.x.tolist()
    assert cloud_events(cloud, 20, 30)[1] == int((batch.x >= 20).sum())


def test_absolute_seconds_in_a_cloud():
    layout = np.dtype([("p", ">i1"), ("t", ">f8"), ("x", ">f4"), ("y", ">u2")])
    data = np.array([(1, 2.5, 3.0, 4)], layout).tobytes()
    fields = [("p", 0, 1), ("t", 1, 8), ("x", 9, 7), ("y", 13, 4)]
    batch, _ = cloud_events(PointBuffer(fields, 15, 1, data, 10**6, True), 10, 10)
    assert rows(batch) == [(3, 4, 2_500_000, True)]


@pytest.mark.parametrize(
    ("cloud", "said"),
    [
        (CLOUD._replace(fields=FIELDS[:3]), "found x, y, t"),
        (CLOUD._replace(points=10**9), "1000000000 points"),
        (CLOUD._replace(step=4), "within points"),
    ],
)
def test_clouds_that_are_none(cloud, said):
    with pytest.raises(DataError, match=re.escape(said)):
        cloud_events(cloud, 10, 10)


def write(path: Path, content) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.npz", b"PK\x03\x04 torn", "truncated or damaged"),
        ("a.npz", b"", "truncated or damaged"),
        ("a.txt", "", "found none"),
        ("a.txt", "0.1 1 2\n", "3 columns"),
        ("a.txt", "0.1 1 2 0\n0.2 1", "truncated"),
        ("a.txt", "0.1 nan 2 0\n", "finite x"),
        ("a.txt", "0.1 99999 2 0\n", "100000 x 3"),
        ("a.txt", "0.1 -4 2 0\n", "(-4, 2)"),
        ("a.bs2", b"1234567", "7 bytes"),
        ("a.bs2", b"", "found none"),
        ("a.raw", b"no header", "'% evt"),
        ("a.raw", b"% evt 4.0\n% end\n", "'4.0'"),
        ("a.raw", b"% evt 3.0\n% end\n\x00", "truncated"),
        ("a.raw", b"% evt 3.0\n% end\n", "found none"),
        ("a.db3", b"not a database", "cannot be read as a rosbag2"),
        ("a.mcap", b"\x89MCAP0\r\ntorn", "cannot be read as a rosbag2"),
        ("a.aedat4", b"#!AER-DAT4.0\r\n torn", "AEDAT4"),
        ("a.csv", b"1,2", "unknown format"),
    ],
)
def test_what_is_no_recording(tmp_path, name, content, said):
    with pytest.raises(DataError) as caught:
        read_events(write(tmp_path / name, content))
    assert said in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_truncated_bag(tmp_path, data_dir):
    content = (data_dir / "events" / "evt3_1280x720_trigger_0.db3").read_bytes()
    with pytest.raises(DataError, match="cannot be read as a rosbag2"):
        read_events(write(tmp_path / "a.db3", content[:200_000]))


def test_a_bag_without_events(tmp_path):
    database = sqlite3.connect(tmp_path / "a.db3")
    database.execute("create table notes (text text)")
    database.commit()
    with pytest.raises(DataError, match=r"rosbag2|event topic"):
        read_events(str(tmp_path / "a.db3"))


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": [1], "y": [1], "on": [1]}, "found x, y, on"),
        ({"x": [1, 2], "y": [1], "t_us": [1], "on": [1]}, "as many"),
        ({"x": [5], "y": [1], "t_us": [1], "on": [1], "width": 4, "height": 4}, "(5, 1)"),
        ({"x": ["a"], "y": [1], "t_us": [1], "on": [1]}, "numbers as x"),
        ({"x": [1], "y": [1], "t_us": [1e30], "on": [1]}, "t_us below"),
        ({"x": [1], "y": [1], "t_us": [1], "on": [1], "offset": [0, 1]}, "none named"),
    ],
)
def test_archives_that_do_not_hold_events(tmp_path, arrays, said):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError) as caught:
        read_events(str(tmp_path / "a.npz"))
    assert said in str(caught.value)


def test_nothing_there_and_writing_elsewhere(tmp_path):
    with pytest.raises(DataError, match="nothing there"):
        read_events(str(tmp_path / "none.npz"))
    with pytest.raises(DataError, match="to write"):
        write_events(toy(), tmp_path / "a.csv")
    with pytest.raises(DataError, match="at most 256 px"):
        write_events(toy(width=300), tmp_path / "a.bs2")


def test_take_keeps_the_sensor():
    part = toy().take(slice(0, 3))
    assert isinstance(part, EventBatch)
    assert (len(part), part.width) == (3, 40)
