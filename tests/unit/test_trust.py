"""Trust in a stream: what costs it, what does not, and how it comes back."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_control.coordination.agreement import Agreement
from snn_control.coordination.contracts import load_contracts
from snn_control.coordination.trust import Doubt, TrustConfig, TrustMonitor
from snn_core.signals import Verdict

T0 = 100.0
CONTRACTS = load_contracts()


def monitor(stream="range"):
    return TrustMonitor(CONTRACTS[stream], TrustConfig())


def feed(watch, count, start_s=T0, dt_s=0.1, value=lambda t: 1.0, climb=None, late_s=0.0):
    """`count` samples; returns the time of the last one."""
    for k in range(count):
        t = start_s + k * dt_s
        watch.take(t, value(t), t + late_s)
        if climb is not None:
            watch.partner(climb(t), t)
    return start_s + (count - 1) * dt_s + late_s


def verdict(watch, now_s):
    trust = watch.judge(now_s)
    return trust.value, trust.doubt


def test_what_was_never_heard_is_not_trusted_and_a_row_of_good_samples_is():
    watch = monitor()
    assert verdict(watch, T0) == (0.0, Doubt.UNKNOWN)
    now = feed(watch, 4)
    assert verdict(watch, now) == (0.0, Doubt.RECOVERING)
    now = feed(watch, 1, now + 0.1)
    assert verdict(watch, now) == (1.0, Doubt.NONE)


def test_silence_is_loss_and_the_way_back_takes_a_row_again():
    watch = monitor()
    now = feed(watch, 10)
    assert watch.judge(now + 0.19).usable
    assert verdict(watch, now + 0.21) == (0.0, Doubt.SILENT)
    assert "no data for 0.21 s (limit 0.20 s)" in watch.explain(watch.judge(now + 0.21), now + 0.21)
    now = feed(watch, 4, now + 0.3)
    assert not watch.judge(now).usable
    assert watch.judge(feed(watch, 1, now + 0.1)).usable


def test_a_sleeping_sensor_is_not_a_dead_one_but_may_not_oversleep():
    watch = monitor()
    now = feed(watch, 10)
    watch.expect(2.5, now)
    now = feed(watch, 6, now + 0.4, dt_s=0.4)
    assert watch.judge(now + 0.45).usable
    assert verdict(watch, now + 0.55) == (0.0, Doubt.SILENT)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.1, 20.1, 1e308])
def test_garbage_is_refused_and_a_few_in_a_row_cost_all_trust(value):
    watch = monitor()
    now = feed(watch, 10)
    assert watch.judge(now).usable
    assert watch.take(now + 0.1, value, now + 0.1) in (Verdict.NON_FINITE, Verdict.OUT_OF_RANGE)
    assert watch.judge(now + 0.1).value == pytest.approx(0.8)  # 1 of 3, the first half free: (3 - 1) / 2.5
    assert watch.value == 1.0
    for k in (2, 3):
        watch.take(now + 0.05 * k, value, now + 0.05 * k)
    assert verdict(watch, now + 0.15) == (0.0, Doubt.REFUSED)


@pytest.mark.parametrize(
    ("stamp_s", "expected"),
    [
        (0.0, Verdict.NO_STAMP),
        (T0 + 1e9, Verdict.FUTURE),
        (T0 - 60.0, Verdict.STALE),
        (T0 + 0.85, Verdict.OUT_OF_ORDER),
    ],
)
def test_bad_stamps_are_refused_and_poison_nothing(stamp_s, expected):
    watch = monitor()
    now = feed(watch, 10)  # the newest at T0 + 0.9
    assert watch.take(stamp_s, 1.0, now) is expected
    assert watch.take(now + 0.1, 1.0, now + 0.1) is Verdict.OK


def test_a_duplicate_is_counted_once_and_costs_nothing():
    watch = monitor()
    now = feed(watch, 10)
    assert watch.take(now, 1.0, now) is Verdict.DUPLICATE
    assert watch.judge(now).value == 1.0


def test_a_slow_sensor_is_named_with_its_rate():
    watch = monitor("command/pid")
    now = feed(watch, 60, dt_s=0.19)
    trust = watch.judge(now)
    assert trust.doubt is Doubt.SLOW
    assert "rate 5.3 Hz, expected 10.0 Hz" in watch.explain(trust, now)


def test_jitter_is_seen():
    watch, now = monitor("command/pid"), T0
    for k in range(200):
        now += 0.02 if k % 2 else 0.18
        watch.take(now, 1.0, now)
    assert watch.judge(now).doubt is Doubt.JITTER


def test_a_value_that_freezes_while_the_vehicle_moves_is_stuck_and_one_that_rests_is_not():
    watch = monitor()
    now = feed(watch, 40, climb=lambda t: 0.0)
    assert watch.judge(now).value == 1.0
    now = feed(watch, 40, now + 0.1, climb=lambda t: 0.08)
    trust = watch.judge(now)
    assert (trust.usable, trust.doubt) == (False, Doubt.STUCK)


def test_a_drift_disagrees_with_the_climb_and_honest_motion_does_not():
    def height(t):
        return 2.0 + math.sin(0.5 * (t - T0))

    def climb(t):
        return 0.5 * math.cos(0.5 * (t - T0))

    honest, drifting = monitor(), monitor()
    now = feed(honest, 300, value=height, climb=climb)
    feed(drifting, 300, value=lambda t: height(t) + 0.05 * (t - T0), climb=climb)
    assert honest.judge(now).value == 1.0
    assert not drifting.judge(now).usable
    assert drifting.judge(now).doubt is Doubt.DISAGREES
    assert drifting.gap == pytest.approx(0.05 * 8.0, rel=0.15)  # a lasting difference of drift times LEAK_S


def test_noise_shows_in_the_innovations():
    generator = np.random.default_rng(0)
    watch = monitor()
    now = feed(watch, 100, value=lambda t: 2.0 + 0.05 * generator.standard_normal())
    trust = watch.judge(now)
    assert not trust.usable
    assert trust.doubt is Doubt.INNOVATION


def test_after_a_reset_nothing_is_known():
    watch = monitor()
    feed(watch, 10)
    watch.reset()
    assert watch.judge(T0).doubt is Doubt.UNKNOWN
    assert watch.judge(feed(watch, 5, start_s=5.0)).usable  # an earlier time is a time like any other


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.floats(), st.floats(), st.floats(0, 1e9)), max_size=40))
def test_no_sample_whatsoever_raises_or_leaves_the_interval(samples):
    watch = monitor()
    for stamp_s, value, now_s in samples:
        watch.take(stamp_s, value, now_s)
        watch.partner(value, stamp_s)
        trust = watch.judge(now_s)
        assert 0.0 <= trust.value <= 1.0
        watch.explain(trust, now_s)


def test_what_a_leap_left_behind_is_forgotten_within_seconds():
    agreement = Agreement(0.1)
    for k in range(300):  # at rest, but for 3 s at which the value is 9 m too large
        agreement.speed(0.0, 0.1 * k)
        agreement.value(10.0 if 50 <= k < 80 else 1.0)
        if k == 85:
            assert agreement.disagreement > 2.0
    assert agreement.disagreement < 1.0


def test_what_a_drift_left_behind_is_not():
    agreement = Agreement(0.1)
    for k in range(300):  # 5 cm a second too much for 6 s
        agreement.speed(0.0, 0.1 * k)
        agreement.value(1.0 + 0.005 * min(max(k - 50, 0), 60))
        if k == 110:
            assert agreement.disagreement == pytest.approx(10 * 0.05 * 8.0 * (1.0 - np.exp(-6.0 / 8.0)), rel=0.02)
    assert agreement.disagreement > 0.1
