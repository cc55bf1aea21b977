"""Action to sensing: demand up at once, down with patience, never below the floor, and in full every so often."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_control.coordination.contracts import Phase, load_contracts
from snn_control.coordination.journal import Journal, Kind
from snn_control.coordination.oscillation import Oscillation, OscillationConfig
from snn_control.coordination.sensing_policy import CENTRE, Pressure, SensingConfig, SensingPolicy, floor_hz
from snn_control.coordination.situation import Situation, SituationConfig, next_phase
from snn_core.sensing import WHOLE
from snn_core.signals import Level

CONTRACTS = load_contracts()
CALM = Situation(Phase.HOLD, 0.0, 0.0, 0.0, 1.0)
BUSY = Situation(Phase.TRANSIT, 1.0, 0.5, 0.5, 0.2)
NOTHING = Pressure()


def policy(**settings):
    return SensingPolicy(CONTRACTS, SensingConfig(**{"refresh_s": 1000.0, **settings}), Journal())


def run(found, situation, seconds, start_s=100.0, pressure=NOTHING):
    orders = {}
    for k in range(round(seconds / 0.1)):
        orders = dict(found.step(situation, pressure, start_s + 0.1 * k))
    return orders


def test_calm_is_sensed_at_the_floor_and_trouble_at_once_in_full():
    found = policy()
    orders = run(found, CALM, 60.0)
    assert orders["range"].rate_hz == 2.5
    assert (orders["place"].rate_hz, orders["place"].time_steps) == (1.0, 8)
    assert (orders["motion"].rate_hz, orders["motion"].region) == (10.0, CENTRE)
    orders = found.step(BUSY, NOTHING, 161.0)
    assert [orders[name].rate_hz for name in ("range", "place", "motion")] == [10.0, 10.0 / 1, 50.0]
    assert orders["motion"].region == WHOLE


def test_less_is_asked_for_only_after_a_dwell_and_by_one_divisor():
    found = policy(refresh_for_s=0.1, dwell_down_s=2.0)
    rates = [found.step(CALM, NOTHING, 100.0 + 0.1 * k)["range"].rate_hz for k in range(70)]
    changes = [k for k in range(1, 70) if rates[k] != rates[k - 1]]
    assert [round(rates[k], 2) for k in changes] == [5.0, 3.33, 2.5]
    assert all(later - earlier >= 20 for earlier, later in pairwise(changes))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, 2.5),
        ({"control_bandwidth_hz": 0.5}, 5.0),  # ten samples per period
        ({"max_predicted_steps": 1}, 5.0),  # every second control step needs a sample
        ({"max_predicted_steps": 0}, 10.0),
        ({"control_bandwidth_hz": 5.0}, 10.0),  # more than the sensor can: its nominal rate
    ],
)
def test_the_floor_of_the_height_is_set_by_its_controller(settings, expected):
    assert floor_hz(CONTRACTS["range"], "height", SensingConfig(**settings)) == pytest.approx(expected)


def test_everything_is_sensed_in_full_every_so_often_whatever_it_saw_before():
    found = policy(refresh_s=15.0, refresh_for_s=1.0)
    rates = [found.step(CALM, NOTHING, 100.0 + 0.1 * k)["range"].rate_hz for k in range(600)]
    full = [sum(rate == 10.0 for rate in rates[begin : begin + 150]) for begin in (150, 300, 450)]
    assert all(9 <= count <= 11 for count in full)


def test_a_surprise_is_looked_into():
    found = policy(surprise_s=5.0)
    run(found, CALM, 30.0)
    assert found.step(CALM, Pressure(surprised=True), 130.0)["range"].rate_hz == 10.0
    assert found.step(CALM, NOTHING, 134.9)["range"].rate_hz == 10.0
    assert found.step(CALM, NOTHING, 135.1)["range"].rate_hz < 10.0


def test_what_is_not_trusted_must_prove_itself_at_its_full_rate():
    found = policy()
    run(found, CALM, 30.0)
    orders = found.step(CALM, Pressure(untrusted=frozenset({"range"})), 130.0)
    assert orders["range"].rate_hz == 10.0
    assert orders["place"].rate_hz < 10.0


def test_the_budget_sheds_perception_and_never_the_height():
    found = policy()
    shed = frozenset({("place", "rate"), ("motion", "region"), ("motion", "rate"), ("height", "rate")})
    orders = run(found, BUSY, 1.0, pressure=Pressure(shed=shed - {("height", "rate")}))
    assert (orders["place"].rate_hz, orders["motion"].rate_hz, orders["motion"].region) == (1.0, 10.0, CENTRE)
    assert orders["range"].rate_hz == 10.0


def test_without_adaptation_everything_stays_as_it_is():
    found = policy(adapt=False)
    assert run(found, CALM, 60.0)["range"].rate_hz == 10.0
    assert found.journal.total == 0


def test_adaptation_that_oscillates_is_frozen_in_full_and_told():
    found = policy(dwell_down_s=0.2, freeze_s=30.0)
    for k in range(400):
        found.step(CALM if k % 10 < 6 else BUSY, NOTHING, 200.0 + 0.1 * k)
    frozen = [event for event in found.journal.kept if event.kind is Kind.ADAPTATION]
    assert {event.subject for event in frozen} >= {"range"}
    assert frozen[0].level is Level.WARN
    assert found.dials[0].order.rate_hz == 10.0


def test_reversals_far_apart_are_no_oscillation():
    found = Oscillation(OscillationConfig(oscillation_reversals=4, oscillation_s=10.0))
    for k in range(20):
        found.turned(k % 2 == 0, 5.0 * k)
    assert not found.frozen(100.0)


@given(
    st.lists(
        st.tuples(
            st.floats(-10, 10), st.floats(-10, 10), st.floats(-10, 10), st.floats(0, 1), st.sampled_from(list(Phase)),
            st.floats(-1e6, 1e6),
        ),
        max_size=40,
    )
)  # fmt: skip
def test_every_order_keeps_its_contract_whatever_happens(steps):
    found = policy()
    for error_m, climb, divergence, confidence, phase, now_s in steps:
        situation = Situation(phase, error_m, climb, divergence, confidence)
        for name, order in found.step(situation, NOTHING, now_s).items():
            contract = CONTRACTS[name]
            assert contract.rate_min_hz - 1e-9 <= order.rate_hz <= contract.rate_max_hz


def test_a_target_is_reached_when_the_error_has_been_small_for_a_while():
    config, now = SituationConfig(), Situation()
    phases = []
    for error_m in [1.0] * 5 + [0.05] * 25 + [0.12] * 5 + [0.2] * 2 + [None] * 2:
        phase, calm_s = next_phase(now, error_m, 0.1, config)
        now = now._replace(phase=phase, calm_s=calm_s)
        phases.append(phase)
    assert phases[:24] == [Phase.TRANSIT] * 24
    assert phases[26:35] == [Phase.HOLD] * 9  # an error between the two limits changes nothing
    assert phases[35:] == [Phase.TRANSIT] * 4  # nor does one that is not known
