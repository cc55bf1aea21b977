"""Following a taught route: dead reckoning, what is seen, and where it steers."""

import numpy as np
import pytest

from snn_control.route_follower import FollowerConfig, RouteFollower
from snn_control.taught_route import TaughtRoute


def straight(length=50.0):
    along = np.arange(0.0, length, 0.1)
    return TaughtRoute(along, 0.0 * along, 0.0 * along)


def test_dead_reckoning_adds_up():
    follower = RouteFollower(straight(), FollowerConfig())
    for _ in range(50):
        follower.move((0.8, 0.1), 0.0, 0.1)
    assert (follower.along_m, follower.left_m) == pytest.approx((4.0, 0.5))
    follower.move((1.0, 0.0), np.pi / 2, 0.0)
    follower.move((1.0, 0.0), 0.0, 1.0)
    assert (follower.along_m, follower.left_m) == pytest.approx((4.0, 1.5))


def test_a_bend_that_was_taught_is_no_heading_error():
    along = np.arange(0.0, 20.0, 0.1)
    follower = RouteFollower(TaughtRoute(along, 0.1 * along, 0.0 * along), FollowerConfig())
    for _ in range(100):
        follower.move((1.0, 0.0), 0.01, 0.1)  # turns 0.1 rad per metre, as the route
    assert follower.heading_rad == pytest.approx(0.0, abs=0.002)
    assert follower.left_m == pytest.approx(0.0, abs=0.05)


def flown(offset_m, see=True, seconds=150.0):
    """A point that steers as told, with a heading it must find out; its true offset over time."""
    config = FollowerConfig(parallax_m=10.0)
    follower, y, e = RouteFollower(straight(300.0), config), offset_m, 0.04
    path = []
    for k in range(round(seconds / 0.1)):
        turn = follower.steer().turn_rad
        turned = float(np.clip(turn, -0.4, 0.4)) * 0.1
        e += turned
        y += 0.8 * np.sin(e) * 0.1
        follower.move((0.8, 0.0), turned, 0.1)
        if see and k % 2 == 0:
            follower.see_turn(-(e + y / 10.0), follower.along_m)
        path.append(y)
    return np.array(path)


def test_what_is_seen_brings_it_back_to_the_route():
    assert np.abs(flown(0.6)[-300:]).max() < 0.1


def test_without_seeing_it_is_lost():
    assert np.abs(flown(0.6, see=False)[-300:]).max() > 1.0


def test_places_pull_and_a_doubted_one_must_insist():
    follower = RouteFollower(straight(), FollowerConfig(place_gain=0.5, insistence=3))
    follower.see_place(2.0)
    assert follower.along_m == pytest.approx(1.0)
    for count, expected in enumerate((1.0, 1.0, 30.0), 1):
        follower.see_place(30.0)
        assert follower.along_m == pytest.approx(expected), count
    assert follower.relocated == 1


def test_doubted_places_that_contradict_each_other_are_not_believed():
    follower = RouteFollower(straight(), FollowerConfig(insistence=2))
    for along in (20.0, 30.0, 20.0, 40.0):
        follower.see_place(along)
    assert follower.along_m == 0.0


def test_silent_event_motion_stops_it():
    follower = RouteFollower(straight(), FollowerConfig(silence_s=1.0))
    for _ in range(9):
        follower.move(None, 0.0, 0.1)
    assert follower.steer().speed_mps > 0.0
    for _ in range(3):
        follower.move(None, 0.0, 0.1)
    assert (follower.lost, follower.steer().speed_mps) == (True, 0.0)
    stood = follower.along_m
    for _ in range(20):
        follower.move(None, 0.0, 0.1)
    assert follower.along_m == stood, "a robot that has stopped does not arrive"
