"""The play of a route mission on a stage of cardboard: who is told what, when, and how it is judged."""

import math

import numpy as np
import pytest

from sim_worlds.robot import Truth
from sim_worlds.route import Route
from snn_cli.missions.mission_config import load_mission
from snn_cli.missions.route_judge import RouteJudge, TaughtPath
from snn_cli.missions.route_script import Reply, RouteScript
from snn_core.errors import SnnError

DT = 0.1
MISSION = load_mission("teach_repeat").model_copy(update={"to_m": 6.0, "repeat_in": ["winter", "fog"]})
ROUTE = Route([(0.0, 0.0), (20.0, 0.0)], 1.0)


class Cardboard:
    """A point that obeys the pilot at once, and a robot that repeats what it was taught, beside it by so much."""

    def __init__(self, left_m=0.1, refuse=""):
        self.left_m, self.refuse = left_m, refuse
        self.truth, self.state, self.told, self.settings = None, "idle", [], {}
        self.x, self.time, self.paused, self.along = 0.0, 1.0, False, 0.0
        self.script = RouteScript(MISSION, 1, ROUTE, self)

    def is_complete(self):
        return True

    def call(self, service):
        self.told.append(service)
        self.state = {"route/teach": "teaching", "route/follow": "following", "route/stop": "idle"}.get(
            service, self.state
        )
        self.x = MISSION.from_m if service == "reset" else self.x
        return lambda: Reply(service != self.refuse, "no")

    def set(self, node, values):
        self.told.append(node)
        self.settings[node] = values
        return lambda: Reply(node != self.refuse, "no")

    def pause(self, paused):
        self.paused = paused
        return lambda: Reply(True, "")

    def period(self):
        if self.paused:
            return
        following = self.state == "following"
        moving = self.script.pilot is not None and self.script.pilot.moving and self.state == "teaching"
        self.x += 0.8 * DT * (following or moving)
        self.along = self.x - MISSION.from_m
        self.state = "arrived" if following and self.x >= 6.0 else self.state
        self.time += DT
        y = self.left_m if self.state in ("following", "arrived") else 0.0
        self.truth = Truth(self.time, np.array([self.x, y, 1.6]), 0.0, np.zeros(3), 1.0)
        self.script.see(self.truth, 0.8, self.along)
        if self.script.judge is not None:
            self.script.judge.tell(self.state)
            self.script.judge.see(self.truth, np.zeros(3), {})


def played(stage, longest=2000):
    """The play to its end."""
    play = stage.script.play()
    wait = next(play)
    for _ in range(longest):
        stage.period()
        while wait is not None and wait.holds():
            wait = next(play, None)
        if wait is None:
            return stage
    raise AssertionError(f"still waiting for {wait.what}")


def test_it_teaches_once_and_repeats_in_every_condition():
    stage = played(Cardboard())
    services = [name for name in stage.told if "/" in name or name == "reset"]
    assert services == [
        "reset", "route/stop", "route/teach", "route/stop", "reset", "route/follow", "route/stop", "reset",
        "route/follow", "route/stop",
    ]  # fmt: skip
    assert [flight["condition"] for flight in stage.script.flights] == ["winter", "fog"]
    assert stage.settings["robot_world"]["condition"] == "fog"
    assert stage.settings["route_follower"]["parallax_m"] == MISSION.follower.parallax_m
    for flight in stage.script.flights:
        assert flight["success"]
        assert flight["cross_track_error_m"] == pytest.approx(0.1, abs=0.01)
        assert flight["places"] == 12
    assert (stage.script.is_flown, stage.script.pilot) == (True, None)


def test_far_beside_the_end_is_no_arrival():
    stage = played(Cardboard(left_m=2.5))
    assert [flight["success"] for flight in stage.script.flights] == [False, False]


@pytest.mark.parametrize("name", ["route_follower", "place_recognizer", "robot_world", "reset", "route/follow"])
def test_a_refusal_ends_it_with_the_name(name):
    with pytest.raises(SnnError, match=name):
        played(Cardboard(refuse=name))


def test_a_pilot_who_does_not_get_through_is_an_error():
    stage = Cardboard()
    stage.period = lambda self=stage: (setattr(self, "x", MISSION.from_m), Cardboard.period(self))
    with pytest.raises(SnnError, match="does the drive get through"):
        played(stage)


def test_a_judge_ends_a_flight_at_contact_or_when_time_is_up():
    taught = TaughtPath()
    for k in range(11):
        taught.add(Truth(0.1 * k, np.array([0.8 * k, 0.0, 1.6]), 0.0, np.zeros(3), 1.0), 0.7 * k)
    assert taught.length_m == pytest.approx(8.0)
    assert taught.at(3.5) == pytest.approx([4.0, 0.0])

    def judged(clearance_m, seconds):
        judge = RouteJudge(MISSION, "winter", 1, taught)
        for k in range(round(seconds / DT)):
            truth = Truth(50.0 + DT * k, np.array([1.0, 0.0, 1.6]), 0.0, np.zeros(3), clearance_m)
            judge.see(truth, np.zeros(3), {})
        return judge

    assert judged(-0.01, 0.1).over
    assert not judged(1.0, 10.0).over
    assert judged(1.0, 6.0 + 1.6 * 8.0 / 0.8 + 1.0).over
    judge = judged(1.0, 1.0)
    judge.answer(0.7 * 1.0 / 0.8)
    judge.answer(7.0)
    assert judge.result()["place_recall"] == 0.5
    assert math.isclose(judge.result()["end_error_m"], 7.0)


def test_sensing_counts_as_what_the_coordinator_asks_for():
    judge = RouteJudge(MISSION, "winter", 1, TaughtPath())
    judge.taught.add(Truth(0.0, np.zeros(3), 0.0, np.zeros(3), 1.0), 0.0)
    judge.taught.add(Truth(0.1, np.array([1.0, 0.0, 0.0]), 0.0, np.zeros(3), 1.0), 1.0)
    for k, rates_hz in enumerate(({}, {"range": 2.5, "place": 1.0})):  # of nominal rates of 10 Hz
        judge.see(Truth(DT * k, np.zeros(3), 0.0, np.zeros(3), 1.0), np.zeros(3), rates_hz)
    result = judge.result()
    assert result["sensing"] == pytest.approx({"range": 0.625, "place": 0.55, "motion": 1.0})
    assert result["sensing_duty"] == pytest.approx((550 * 0.625 + 300 * 0.55 + 25) / 875)
