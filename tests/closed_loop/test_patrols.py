"""Metres of missions under the coordinator, and the mutants that must not pass."""

import numpy as np
import pytest

from snn_cli.patrol import DT_S, HEIGHT, Patrol, PatrolConfig
from snn_cli.sensor_faults import drift, noise, stuck
from snn_control.altitude_loop import LoopConfig
from snn_control.coordination.coordinator import CoordinationConfig
from snn_control.coordination.journal import Kind
from snn_control.coordination.ladder import Rung
from snn_control.spiking_pid import SpikingPid, model_path
from snn_core.signals import Level

CONFIG = PatrolConfig(seed=3, duration_s=150.0, hold_low_s=20.0, hold_high_s=60.0)


@pytest.fixture(scope="module")
def networks():
    return SpikingPid.load(model_path("default"), DT_S)


@pytest.fixture(scope="module")
def fixed(networks):
    return Patrol(CONFIG, CoordinationConfig(adapt=False), networks=networks).fly()


def saves(adaptive, fixed):
    """At most 5 % more error than at fixed rates, with at most 60 % of the readings."""
    return adaptive.rmse_m <= 1.05 * fixed.rmse_m and adaptive.frames[HEIGHT] <= 0.6 * fixed.frames[HEIGHT]


def test_adaptive_sensing_saves_and_tracks_as_well(networks, fixed):
    adaptive = Patrol(CONFIG, networks=networks).fly()
    assert saves(adaptive, fixed)
    assert adaptive.predicted_steps > 0
    assert [str(event) for event in adaptive.events if event.level > Level.OK] == []
    assert set(adaptive.owner[50:]) == {"snn"}


def test_without_predicted_heights_it_would_not_track(networks, fixed):
    mission = Patrol(CONFIG, networks=networks)
    for loop in mission.deck.loops.values():
        loop.configure(LoopConfig(max_predicted_steps=0))
    assert not saves(mission.fly(), fixed)


@pytest.mark.parametrize(
    ("fault", "within_s"),
    [(noise(61.0, 0.05, 1), 3.0), (drift(61.0, 0.1), 8.0), (stuck(61.0), 20.0)],
    ids=["noise", "drift", "stuck"],
)
def test_a_sensor_that_lies_is_not_flown_by(networks, fault, within_s):
    mission = Patrol(CONFIG, fault=fault, networks=networks)
    for k in range(round((60.0 + within_s) / DT_S)):
        decision = mission.step()
        mission.flight.advance()
        if k * DT_S < 60.0:
            assert decision.rung in (Rung.PAIR, Rung.NEUTRAL)
    lost = [e for e in mission.coordinator.journal.kept if e.subject == HEIGHT and e.level is Level.ERROR]
    assert lost
    assert lost[0].stamp_s >= 61.0


def under_way():
    """A patrol after half a minute, and its networks, to be crippled."""
    crippled = SpikingPid.load(model_path("default"), DT_S)
    mission = Patrol(CONFIG, networks=crippled)
    for _ in range(300):
        mission.step()
        mission.flight.advance()
    return mission, crippled


def test_a_network_that_falls_silent_leaves_the_flight_to_the_pid():
    mission, crippled = under_way()
    for params in crippled.parts.values():
        params.threshold[:] = 1e6
    flown = mission.fly(120.0)
    assert set(flown.owner[-300:]) == {"pid"}
    assert np.median(abs(flown.target_m - flown.height_m)[-300:]) < 0.05
    assert any(e.subject == "network pd" and e.new == "silent" for e in flown.events)


def test_networks_that_no_longer_see_the_error_are_caught_by_their_twin():
    mission, crippled = under_way()
    for params in crippled.parts.values():
        params.w_in[:] = 0.0
    flown = mission.fly(120.0)
    assert any(e.kind is Kind.SHADOW and e.new == "disagree" for e in flown.events)
    assert flown.owner[-1] == "pid"
