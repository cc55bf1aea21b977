"""Readings are judged one by one: each fault has its name, and none of them disturbs what comes after."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snn_core.reading_check import ReadingCheck, ReadingConfig, judge_reading
from snn_core.signals import AltitudeReading, Verdict

NOW = 1000.0
CONFIG = ReadingConfig()
LAST = AltitudeReading(1.0, NOW - 0.1, 0.0, 12.0)


def reading(height_m=1.0, age_s=0.0, low=0.0, high=12.0):
    return AltitudeReading(height_m, NOW - age_s, low, high)


@pytest.mark.parametrize(
    ("candidate", "verdict"),
    [
        (reading(), Verdict.OK),
        (reading(age_s=-0.04), Verdict.OK),
        (reading(age_s=-0.06), Verdict.FUTURE),
        (reading(age_s=-3600.0), Verdict.FUTURE),
        (reading(age_s=0.21), Verdict.STALE),
        (reading(age_s=0.1), Verdict.DUPLICATE),
        (reading(age_s=0.15), Verdict.OUT_OF_ORDER),
        (AltitudeReading(1.0, 0.0), Verdict.NO_STAMP),
        (reading(math.nan), Verdict.NON_FINITE),
        (reading(math.inf), Verdict.NO_RETURN),
        (reading(-math.inf), Verdict.TOO_CLOSE),
        (reading(-0.01), Verdict.NEGATIVE),
        (reading(-1e308), Verdict.NEGATIVE),
        (reading(12.01), Verdict.OUT_OF_RANGE),
        (reading(0.05, low=0.1), Verdict.OUT_OF_RANGE),
        (reading(25.0, high=40.0), Verdict.OUT_OF_RANGE),
        (reading(1e308, high=math.inf), Verdict.OUT_OF_RANGE),
        (reading(low=2.0, high=1.0), Verdict.BAD_LIMITS),
        (reading(low=0.0, high=0.0), Verdict.BAD_LIMITS),
        (reading(high=math.nan), Verdict.BAD_LIMITS),
        (reading(1.6), Verdict.OK),  # 0.3 m margin + 0.1 s at 3 m/s
        (reading(1.61), Verdict.JUMP),
        (reading(0.39), Verdict.JUMP),
    ],
    ids=lambda value: value.value if isinstance(value, Verdict) else "",
)
def test_verdicts(candidate, verdict):
    assert judge_reading(candidate, LAST, NOW, CONFIG) is verdict


def test_a_refused_reading_leaves_no_trace():
    check = ReadingCheck(CONFIG)
    check.take(LAST, NOW)
    faults = [reading(math.nan), reading(age_s=-1e9), reading(math.inf), reading(-1.0), reading(9.0), LAST]
    assert [check.take(fault, NOW).value for fault in faults] == [
        *("non_finite", "future", "no_return", "negative", "jump", "duplicate")
    ]
    assert check.last == LAST
    assert check.take(reading(1.2), NOW) is Verdict.OK
    named = (Verdict.NON_FINITE, Verdict.FUTURE, Verdict.NO_RETURN, Verdict.NEGATIVE, Verdict.JUMP, Verdict.DUPLICATE)
    assert check.counts == {Verdict.OK: 2, **dict.fromkeys(named, 1)}


def test_a_jump_is_believed_once_it_can_have_been_flown():
    check = ReadingCheck(CONFIG)
    check.take(AltitudeReading(1.0, NOW), NOW)
    verdicts = [check.take(AltitudeReading(2.0, NOW + 0.1 * k), NOW + 0.1 * k) for k in range(1, 5)]
    assert verdicts == [Verdict.JUMP, Verdict.JUMP, Verdict.OK, Verdict.OK]  # 0.3 + 3 t >= 1 from 0.233 s on


@pytest.mark.parametrize(("height_m", "unit"), [(101.0, "centimetres"), (1010.0, "millimetres"), (3.3, "feet")])
def test_the_complaint_guesses_the_unit(height_m, unit):
    check = ReadingCheck(CONFIG)
    check.take(LAST, NOW)
    check.take(reading(height_m), NOW)
    assert f"is it in {unit}?" in check.complaint
    assert "previous 1 m" in check.complaint


def test_a_clock_set_back_is_forgiven_at_once():
    check = ReadingCheck(CONFIG)
    check.take(reading(), NOW)
    assert check.take(AltitudeReading(5.0, NOW - 60.0, 0.0, 12.0), NOW - 60.0) is Verdict.OK


@pytest.mark.parametrize(("accept", "verdict"), [(False, Verdict.NO_STAMP), (True, Verdict.OK)])
def test_readings_without_a_stamp(accept, verdict):
    check = ReadingCheck(ReadingConfig(accept_unstamped=accept))
    assert check.take(AltitudeReading(1.0, 0.0), NOW) is verdict
    assert (check.last == AltitudeReading(1.0, NOW)) is accept


@given(
    st.lists(st.tuples(st.floats(), st.floats(), st.floats(), st.floats(-1e10, 1e10)), max_size=20),
    st.lists(st.floats(0.0, 10.0), min_size=20, max_size=20),
)
def test_only_believable_heights_ever_get_through(readings, clock):
    check = ReadingCheck(CONFIG)
    for (height, low, high, stamp), now in zip(readings, sorted(clock), strict=False):
        before = check.last
        verdict = check.take(AltitudeReading(height, stamp, low, high), now)
        if verdict is Verdict.OK:
            assert 0.0 <= check.last.height_m <= CONFIG.max_height_m
            assert low <= check.last.height_m <= high
            assert -CONFIG.future_tolerance_s <= now - check.last.stamp_s <= CONFIG.max_reading_age_s
        else:
            assert check.last == before
