"""Missions as data, and short flights of them: the same seed is the same result, a silent sense is noticed."""

import json

import numpy as np
import pytest

from sim_worlds.robot_config import RobotConfig
from snn_cli.mission import fly
from snn_cli.missions.hover_missions import hold
from snn_cli.missions.mission_config import load_mission, mission_names
from snn_cli.missions.route_mission import Mutants, RouteFlight, teach
from snn_cli.missions.scoring import Referee, beside_path, power_w
from snn_core.errors import ConfigError


@pytest.mark.parametrize("name", mission_names())
def test_shipped_missions_are_valid(name):
    assert load_mission(name).name == name


def test_a_wrong_mission_is_refused_with_the_key(tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text("{name: a, about: b, kind: hold, scene: hall, duration_s: -1}")
    with pytest.raises(ConfigError, match="duration_s"):
        load_mission(str(path))
    with pytest.raises(ConfigError, match="teach_repeat"):
        load_mission("nowhere")


def test_distance_from_a_path():
    path = np.array([[0.0, 0], [4, 0], [4, 4]])
    assert beside_path(np.array([[2.0, 1.0], [5, 2], [-3, 4]]), path) == pytest.approx([1, 1, 5])


def test_power_is_that_of_the_duty():
    assert power_w(np.zeros(3)) == pytest.approx(1.2)
    assert power_w(np.array([10.0, 0, 0])) == pytest.approx(1.2 + 3.0 * (39 / 45) ** 2)


def test_near_misses_are_counted_once_each():
    referee = Referee(0.2, 0.1)
    referee.rows = [(0.0, 0, 0, 0, 0, gap) for gap in (0.5, 0.1, 0.1, 0.5, 0.15, 0.3)]
    assert (referee.near_misses, referee.contact) == (2, False)


SHORT = load_mission("teach_repeat").model_copy(update={"to_m": 4.0, "repeat_in": []})


def test_a_short_route_is_followed_but_not_with_silent_event_motion():
    taught = teach(SHORT, 0)
    result = RouteFlight(SHORT, taught, 1).fly()
    assert result["success"]
    assert result["cross_track_error_m"] < 0.4
    silent = RouteFlight(SHORT, taught, 1, Mutants(silent_motion=True)).fly()
    assert not silent["success"]
    assert any("silent" in event["event"] for event in silent["events"])


def test_holding_station_needs_event_motion():
    windy = load_mission("hold").model_copy(
        update={"duration_s": 20.0, "robot": RobotConfig(wind_mps=(-0.2, 0.0), width=16, height=12)}
    )
    held, blown = hold(windy, 1), hold(windy, 1, silent_motion=True)
    assert held["largest_distance_m"] < 0.5
    assert blown["largest_distance_m"] > 2.0 * held["largest_distance_m"]


SHORTER = {
    "teach_repeat": {"to_m": 2.0, "repeat_in": ["fog"]}, "hold": {"duration_s": 5.0},
    "profile": {"heights_m": [1.6, 1.9], "hold_s": 2.0}, "avoid": {"approaches": 1},
}  # fmt: skip


@pytest.mark.parametrize("name", SHORTER)
def test_the_same_seed_is_the_same_bytes(name):
    short = load_mission(name).model_copy(update=SHORTER[name])
    first, second = (json.dumps(fly(short, 2, None)) for _ in range(2))
    assert first == second
