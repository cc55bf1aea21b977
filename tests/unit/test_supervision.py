"""The smaller state machines: shadow, spikes, battery, compute budget, lifecycle."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_control.coordination.battery import BatteryConfig, Charge, next_charge
from snn_control.coordination.budget import SHED_ORDER, Budget, BudgetConfig, Load, busiest
from snn_control.coordination.lifecycle import LifecycleConfig, NodeState, Supervisor, Transition
from snn_control.coordination.shadow import Shadow, ShadowConfig
from snn_control.coordination.spiking_health import (
    Saturation,
    SpikeCounts,
    SpikingConfig,
    SpikingHealth,
    SpikingVerdict,
)
from snn_core.errors import ConfigError

T0 = 100.0


def compare(shadow, difference, seconds, start_s=T0):
    return [shadow.compare(difference, 0.0, start_s + 0.1 * k) for k in range(round(seconds / 0.1))]


def test_a_lasting_disagreement_is_an_alarm_and_a_transient_is_not():
    shadow = Shadow(ShadowConfig(shadow_band=4.0, shadow_after_s=3.0))
    alarms = compare(shadow, 10.0, 8.0)
    # 10 (1 - exp(-t/3)) passes 4 at t = 1.53 s; three seconds later it is an alarm
    assert alarms.index(True) == pytest.approx(46, abs=1)
    assert not any(compare(Shadow(ShadowConfig()), 10.0, 1.5))
    assert not any(compare(Shadow(ShadowConfig(shadow_band=4.0)), 3.9, 60.0))


def test_the_comparison_begins_anew_after_a_gap_and_when_the_clock_is_set():
    for jump_s in (5.0, -5.0):
        shadow = Shadow(ShadowConfig())
        assert compare(shadow, 10.0, 10.0)[-1]
        assert not shadow.compare(10.0, 0.0, T0 + 10.0 + jump_s)


def spikes(watch, share, reports, off_target=10):
    counts, verdict = SpikeCounts(0, 0, 0), None
    for _ in range(reports):
        counts = SpikeCounts(counts.spikes + round(400 * share), counts.neuron_steps + 400, counts[2] + off_target)
        verdict = watch.take(counts)
    return verdict


def test_a_network_that_is_silent_off_the_target_is_dead_and_at_the_target_at_rest():
    assert spikes(SpikingHealth(SpikingConfig(), 0.1), 0.0, 4) is SpikingVerdict.SILENT
    assert spikes(SpikingHealth(SpikingConfig(), 0.1), 0.0, 60, off_target=0) is SpikingVerdict.HEALTHY
    assert spikes(SpikingHealth(SpikingConfig(), 0.1), 0.3, 60) is SpikingVerdict.HEALTHY


def test_a_network_that_fires_everywhere_is_hyperactive_and_a_new_one_starts_anew():
    watch = SpikingHealth(SpikingConfig(), 0.1)
    assert spikes(watch, 1.0, 4) is SpikingVerdict.HYPERACTIVE
    assert watch.take(SpikeCounts(0, 0, 0)) is SpikingVerdict.HEALTHY


def test_a_command_at_its_limit_is_trouble_only_where_it_does_not_help():
    helps, lasts = Saturation(SpikingConfig(), 10.0), Saturation(SpikingConfig(), 10.0)
    assert not any(helps.take(10.0, 5.0 * 0.98**k, T0 + 0.1 * k) for k in range(300))
    found = [lasts.take(-10.0, 1.0, T0 + 0.1 * k) for k in range(100)]
    assert found.index(True) == pytest.approx(80, abs=1)
    assert not lasts.take(0.0, 1.0, T0 + 10.0)


@pytest.mark.parametrize(
    ("before", "share", "after"),
    [
        (Charge.FULL, 0.31, Charge.FULL), (Charge.FULL, 0.29, Charge.LOW), (Charge.LOW, 0.34, Charge.LOW),
        (Charge.LOW, 0.36, Charge.FULL), (Charge.FULL, 0.1, Charge.CRITICAL), (Charge.CRITICAL, 0.19, Charge.CRITICAL),
        (Charge.CRITICAL, 0.21, Charge.LOW), (Charge.LOW, math.nan, Charge.LOW), (Charge.LOW, 85.0, Charge.LOW),
        (Charge.FULL, -0.1, Charge.FULL),
    ],
)  # fmt: skip
def test_the_battery_has_limits_with_hysteresis_and_ignores_what_is_no_share(before, share, after):
    assert next_charge(before, share, BatteryConfig()) is after


def test_contradictory_limits_are_refused():
    with pytest.raises(ConfigError, match=r"battery_critical 0\.5 exceeds battery_low 0\.3"):
        BatteryConfig.check({"battery_critical": 0.5})
    with pytest.raises(ConfigError, match=r"load_relief 0\.9 must be below load_high 0\.75"):
        BudgetConfig.check({"load_relief": 0.9})


def test_nodes_of_one_process_share_its_thread():
    loads = [Load("a", "p", 0.4), Load("b", "p", 0.5), Load("c", "q", 0.8), Load("d", "r", math.nan)]
    assert busiest(loads) == ("p", pytest.approx(0.9))
    assert busiest([]) == ("", 0.0)


def test_overload_sheds_one_thing_at_a_time_in_the_stated_order_and_relief_gives_it_back():
    budget = Budget(BudgetConfig(overload_s=1.0, relief_s=10.0))
    levels = []
    for k in range(60):
        budget.step(0.9, T0 + 0.1 * k)
        levels.append(budget.level)
    assert [levels.index(n) for n in (1, 2, 3, 4)] == pytest.approx([10, 20, 30, 40], abs=1)
    assert budget.shed == frozenset(SHED_ORDER)
    assert all(role in ("place", "motion") for role, _ in SHED_ORDER)
    for k in range(450):
        budget.step(0.3, T0 + 6.0 + 0.1 * k)
    assert budget.level == 0
    assert budget.step(0.6, T0 + 60.0) == 0  # between the limits nothing moves


def nodes(*names):
    return Supervisor(names, LifecycleConfig())


def test_nodes_come_up_in_order_whatever_the_order_in_which_they_appear():
    for order in (("gate", "pid", "snn"), ("snn", "pid", "gate"), ("pid", "snn", "gate")):
        supervisor, states, asked, now = nodes("gate", "pid", "snn"), {}, [], T0
        for k in range(400):
            now = T0 + 0.1 * k
            if k % 20 == 0 and k // 20 < 3:
                states[order[k // 20]] = NodeState.UNCONFIGURED
            for name, state in states.items():
                supervisor.seen(name, state, now)
            for request in supervisor.step(now):
                asked.append((request.node, request.transition))
                states[request.node] = (
                    NodeState.INACTIVE if request.transition is Transition.CONFIGURE else NodeState.ACTIVE
                )
        assert set(states.values()) == {NodeState.ACTIVE}
        assert [node for node, transition in asked if transition is Transition.ACTIVATE] == ["gate", "pid", "snn"]


def test_a_node_that_does_not_obey_is_asked_again_with_growing_pauses():
    supervisor, times = nodes("gate"), []
    for k in range(1500):
        now = T0 + 0.1 * k
        supervisor.seen("gate", NodeState.UNCONFIGURED, now)
        times += [now for _ in supervisor.step(now)]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert pauses[:4] == pytest.approx([2.5, 3.0, 4.0, 6.0], abs=0.15)
    assert max(pauses) <= 32.1


def test_a_node_that_falls_too_often_is_left_alone_and_told():
    supervisor, now = nodes("gate", "snn"), T0
    for _ in range(LifecycleConfig().restarts_max):
        supervisor.seen("gate", NodeState.ACTIVE, now)
        supervisor.seen("gate", NodeState.UNCONFIGURED, now + 1.0)
        now += 2.0
    supervisor.seen("snn", NodeState.UNCONFIGURED, now)
    requests = [request for k in range(600) for request in _again(supervisor, now + 0.1 * k)]
    assert {request.node for request in requests} == {"snn"}  # those after it are not held up
    assert any(new == "given up" for _, _, new, _ in supervisor.take_changes())


def _again(supervisor, now):
    supervisor.seen("gate", NodeState.UNCONFIGURED, now)
    supervisor.seen("snn", NodeState.UNCONFIGURED, now)
    return supervisor.step(now)


def test_silence_means_gone():
    supervisor = nodes("gate")
    supervisor.seen("gate", NodeState.ACTIVE, T0)
    supervisor.step(T0 + 3.6)
    assert supervisor.nodes["gate"].state is NodeState.GONE
    assert ("gate", "active", "gone", "not heard for 3.5 s") in supervisor.take_changes()


@given(st.lists(st.tuples(st.sampled_from(list(NodeState)), st.floats(-1e9, 1e9)), max_size=50))
def test_any_history_is_survived(history):
    supervisor = nodes("gate", "snn")
    for state, now in history:
        supervisor.seen("gate", state, now)
        supervisor.step(now)
