"""`snn explain`: a recorded flight told in lines, numbers and a picture."""

import json

import pytest
from rosbags.typesys import Stores, get_typestore

from snn_cli.bag import BagWriter
from snn_cli.main import main
from snn_cli.stories import read_story
from snn_core.signals import Level

TYPES = get_typestore(Stores.ROS2_JAZZY)
PNG = b"\x89PNG\r\n\x1a\n"


def message(name):
    return TYPES.types[name]


def time_of(stamp_s):
    return message("builtin_interfaces/msg/Time")(int(stamp_s), round(stamp_s % 1 * 1e9))


def header(stamp_s, frame=""):
    return message("std_msgs/msg/Header")(time_of(stamp_s), frame)


def status(name, level, values):
    pairs = [message("diagnostic_msgs/msg/KeyValue")(key, value) for key, value in values.items()]
    return message("diagnostic_msgs/msg/DiagnosticStatus")(level, name, "", "", pairs)


def array(stamp_s, *statuses):
    return message("diagnostic_msgs/msg/DiagnosticArray")(header(stamp_s), list(statuses))


def event(stamp_s, old, new, level=1):
    values = {
        "kind": "owner", "subject": "controller", "old": old, "new": new, "cause": "snn_untrusted",
        "evidence": "command/snn silent", "stamp_s": str(stamp_s),
    }  # fmt: skip
    return array(stamp_s, status("owner controller", level, values))


@pytest.fixture
def bag(tmp_path):
    """Ten seconds: the spiking controller for six, its twin for four; the range asked for at 10 Hz, then at 5 Hz."""
    with BagWriter(tmp_path / "flight") as writer:

        def record(topic, kind, stamp_s, content):
            writer.record(topic, kind, round(stamp_s * 1e9), bytes(TYPES.serialize_cdr(content, kind)))

        for k in range(101):
            now = 1.0 + 0.1 * k
            record("/blimp/command/owner", "std_msgs/msg/Header", now, header(now, "snn" if k < 60 else "pid"))
            values = {"expected_rate_hz": "10" if k < 50 else "5", "trust": "1"}
            sensing = array(now, status("range", 0, values))
            record("/blimp/coordinator/sensing", "diagnostic_msgs/msg/DiagnosticArray", now, sensing)
        record("/blimp/coordinator/events", "diagnostic_msgs/msg/DiagnosticArray", 7.0, event(7.0, "pair", "pid"))
    return tmp_path / "flight"


def test_a_story_is_read_whatever_the_namespace(bag):
    story = read_story(bag)
    assert [(e.old, e.new, e.level, e.stamp_s) for e in story.events] == [("pair", "pid", Level.WARN, 7.0)]
    assert len(story.owners) == 101
    assert story.rates["range"].shape == (2, 101)


def test_lines_say_when_what_and_why(bag, capsys):
    assert main(["explain", str(bag)]) == 0
    said = capsys.readouterr().out
    assert "7.00 s  WARN   owner controller: pair -> pid" in said
    assert "because snn_untrusted (command/snn silent)" in said


def test_numbers_are_shares_of_the_flight(bag, capsys):
    assert main(["explain", str(bag), "--json", "-"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["owners"] == pytest.approx({"snn": 0.6, "pid": 0.4}, abs=0.001)
    assert result["duty"] == {"range": pytest.approx(0.75, abs=0.001)}
    assert result["events"][0]["level"] == "WARN"
    assert main(["explain", str(bag), "--kind", "trust", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["events"] == []


def test_the_picture_is_written(bag, tmp_path):
    path = tmp_path / "story.png"
    assert main(["explain", str(bag), "--plot", str(path)]) == 0
    assert path.read_bytes().startswith(PNG)
    assert main(["explain", str(bag), "--plot", str(tmp_path / "no" / "story.png")]) == 1


def test_what_is_no_flight_under_a_coordinator_is_refused(bag, tmp_path, capsys):
    assert main(["explain", str(tmp_path / "none")]) == 1
    assert "cannot be read as a rosbag2 recording" in capsys.readouterr().err
    with BagWriter(tmp_path / "other") as writer:
        kind = "std_msgs/msg/Header"
        writer.record("/x", kind, 1, bytes(TYPES.serialize_cdr(header(1.0), kind)))
    assert main(["explain", str(tmp_path / "other")]) == 1
    assert "expected messages on coordinator/events, found none" in capsys.readouterr().err
    with BagWriter(tmp_path / "foreign") as writer:
        kind = "diagnostic_msgs/msg/DiagnosticArray"
        broken = array(1.0, status("owner", 0, {"kind": "weather"}))
        writer.record("/coordinator/events", kind, 1, bytes(TYPES.serialize_cdr(broken, kind)))
    assert main(["explain", str(tmp_path / "foreign")]) == 1
