"""Orders to sensors: leases that run out, and what a node makes of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.sensing import SamplePacer, SensingLease, SensingOrder, read_order
from snn_perception.places.place_loop import LoopConfig
from snn_perception.region_of_interest import under_order

ORDER = SensingOrder(2.5, (0.25, 0.0, 0.75, 1.0), 8, "pd", 12.5)


def test_an_order_survives_the_wire():
    assert read_order(ORDER.to_values()) == ORDER


@pytest.mark.parametrize(
    "change",
    [
        {"expected_rate_hz": "0"}, {"expected_rate_hz": "nan"}, {"expected_rate_hz": "fast"}, {"roi_left": "0.9"},
        {"roi_bottom": "1.5"}, {"time_steps": "-1"}, {"parts": "both"}, {"asleep_until_s": "inf"},
    ],
)  # fmt: skip
def test_an_order_that_cannot_be_followed_changes_nothing(change):
    lease = SensingLease(1.0)
    assert lease.take(ORDER.to_values(), 5.0)
    assert not lease.take({**ORDER.to_values(), **change}, 5.5)
    assert (lease.order(5.9), lease.refused) == (ORDER, 1)


def test_a_lease_runs_out_and_a_clock_that_was_set_back_ends_it():
    lease = SensingLease(1.0)
    assert lease.order(0.0) is None
    lease.take(ORDER.to_values(), 5.0)
    assert lease.order(6.0) == ORDER
    assert lease.order(6.01) is None
    assert lease.order(4.0) is None


@given(st.dictionaries(st.sampled_from([*ORDER.to_values(), "other"]), st.text(max_size=8)))
def test_whatever_a_message_holds_is_survived(values):
    read_order(values)


@pytest.mark.parametrize(("rate_hz", "expected"), [(10.0, 20), (5.0, 10), (10.0 / 3.0, 7), (2.5, 5)])
def test_a_sensor_leaves_out_whole_samples(rate_hz, expected):
    pacer = SamplePacer(0.1)
    assert sum(pacer.due(1.0 + 0.1 * k, SensingOrder(rate_hz)) for k in range(20)) == expected


def test_without_an_order_every_tick_is_sampled_and_a_clock_set_back_samples_at_once():
    pacer = SamplePacer(0.1)
    assert all(pacer.due(1.0 + 0.1 * k, None) for k in range(10))
    assert pacer.due(0.5, SensingOrder(2.5))


def test_a_node_senses_less_and_never_more_than_its_own_settings():
    config = LoopConfig(rate_hz=5.0, roi_right=0.5)
    less = under_order(config, ORDER)
    assert (less.rate_hz, less.roi_left, less.roi_right, less.max_time_steps) == (2.5, 0.25, 0.5, 8)
    more = under_order(config, SensingOrder(50.0))
    assert more == config
    assert under_order(config, None) is config
    elsewhere = under_order(config, SensingOrder(2.5, (0.6, 0.0, 0.9, 1.0)))
    assert (elsewhere.roi_left, elsewhere.roi_right) == (0.0, 0.5)
