"""The fallback ladder: the strictest demand wins, no fallback is blind, and climbing takes patience."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_control.coordination.contracts import Phase
from snn_control.coordination.ladder import (
    Clears,
    Condition,
    Fitness,
    LadderConfig,
    LadderState,
    Rung,
    ladder_step,
)

ALL_FIT = Fitness(True, True, True, True)
NO_PID = Fitness(True, True, False, True)
BLIND = Fitness(False, False, False, False)
CONFIG = LadderConfig()
ACTIVE = st.sets(st.sampled_from(list(Condition)))
FITNESS = st.builds(Fitness, *[st.booleans()] * 4)


def run(state, seconds, active=frozenset(), fit=ALL_FIT, phase=Phase.HOLD, start_s=100.0):
    """Steps of 0.1 s; returns the state and the time after them."""
    steps = round(seconds / 0.1)
    for k in range(steps):
        state = ladder_step(state, active, fit, phase, start_s + 0.1 * k, CONFIG)
    return state, start_s + 0.1 * steps


def flying():
    state, now = run(LadderState(), 2.0)
    assert state.rung is Rung.PAIR
    return state, now


@pytest.mark.parametrize("condition", list(Condition))
def test_each_condition_demands_its_rung_at_once(condition):
    state, now = flying()
    assert ladder_step(state, {condition}, ALL_FIT, Phase.HOLD, now, CONFIG).rung is condition.rung


@given(ACTIVE, FITNESS)
def test_the_strictest_wins_and_nothing_blind_is_engaged(active, fit):
    state, now = flying()
    rung = ladder_step(state, active, fit, Phase.HOLD, now, CONFIG).rung
    assert rung >= max((c.rung for c in active), default=Rung.PAIR)
    needed = {Rung.PAIR: fit.pair, Rung.REMAINING: fit.remaining, Rung.PID: fit.pid, Rung.HOLD: fit.command_known}
    assert needed.get(rung, True)


@given(st.lists(st.sampled_from(list(Condition)), min_size=1, max_size=5, unique=True), FITNESS)
def test_the_order_in_which_conditions_come_is_irrelevant(conditions, fit):
    outcomes = set()
    for order in itertools.permutations(conditions):
        state, now = flying()
        for count in range(1, len(order) + 1):
            state = ladder_step(state, set(order[:count]), fit, Phase.HOLD, now, CONFIG)
        outcomes.add((state.rung, frozenset(state.held), state.cause if len(conditions) == 1 else ""))
    assert len(outcomes) == 1


def test_a_hold_is_short_and_then_neutral_and_never_the_other_way():
    state, now = flying()
    rungs = []
    for k in range(6):
        state = ladder_step(state, {Condition.SENSE_LOST}, ALL_FIT, Phase.HOLD, now + 0.1 * k, CONFIG)
        rungs.append(state.rung)
    assert rungs == [Rung.HOLD] * 3 + [Rung.NEUTRAL] * 3
    assert ladder_step(LadderState(), {Condition.SENSE_LOST}, ALL_FIT, Phase.HOLD, now, CONFIG).rung is Rung.NEUTRAL


def test_climbing_needs_a_dwell_and_a_row_of_healthy_steps():
    state, now = flying()
    state = ladder_step(state, {Condition.SNN_UNTRUSTED}, ALL_FIT, Phase.HOLD, now, CONFIG)
    state, now = run(state, 0.9, start_s=now + 0.1)
    assert state.rung is Rung.PID
    state, now = run(state, 0.2, active={Condition.SNN_UNTRUSTED}, start_s=now)
    state, now = run(state, 0.4, start_s=now)  # four healthy steps of the five
    assert state.rung is Rung.PID
    state, _ = run(state, 0.1, start_s=now)
    assert state.rung is Rung.PAIR


def test_intermittent_faults_do_not_chatter():
    state, now = flying()
    changes, before = 0, state.rung
    for k in range(200):
        active = {Condition.SNN_UNTRUSTED} if k % 4 < 2 else set()
        state = ladder_step(state, active, ALL_FIT, Phase.HOLD, now + 0.1 * k, CONFIG)
        changes += state.rung is not before
        before = state.rung
    assert changes == 1


def test_some_conditions_outlive_their_cause():
    for condition in Condition:
        state, now = flying()
        state = ladder_step(state, {condition}, ALL_FIT, Phase.HOLD, now, CONFIG)
        state, now = run(state, 3.0, start_s=now + 0.1)
        after_change, _ = run(state, 3.0, phase=Phase.TRANSIT, start_s=now)
        assert (state.rung is Rung.PAIR) == (condition.clears is Clears.WHEN_GONE)
        assert (after_change.rung is Rung.PAIR) == (condition.clears is not Clears.NEVER)


def test_a_controller_that_falls_too_often_stays_down():
    state, now = flying()
    for _ in range(CONFIG.unreliable_falls):
        state = ladder_step(state, {Condition.SNN_UNTRUSTED}, ALL_FIT, Phase.HOLD, now, CONFIG)
        state, now = run(state, 3.0, start_s=now + 0.1)
    assert Condition.SNN_UNRELIABLE in state.held
    assert run(state, 60.0, phase=Phase.TRANSIT, start_s=now)[0].rung is Rung.PID


def test_a_handover_waits_for_close_commands_but_not_for_ever():
    apart = ALL_FIT._replace(gap=8.0)
    state, now = flying()
    state = ladder_step(state, {Condition.SNN_UNTRUSTED}, ALL_FIT, Phase.HOLD, now, CONFIG)
    waiting, later = run(state, 4.0, fit=apart, start_s=now + 0.1)
    assert waiting.rung is Rung.PID
    assert run(waiting, 0.1, start_s=later)[0].rung is Rung.PAIR
    assert run(waiting, 5.0, fit=apart, start_s=later)[0].rung is Rung.PAIR


@given(st.lists(st.tuples(ACTIVE, FITNESS, st.sampled_from(list(Phase)), st.floats(-1e6, 1e6)), max_size=30))
def test_any_sequence_of_times_is_survived(steps):
    state = LadderState()
    for active, fit, phase, now_s in steps:
        state = ladder_step(state, active, fit, phase, now_s, CONFIG)
        assert state.rung in Rung


def test_without_anything_fit_it_is_neutral():
    state, now = flying()
    assert run(state, 1.0, fit=BLIND, start_s=now)[0].rung is Rung.NEUTRAL
    assert ladder_step(state, {Condition.SNN_UNTRUSTED}, NO_PID, Phase.HOLD, now, CONFIG).rung is Rung.HOLD
