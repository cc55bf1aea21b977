"""A route is recorded from what the robot measures, comes back from its file as it was, and refuses what is damaged."""

import json
import pickle
import struct

import numpy as np
import pytest
from safetensors.numpy import load, save

from snn_control.taught_route import LARGEST_FILE, RouteRecorder, TaughtRoute
from snn_core.errors import DataError, ModelError


def recorded():
    """Half a second at rest, then 1 m/s with a drift to the left, turning 0.1 rad per second."""
    recorder = RouteRecorder()
    for _ in range(5):
        recorder.move((0.0, 0.0), 0.02, 0.1)
    for _ in range(100):
        recorder.move((1.0, 0.2), 0.01, 0.1)
    return recorder.route()


def test_what_is_measured_adds_up():
    route = recorded()
    assert route.length_m == pytest.approx(10.0)
    assert (np.diff(route.along_m) > 0.0).all()
    assert route.heading_at(0.0) == pytest.approx(0.1), "the turn at rest belongs to the beginning"
    assert route.heading_at(10.0) == pytest.approx(1.1)
    assert route.drift_at(10.0) == pytest.approx(np.arctan2(0.2, 1.0), abs=1e-3)


def test_backwards_and_silence_do_not_lengthen_it():
    recorder = RouteRecorder()
    for velocity in ((1.0, 0.0), (-1.0, 0.0), None, (1.0, 0.0)):
        recorder.move(velocity, 0.1, 0.1)
    route = recorder.route()
    assert route.along_m == pytest.approx([0.0, 0.1, 0.2])
    assert route.heading_rad == pytest.approx([0.0, 0.3, 0.4])


def test_a_robot_that_has_not_moved_has_no_route():
    recorder = RouteRecorder()
    recorder.move(None, 0.1, 0.1)
    with pytest.raises(DataError, match="has not moved"):
        recorder.route()


@pytest.fixture
def path(tmp_path):
    target = tmp_path / "route.safetensors"
    recorded().save(target)
    return target


def refusal(path):
    with pytest.raises(ModelError) as caught:
        TaughtRoute.load(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def rewrite(path, changes=None, header=None):
    """Change tensors (None = leave out) and entries of the header."""
    payload = path.read_bytes()
    length = struct.unpack("<Q", payload[:8])[0]
    inner = json.loads(json.loads(payload[8 : 8 + length])["__metadata__"]["snn_robotics"])
    kept = {name: value for name, value in {**load(payload), **(changes or {})}.items() if value is not None}
    path.write_bytes(save(kept, {"snn_robotics": json.dumps({**inner, **(header or {})})}))


def test_it_comes_back_as_it_was(path):
    for before, after in zip(recorded(), TaughtRoute.load(path), strict=True):
        assert np.array_equal(before, after)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"heading_rad": None}, "expected tensor 'heading_rad', found none"),
        ({"heading_rad": np.zeros(7)}, "heading_rad: expected float64 of shape (101,), found float64 of shape (7,)"),
        ({"drift_rad": np.zeros(101, np.float32)}, "found float32 of shape (101,)"),
        ({"drift_rad": np.full(101, np.nan)}, "drift_rad: expected finite numbers"),
        ({"along_m": np.zeros(101)}, "along_m: expected rising numbers"),
    ],
)
def test_damaged_values_are_refused(path, changes, complaint):
    rewrite(path, changes)
    assert complaint in refusal(path)


def test_other_files_are_refused(path):
    good = path.read_bytes()
    path.write_bytes(pickle.dumps({"along_m": 1}))
    assert "a pickle" in refusal(path)
    path.write_bytes(good[: len(good) // 2])
    refusal(path)
    path.write_bytes(good)
    rewrite(path, header={"kind": "place_map"})
    assert "kind" in refusal(path)
    path.write_bytes(good)
    rewrite(path, header={"format_version": 9})
    assert "expected format version 1, found 9" in refusal(path)
    path.write_bytes(good)
    rewrite(path, header={"samples": 1})
    assert "samples" in refusal(path)
    with path.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    assert "expected at most" in refusal(path)
    path.unlink()
    assert "cannot be read" in refusal(path)
