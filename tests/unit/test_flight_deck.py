"""The flight deck: what is sampled under orders, what the controllers hear of them, and faults at stated times."""

import math

import numpy as np
import pytest

from sim_worlds.robot import Events, Senses
from sim_worlds.robot_faults import FaultConfig, FaultInjector, TimedFault
from snn_cli.missions.mission_config import load_mission
from snn_cli.missions.mission_streams import GROUND, ROUTE, mission_streams
from snn_cli.missions.scoring import sensor_use
from snn_control.coordination.coordinator import HEIGHT, MOTION, PLACE, TURN, CoordinationConfig
from snn_control.coordination.lifecycle import NodeState
from snn_control.coordination.snapshot import NodeReport, Sample
from snn_control.flight_deck import FlightDeck, Sensing
from snn_control.owners import Owner
from snn_core.sensing import SensingOrder
from snn_core.signals import AltitudeReading, Level

STREAMS = mission_streams(ROUTE)


def test_an_order_for_half_the_rate_takes_half_of_the_samples():
    sensing = Sensing(STREAMS, {HEIGHT: 0.1, PLACE: 0.1})
    sensing.orders[HEIGHT] = SensingOrder(5.0)
    taken = [sensing.due(HEIGHT, 0.1 * k) for k in range(1, 101)]
    places = [sensing.due(PLACE, 0.1 * k) for k in range(1, 101)]
    assert (sum(taken), sum(places)) == (50, 20)  # places are nominal: two per second
    assert sensing.duties() == {HEIGHT: 0.5, PLACE: 1.0}


def test_duty_is_weighted_by_power():
    streams = mission_streams(GROUND)
    use = sensor_use(streams, {HEIGHT: 0.5, MOTION: 1.0})
    assert use.power_w == pytest.approx(0.5 * 0.55 + 0.025)
    assert use.duty == pytest.approx((0.5 * 0.55 + 0.025) / 0.575)


def test_a_mission_sets_nominal_rates_and_what_never_sleeps():
    streams = mission_streams(ROUTE, {PLACE: 0.25}, steady=(MOTION,))
    assert (streams[PLACE].rate_nominal_hz, streams[PLACE].rate_min_hz) == (4.0, 1.0)
    assert streams[MOTION].knobs == ()


def fly(deck, seconds, course, start_s=0.0):
    """At the target, with everything heard, and a follower that tells its course; the orders in the end."""
    decision = None
    for k in range(1, round(10 * seconds) + 1):
        now_s = start_s + 0.1 * k
        readings = [AltitudeReading(1.5, now_s, 0.0, 12.0)] if deck.sensing.due(HEIGHT, now_s) else []
        samples = [Sample(HEIGHT, reading.stamp_s, reading.height_m) for reading in readings]
        samples += [Sample(name, now_s, 0.0) for name in (PLACE, TURN, MOTION) if deck.sensing.due(name, now_s)]
        reports = [NodeReport("route_follower", Level.OK, NodeState.ACTIVE, course)] if deck.reporting(now_s) else []
        decision = deck.decide(now_s, samples, 1.5, reports)
        deck.steer(now_s, readings, 1.5)
    return {name: order.rate_hz for name, order in decision.orders.items()}


def test_the_way_is_looked_for_where_it_bends_or_is_lost_and_less_where_it_is_straight():
    periods_s = dict.fromkeys((HEIGHT, PLACE, TURN, MOTION), 0.1)
    deck = FlightDeck(STREAMS, CoordinationConfig(), periods_s)
    straight = {"course_off_m": 0.02, "course_doubt_m": 0.03, "course_bend_rad": 0.02, "course_place_doubt": 0.0}
    calm = fly(deck, 12.0, straight)
    assert (calm[HEIGHT], calm[TURN], calm[PLACE]) == (2.5, 1.0, 0.5)
    bend = fly(deck, 1.1, {**straight, "course_bend_rad": 0.5}, 12.0)
    assert (bend[TURN], bend[MOTION], bend[PLACE]) == (5.0, 10.0, 2.0)
    assert bend[HEIGHT] == 2.5
    assert deck.loops[Owner.SNN].bridge.total > 0


def test_a_lost_place_asks_for_places_alone():
    deck = FlightDeck(STREAMS, CoordinationConfig(), dict.fromkeys((HEIGHT, PLACE, TURN, MOTION), 0.1))
    lost = {"course_off_m": 0.0, "course_doubt_m": 0.0, "course_bend_rad": math.nan, "course_place_doubt": 0.9}
    orders = fly(deck, 14.0, lost)
    assert (orders[PLACE], orders[TURN]) == (2.0, 1.0)


def senses(range_m):
    none = np.zeros(1, np.int64)
    image, events = np.full((2, 2), 90, np.uint8), Events(none, none, none, none > 0)
    return Senses(0.1, range_m, image, events, np.zeros(3), np.zeros(3))


def test_each_fault_breaks_what_it_names():
    injector = FaultInjector()
    assert math.isnan(injector.take(senses(1.0), FaultConfig(lose_range=True)).range_m)
    assert not injector.take(senses(1.0), FaultConfig(blind_camera=True)).image.any()
    assert len(injector.take(senses(1.0), FaultConfig(silent_events=True)).events.x) == 0
    assert injector.take(senses(1.0), FaultConfig(gyro_offset_radps=0.2)).gyro_radps[2] == 0.2
    stuck = FaultConfig(stuck_range=True)
    assert [injector.take(senses(r), stuck).range_m for r in (1.0, 2.0)] == [1.0, 1.0]
    assert injector.take(senses(3.0), FaultConfig()).range_m == 3.0
    assert injector.take(senses(4.0), stuck).range_m == 4.0  # stuck anew, where it is then


def test_a_fault_has_its_time():
    fault = TimedFault(lose_range=True, from_s=2.0, for_s=3.0)
    assert [fault.active(t) for t in (1.9, 2.0, 4.9, 5.0)] == [False, True, True, False]
    assert str(fault) == "lose_range from 2 s for 3 s"


def test_faults_of_a_mission_are_data(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("{name: a, about: b, kind: hold, scene: hall, faults: [{lose_range: true, from_s: 5}]}")
    assert load_mission(str(path)).faults == [TimedFault(lose_range=True, from_s=5.0)]
