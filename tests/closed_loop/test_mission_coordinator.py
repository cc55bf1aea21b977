"""Missions under the coordinator: what it saves, and what it does when a sense fails; without it nobody reacts."""

import numpy as np
import pytest

from sim_worlds.robot_config import RobotConfig
from sim_worlds.robot_faults import TimedFault
from snn_cli.mission import at_fixed_rates
from snn_cli.missions.hover_missions import hold, profile
from snn_cli.missions.mission_config import load_mission
from snn_control.coordination.snapshot import Snapshot
from snn_control.flight_deck import FlightDeck

SMALL = RobotConfig(width=16, height=12)
LOST = TimedFault(lose_range=True, from_s=8.0, for_s=6.0)
STUCK = TimedFault(stuck_range=True, from_s=11.5)
LYING = TimedFault(gyro_offset_radps=0.2, from_s=5.0)
HOLD = load_mission("hold").model_copy(update={"duration_s": 18.0, "robot": SMALL})
CLIMB = load_mission("profile").model_copy(
    update={"scene": "hall", "speed_mps": 0.0, "heights_m": [1.6, 2.2], "hold_s": 13.0, "robot": SMALL}
)


@pytest.fixture
def deaf(monkeypatch):
    """A coordinator that hears nothing and says nothing."""

    def decide(self, now_s, samples, target_m, reports):
        return self.coordinator.step(Snapshot(now_s))._replace(events=())

    monkeypatch.setattr(FlightDeck, "decide", decide)


def owners(result):
    return [(event["t_s"], event["event"]) for event in result["events"] if event["kind"] == "owner"]


def reacts(result):
    """Neutral within a second of the loss, the networks again within two of its end."""
    fell = [t for t, text in owners(result) if "-> neutral" in text]
    rose = [t for t, text in owners(result) if "-> pair" in text and t > LOST.from_s]
    return bool(fell) and fell[0] <= LOST.from_s + 1.0 and bool(rose) and rose[0] <= LOST.from_s + LOST.for_s + 2.0


def test_a_lost_range_is_neutral_until_it_is_back():
    result = hold(HOLD.model_copy(update={"faults": [LOST]}), 1)
    assert reacts(result)
    assert not result["contact"]
    assert result["success"]
    assert any(e["subject"] == "range" and e["level"] == "ERROR" for e in result["events"] if e["kind"] == "trust")


@pytest.mark.usefixtures("deaf")
def test_without_the_coordinator_nobody_says_that_the_range_is_lost():
    assert not reacts(hold(HOLD.model_copy(update={"faults": [LOST]}), 1))


def highest_m(mission):
    """Result of a flight, and its greatest height."""
    heights = []
    result = profile(mission, 1, lambda robot, *_: heights.append(robot.truth().position_m[2]))
    return result, max(heights)


def test_a_range_that_sticks_in_a_climb_is_found_out_by_the_events():
    result, height_m = highest_m(CLIMB.model_copy(update={"faults": [STUCK]}))
    assert any("stuck" in event["event"] for event in result["events"] if event["kind"] == "trust")
    assert not result["contact"]
    assert height_m < 4.5


@pytest.mark.usefixtures("deaf")
def test_without_the_coordinator_it_ends_at_the_ceiling():
    result, height_m = highest_m(CLIMB.model_copy(update={"faults": [STUCK]}))
    assert result["contact"]
    assert height_m > 5.5


STRAIGHT = CLIMB.model_copy(update={"heights_m": [1.6], "hold_s": 18.0, "faults": [LYING]})


def yaw_rad(mission):
    """How far it has turned in the end, and the result."""
    yaws = []
    result = profile(mission, 1, lambda robot, *_: yaws.append(robot.truth().yaw_rad))
    return abs(float(np.angle(np.exp(1j * (yaws[-1] - yaws[0]))))), result


def test_a_gyro_that_lies_is_found_out_by_the_events():
    turned, result = yaw_rad(STRAIGHT)
    assert any(
        e["subject"] == "heading" and "disagrees" in e["event"] for e in result["events"] if e["kind"] == "trust"
    )
    assert turned < 1.5
    assert not result["contact"]


@pytest.mark.usefixtures("deaf")
def test_without_the_coordinator_it_turns_the_robot():
    assert yaw_rad(STRAIGHT)[0] > 2.0


def test_less_is_sensed_and_the_place_is_held_as_well():
    adaptive, fixed = hold(HOLD, 2), hold(at_fixed_rates(HOLD), 2)
    assert fixed["sensing_duty"] == 1.0
    assert adaptive["sensing_duty"] < 0.75
    assert adaptive["sensing"]["motion"] == 1.0
    assert adaptive["energy_estimate_j"] < fixed["energy_estimate_j"]
    assert adaptive["largest_distance_m"] < fixed["largest_distance_m"] + 0.1
    assert np.isfinite(adaptive["energy_estimate_j"])
