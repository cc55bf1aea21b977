"""Heading and climb of an attitude."""

import math

import pytest

from snn_core.attitude import Attitude


def turned(axis, angle_rad):
    parts = [math.sin(0.5 * angle_rad) * float(axis == name) for name in "xyz"]
    return Attitude(*parts, math.cos(0.5 * angle_rad))


def test_yaw_is_to_the_left_and_nothing_where_there_is_no_attitude():
    assert turned("z", -0.3).yaw_rad == pytest.approx(-0.3)
    assert turned("y", 0.4).yaw_rad == pytest.approx(0.0)
    assert math.isnan(Attitude(0.0, 0.0, 0.0, 0.0).yaw_rad)
    assert math.isnan(Attitude(math.nan, 0.0, 0.0, 1.0).yaw_rad)


def test_a_robot_that_flies_level_with_its_nose_up_does_not_climb():
    nose_up = turned("y", -0.2)  # about the axis to the left, positive is down
    assert nose_up.climb_mps(1.0, 0.0, 0.0) == pytest.approx(math.sin(0.2))
    assert nose_up.climb_mps(math.cos(0.2), 0.0, -math.sin(0.2)) == pytest.approx(0.0)
    assert turned("x", 0.2).climb_mps(0.0, 1.0, 0.0) == pytest.approx(math.sin(0.2))
    assert turned("z", 1.0).climb_mps(1.0, 2.0, 3.0) == pytest.approx(3.0)
    assert Attitude(0.0, 0.0, 0.0, 0.0).climb_mps(1.0, 2.0, 3.0) == 3.0
