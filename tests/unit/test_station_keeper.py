"""Keeping a station without pushing to the side."""

import pytest

from snn_control.station_keeper import StationConfig, steer_to_station

CONFIG = StationConfig()


@pytest.mark.parametrize(("ahead", "left"), [(0.5, 0.3), (0.5, -0.3), (-0.5, 0.3), (-0.5, -0.3)])
def test_the_nearer_end_turns_to_the_point(ahead, left):
    turn, speed = steer_to_station(ahead, left, CONFIG)
    assert speed * ahead > 0.0
    assert turn * ahead * left > 0.0, "a push along the nose would lead away to the side"


def test_at_the_point_it_rests():
    assert steer_to_station(0.0, 0.0, CONFIG) == (0.0, 0.0)


def test_beside_the_point_it_turns_and_what_it_asks_for_is_limited():
    turn, speed = steer_to_station(0.0, 0.2, CONFIG)
    assert (turn > 0.1, speed) == (True, 0.0)
    assert steer_to_station(100.0, 100.0, CONFIG) == (CONFIG.most_turn_rad, CONFIG.fastest_mps)
