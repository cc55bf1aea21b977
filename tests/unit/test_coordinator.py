"""The coordinator as a pure function of what it is told, time included."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_control.coordination.contracts import Phase, load_contracts
from snn_control.coordination.coordinator import CoordinationConfig, Coordinator
from snn_control.coordination.journal import Kind
from snn_control.coordination.ladder import Rung
from snn_control.coordination.lifecycle import NodeState
from snn_control.coordination.novelty import load_novelty
from snn_control.coordination.snapshot import NodeReport, Sample, Snapshot
from snn_core.signals import Level

T0 = 100.0
CONTRACTS = load_contracts()
HEALTHY = {"range": 1.0, "climb": 0.0, "command/snn": 1.0, "command/pid": 1.2}


class Robot:
    """Steps of 0.1 s with healthy streams, unless told otherwise."""

    def __init__(self, **settings):
        self.coordinator = Coordinator(CONTRACTS, CoordinationConfig(**settings), managed=["snn"])
        self.now_s, self.events, self.decision = T0, [], None

    def fly(self, seconds, without=(), reports=(), target_m=1.0, **values):
        for _ in range(round(seconds / 0.1)):
            self.now_s = round(self.now_s + 0.1, 6)
            said = {**HEALTHY, **{key.replace("_", "/"): value for key, value in values.items()}}
            samples = [Sample(name, self.now_s, value) for name, value in said.items() if name not in without]
            self.step(samples, reports, target_m)
        return self.decision

    def step(self, samples=(), reports=(), target_m=1.0, battery=None):
        self.decision = self.coordinator.step(Snapshot(self.now_s, samples, target_m, reports, battery=battery))
        self.events += self.decision.events

    def rungs(self):
        return [event.new for event in self.events if event.kind is Kind.OWNER]


def test_before_anything_is_fit_there_is_no_opinion_and_after_the_grace_it_is_neutral():
    robot = Robot(grace_s=2.0)
    assert robot.fly(1.9, without=HEALTHY).owner is None
    assert robot.fly(0.3, without=HEALTHY).owner == "neutral"
    healthy = Robot()
    assert healthy.fly(0.4).owner is None
    assert healthy.fly(1.0).owner == "snn"


def test_a_silent_controller_hands_over_and_comes_back():
    robot = Robot()
    robot.fly(3.0)
    assert robot.fly(0.3, without=["command/snn"]).owner == "pid"
    assert robot.fly(3.0).owner == "snn"
    assert robot.rungs() == ["pair", "pid", "pair"]


def test_without_a_height_the_last_command_is_held_for_a_moment_and_then_it_is_neutral():
    robot = Robot()
    robot.fly(3.0)
    robot.fly(0.8, without=["range"])
    assert robot.rungs()[1:] == ["hold", "neutral"]
    assert robot.decision.owner == "neutral"
    assert robot.fly(3.0).owner == "snn"


def test_on_hold_the_one_that_flew_is_named():
    robot = Robot()
    robot.fly(3.0)
    robot.fly(0.5, without=["command/snn"])
    robot.fly(0.4, without=["range"])
    assert (robot.decision.rung, robot.decision.owner) == (Rung.HOLD, "pid")


def test_a_fallback_whose_own_command_is_bad_is_skipped():
    robot = Robot()
    robot.fly(3.0)
    robot.fly(1.5, command_snn=math.nan, command_pid=math.nan)
    assert robot.decision.rung is Rung.NEUTRAL
    assert "pid" not in robot.rungs()


def test_a_sick_network_is_left_out_and_a_sick_pair_hands_over():
    def report(pd, integral, seconds):
        steps = 10 * seconds
        values = {"pd_spikes": pd * seconds, "pd_neuron_steps": 400 * seconds, "integral_spikes": integral * seconds,
                  "integral_neuron_steps": 400 * seconds, "off_target_steps": steps}  # fmt: skip
        return [NodeReport("altitude_controller", Level.OK, NodeState.ACTIVE, values)]

    robot = Robot()
    robot.fly(2.0)
    for second in range(1, 6):
        robot.fly(0.1, reports=report(100, 0, second))
        robot.fly(0.9)
    assert robot.decision.rung is Rung.REMAINING
    assert (robot.decision.owner, robot.decision.orders["command/snn"].parts) == ("snn", "pd")
    robot.coordinator.watch.networks["pd"].counts = None
    for second in range(6, 12):
        robot.fly(0.1, reports=report(0, 0, second))
        robot.fly(0.9)
    assert robot.decision.owner == "pid"


def test_controllers_that_disagree_are_an_alarm_and_with_an_error_the_pid_settles_it():
    robot = Robot()
    robot.fly(3.0)
    robot.fly(8.0, command_snn=9.0, command_pid=-9.0)
    alarms = [event for event in robot.events if event.kind is Kind.SHADOW]
    assert [(event.new, event.level) for event in alarms] == [("disagree", Level.WARN)]
    assert robot.decision.owner == "snn"
    robot.fly(1.0, command_snn=9.0, command_pid=-9.0, target_m=2.0)
    assert robot.decision.owner == "pid"


@pytest.mark.parametrize("jump_s", [60.0, -60.0, -50.0, 3600.0])
def test_a_clock_that_is_set_is_told_survived_and_forgotten(jump_s):
    robot = Robot()
    robot.fly(5.0)
    robot.now_s += jump_s
    decision = robot.fly(0.1)
    assert decision.rung >= Rung.HOLD
    jumps = [event for event in robot.events if event.kind is Kind.CLOCK]
    assert len(jumps) == 1
    assert f"time jumped {jump_s + 0.1:+.3f} s" in jumps[0].cause
    assert robot.fly(3.0).owner == "snn"


def test_time_that_stands_still_changes_nothing():
    robot = Robot()
    robot.fly(5.0)
    count = len(robot.events)
    for _ in range(1000):
        robot.step()
    assert robot.decision.owner == "snn"
    assert len(robot.events) == count


def test_a_low_battery_senses_less_and_a_critical_one_ends_the_mission():
    robot = Robot()
    robot.fly(3.0)
    robot.step(battery=0.25)
    assert robot.coordinator.mission == "go on, sense less"
    robot.step(battery=0.1)
    assert robot.coordinator.mission == "land"
    assert [event.level for event in robot.events if event.kind is Kind.BATTERY] == [Level.WARN, Level.ERROR]


def test_overload_sheds_perception_before_the_height():
    robot = Robot()
    reports = [NodeReport("place", Level.OK, NodeState.ACTIVE, {"busy": 0.95}, "p")]
    for _ in range(8):
        robot.fly(0.1, reports=reports, target_m=3.0)
        robot.fly(0.9, target_m=3.0)
    orders = robot.decision.orders
    assert orders["place"].rate_hz == 1.0
    assert orders["range"].rate_hz == 10.0
    assert [event.subject for event in robot.events if event.kind is Kind.BUDGET][:2] == ["place rate", "motion region"]


def test_every_change_says_why():
    robot = Robot()
    robot.fly(40.0)
    robot.fly(1.0, without=["range"])
    robot.fly(3.0, target_m=2.0)
    kinds = {event.kind for event in robot.events}
    assert kinds >= {Kind.OWNER, Kind.TRUST, Kind.SENSING, Kind.PHASE}
    for event in robot.events:
        assert event.old != event.new
        assert event.cause
        assert T0 < event.stamp_s <= robot.now_s


def test_the_same_story_gives_the_same_decisions():
    def story():
        robot = Robot()
        robot.fly(20.0)
        robot.fly(1.0, without=["range"])
        robot.fly(5.0, range=1.5)
        return robot.events

    assert story() == story()


def test_a_sleeping_sensor_is_reported_as_asleep_and_well():
    robot = Robot()
    robot.fly(25.0)
    robot.now_s += 0.1
    robot.step()
    states = {name: (health, order) for name, health, order in robot.coordinator.sensing(robot.now_s)}
    health, order = states["range"]
    assert health.level is Level.OK
    assert health.message.startswith("asleep until ")
    assert order.asleep_until_s > robot.now_s


def test_suspicion_asks_the_model_of_healthy_flight_and_calm_does_not():
    robot = Robot()
    robot.coordinator = Coordinator(CONTRACTS, CoordinationConfig(), novelty=load_novelty())
    robot.fly(20.0)
    assert robot.coordinator.streams.novelty.asked == 0
    robot.fly(6.0, climb=0.08)  # the height does not follow
    assert 0 < robot.coordinator.streams.novelty.asked <= 7


TIMES = st.floats(-1e6, 1e6) | st.floats(99.0, 111.0)
NUMBERS = st.floats() | st.floats(0, 10)
SAMPLES = st.builds(Sample, st.sampled_from([*CONTRACTS, "unknown"]), st.floats() | TIMES, NUMBERS)
REPORTS = st.builds(
    NodeReport, st.sampled_from(["snn", "x"]), st.sampled_from(list(Level)), st.sampled_from(list(NodeState)),
    st.dictionaries(st.sampled_from(["busy", "probability", "pd_spikes", "pd_neuron_steps", "process_cpu"]),
                    st.floats(-1e12, 1e12)),
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(TIMES, st.lists(SAMPLES, max_size=6), st.lists(REPORTS, max_size=2), st.floats(), st.floats()),
        max_size=25,
    )
)
def test_nothing_that_can_be_told_raises_or_names_a_controller_that_is_not_fit(steps):
    robot = Robot()
    robot.fly(2.0)
    for now_s, samples, reports, target_m, battery in steps:
        robot.coordinator.step(Snapshot(now_s, samples, target_m, reports, battery=battery))
        decision = robot.coordinator.step(Snapshot(now_s, (), None))
        if decision.rung in (Rung.PAIR, Rung.REMAINING):
            assert decision.trusts["command/snn"].usable
        if decision.rung is Rung.PID:
            assert decision.trusts["command/pid"].usable
        assert decision.phase in Phase


def test_a_coordinator_that_was_held_up_judges_nobody_until_it_has_caught_up():
    robot = Robot()
    robot.fly(3.0)
    robot.now_s += 0.4  # it did not run, and what came meanwhile is still to be heard
    robot.step()
    assert robot.decision.owner == "snn"
    assert robot.fly(1.0).owner == "snn"
    assert robot.rungs() == ["pair"]
    assert robot.fly(1.5, without=["command/snn"]).owner == "pid"  # silence that it did hear
