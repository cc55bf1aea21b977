"""Lessons of the I network: a biased double integrator under the teacher's whole PID."""

import numpy as np

from snn_control.integral_task import BIAS, HOLD_S, HOLDS, integral_lessons
from snn_control.pid import PidConfig

(LESSON,) = integral_lessons(0.1, [5])


def test_the_integral_learns_the_bias_and_the_error_vanishes() -> None:
    first_hold = round(HOLD_S / 0.1)
    bias = np.random.default_rng(5).uniform(-BIAS, BIAS)
    assert abs(bias) > 1.0
    assert abs(LESSON.target[first_hold - 1] + bias) < 0.1 * abs(bias)
    assert np.abs(LESSON.error[first_hold - 100 : first_hold]).mean() < 0.02
    assert np.abs(LESSON.error[:100]).max() > 0.05


def test_shape_limits_and_centimetres() -> None:
    assert len(LESSON.error) == len(LESSON.target) == HOLDS * round(HOLD_S / 0.1)
    assert np.abs(LESSON.target).max() <= PidConfig().integral_limit
    np.testing.assert_allclose(LESSON.error * 100, np.round(LESSON.error * 100), atol=1e-9)


def test_the_bias_changes_with_every_hold() -> None:
    settled = LESSON.target[round(HOLD_S / 0.1) - 1 :: round(HOLD_S / 0.1)]
    assert len(settled) == HOLDS
    assert (np.abs(np.diff(settled)) > 0.3).any()


def test_the_seed_makes_the_lesson() -> None:
    other, again = integral_lessons(0.1, [6, 5])
    np.testing.assert_array_equal(again.error, LESSON.error)
    np.testing.assert_array_equal(again.target, LESSON.target)
    assert (other.error != LESSON.error).any()


def test_without_an_integral_gain_nothing_is_learnt() -> None:
    assert not integral_lessons(0.1, [5], PidConfig(ki=0.0))[0].target.any()
