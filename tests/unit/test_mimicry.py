"""Lessons of the PD network and the predictors that learn nothing."""

from pathlib import Path

import numpy as np
import pytest

from snn_control.mimicry import HOLD_S, STEP_M, pd_lesson, smoothed, stepping_reference, teach, trivial_losses
from snn_control.pid import PidConfig
from snn_control.recordings import read_recordings
from snn_core.metrics import mimic_loss

DT_S = 0.5
PD = PidConfig(kp=8.0, ki=0.0, kd=4.0, limit=10.0)


def wandering_height(steps: int = 2000, seed: int = 0) -> np.ndarray:
    """A height that wanders smoothly around 2 m, in centimetres."""
    pushes = np.random.default_rng(seed).standard_normal(steps)
    kernel = np.exp(-np.arange(200) / 40.0)
    return np.round(2.0 + 0.05 * np.convolve(pushes, kernel)[:steps], 2)


def test_the_teacher_answers_a_recorded_height() -> None:
    height, reference = np.array([1.0, 1.0, 1.5, 1.5, 4.0]), np.array([1.0, 1.5, 1.5, 1.5, 1.5])
    lesson = teach(reference, height, PD, DT_S)
    np.testing.assert_array_equal(lesson.error, [0.0, 0.5, 0.0, 0.0, -2.5])
    # P 8 e; D -4 dh/dt: -4 * 1 m/s in the third step; the last is -20 - 20, clipped
    np.testing.assert_array_equal(lesson.target, [0.0, 4.0, -4.0, 0.0, -10.0])


def test_a_pd_lesson_has_no_integral() -> None:
    height = wandering_height()
    lesson = pd_lesson(height, 0.1, seed=3)
    p = 9.0 * lesson.error
    d = -14.0 * np.diff(height, prepend=height[0]) / 0.1
    np.testing.assert_allclose(lesson.target, np.clip(p + d, -10.0, 10.0), atol=1e-9)


def test_the_reference_steps_towards_the_blimp() -> None:
    height = wandering_height()
    reference = stepping_reference(height, 0.1, np.random.default_rng(0))
    edges = np.flatnonzero(np.diff(reference)) + 1
    steps, holds = np.diff(reference)[edges - 1], np.diff([0, *edges]) * 0.1
    assert reference[0] == height[0]
    assert len(edges) >= 5
    assert (np.abs(steps) >= STEP_M[0]).all()
    assert (np.abs(steps) <= STEP_M[1]).all()
    assert (holds >= HOLD_S[0] - 0.1).all()
    assert (holds <= HOLD_S[1] + 0.1).all()
    assert (np.sign(steps) == np.sign(height[edges] - reference[edges - 1])).all()


def test_the_seed_makes_the_reference() -> None:
    height = wandering_height()
    first, again, other = (pd_lesson(height, 0.1, seed).error for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_smoothing_is_a_moving_average_that_starts_at_the_first_value() -> None:
    np.testing.assert_array_equal(smoothed(np.array([4.0, 0.0, 8.0]), 0.5), [4.0, 2.0, 5.0])
    np.testing.assert_array_equal(smoothed(np.array([1.0, 2.0]), 0.0), [1.0, 2.0])


def test_trivial_losses_by_hand() -> None:
    lesson = teach(np.array([1.0, 1.5, 1.5, 1.5]), np.array([1.0, 1.0, 1.5, 1.5]), PD, DT_S)  # target 0, 4, -4, 0
    losses = trivial_losses(lesson, PD)
    assert losses["zero"] == 2.0 + 1.0  # a constant correlates with nothing
    # P only says 0, 4, 0, 0: MAE 1, covariance 16 of sqrt(32) sqrt(12)
    assert losses["p_only"] == pytest.approx(1.0 + 1.0 - 16.0 / np.sqrt(32.0 * 12.0))
    # EMA 0.5 says 0, 2, -1, -0.5: MAE (2 + 3 + 0.5) / 4
    assert losses["ema_0.5"] == pytest.approx(mimic_loss(np.array([0, 2, -1, -0.5]), lesson.target))
    assert losses["ema_0.5"] == pytest.approx(1.375 + 1.0 - 12.0 / np.sqrt(32.0 * (5.25 - 0.0625)))


def check_order(losses: dict[str, float]) -> None:
    """A smoother with less memory is closer to the truth, and every one beats P only, which beats silence."""
    assert 0.0 < losses["ema_0.5"] < losses["ema_0.7"] < losses["p_only"] < losses["zero"]


def test_trivial_predictors_are_ordered() -> None:
    check_order(trivial_losses(pd_lesson(wandering_height(), 0.1, seed=0), PidConfig()))


def test_trivial_predictors_are_ordered_on_real_flights(data_dir: Path) -> None:
    for flight in read_recordings(data_dir / "flights"):
        check_order(trivial_losses(pd_lesson(flight.height_m, 0.1, seed=0), PidConfig()))
