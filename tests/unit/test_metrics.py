"""Scores of flights drawn by hand."""

import math

import numpy as np
import pytest

from snn_core.metrics import FlightScore, flight_score, hold_bounds, mimic_loss, reversals

DT_S = 0.1
HOLD = 400  # steps of a hold: 40 s
STEP_UP = np.repeat([0.5, 1.5], HOLD)


def score(setpoint_m: np.ndarray, height_m: np.ndarray, command: np.ndarray | None = None) -> FlightScore:
    return flight_score(setpoint_m, height_m, np.zeros_like(height_m) if command is None else command, DT_S)


def ramp_with_overshoot() -> np.ndarray:
    """0.5 m, then 1.6 cm every 0.1 s; 8 cm too high from 6.8 s until it returns at 20 s."""
    height = STEP_UP.copy()
    height[HOLD:] = np.minimum(0.5 + 0.016 * np.arange(HOLD), 1.58)
    height[HOLD + 200 :] = 1.5
    return height


def test_step_up() -> None:
    s = score(STEP_UP, ramp_with_overshoot())
    assert s.overshoot_up_m == pytest.approx(0.08)
    assert s.t90_s == pytest.approx(5.7)  # 0.9 m = 56.25 steps
    assert s.settling_s == pytest.approx(20.0)
    assert math.isnan(s.overshoot_down_m)
    assert s.steady_state_error_m == 0.0
    # 63 steps below: 63 - 0.016 (0 + ... + 62); 5 above: 0.016 (63 + ... + 67) - 5; then 132 times 0.08
    assert s.iae_m_s == pytest.approx((63 - 0.016 * 1953 + 0.016 * 325 - 5 + 132 * 0.08) * DT_S)


def test_step_down_is_the_mirror_image() -> None:
    up, down = score(STEP_UP, ramp_with_overshoot()), score(2.0 - STEP_UP, 2.0 - ramp_with_overshoot())
    assert down.overshoot_down_m == pytest.approx(up.overshoot_up_m)
    assert math.isnan(down.overshoot_up_m)
    for name in ("t90_s", "settling_s", "rmse_m", "iae_m_s", "oscillation_m"):
        assert getattr(down, name) == pytest.approx(getattr(up, name))


def test_overshoots_are_means_over_the_steps_of_their_direction() -> None:
    setpoint = np.repeat([1.0, 2.0, 1.0, 2.0], HOLD)
    height = setpoint.copy()
    height[HOLD + 50] += 0.10
    height[2 * HOLD + 50] -= 0.04
    s = score(setpoint, height)
    assert s.overshoot_up_m == pytest.approx(0.05)
    assert s.overshoot_down_m == pytest.approx(0.04)


def test_overshoot_counts_within_30_s_and_settling_for_the_whole_hold() -> None:
    height = STEP_UP.copy()
    height[HOLD + 310] += 0.2
    s = score(STEP_UP, height)
    assert s.overshoot_up_m == 0.0
    assert s.settling_s == pytest.approx(31.1)


def test_a_step_that_is_never_made_costs_its_whole_hold() -> None:
    s = score(STEP_UP, np.full(2 * HOLD, 0.5))
    assert (s.t90_s, s.settling_s, s.overshoot_up_m) == (pytest.approx(40.0), pytest.approx(40.0), 0.0)


def test_steady_state_error_and_oscillation_look_at_the_end_of_each_hold() -> None:
    setpoint, t = np.ones(HOLD), np.arange(HOLD)
    swing = 0.06 * np.where(t % 2 == 0, 1.0, -1.0)
    height = setpoint + np.where(t < 300, swing, 0.03)
    s = score(setpoint, height)
    assert s.steady_state_error_m == pytest.approx(0.03)
    assert s.oscillation_m == pytest.approx(0.06)
    height[:100] = 5.0  # outside both windows
    assert score(setpoint, height).oscillation_m == pytest.approx(0.06)


def test_hover_has_no_step_to_score() -> None:
    s = score(np.ones(100), np.ones(100))
    assert all(math.isnan(x) for x in (s.t90_s, s.settling_s, s.overshoot_up_m, s.overshoot_down_m))
    assert s.rmse_m == s.iae_m_s == s.oscillation_m == 0.0


def test_rmse() -> None:
    assert score(np.zeros(4), np.array([0.3, -0.3, 0.5, -0.5])).rmse_m == pytest.approx(math.sqrt(0.17))


def test_scores_of_the_command() -> None:
    command = np.array([0.0, 10.0, 10.0, -10.0, 0.2, -0.2, 1.0, 9.9])
    s = score(np.ones(8), np.ones(8), command)
    assert s.total_variation == pytest.approx(10 + 0 + 20 + 10.2 + 0.4 + 1.2 + 8.9)
    assert s.saturation == pytest.approx(3 / 8)
    assert s.reversals_per_min == pytest.approx(2 / (0.8 / 60.0))


@pytest.mark.parametrize(
    ("command", "count"),
    [
        ([5.0, -5.0, 5.0], 2),
        ([5.0, 0.0, 5.0], 0),
        ([5.0, 0.0, -5.0], 1),
        ([0.29, -0.29, 0.29], 0),
        ([0.3, -0.3], 1),
        ([0.0, 0.0], 0),
    ],
)
def test_reversals_are_counted_outside_the_dead_zone(command: list[float], count: int) -> None:
    assert reversals(np.array(command)) == count


def test_holds() -> None:
    assert hold_bounds(np.array([1.0, 1.0, 2.0, 1.0, 1.0])) == [(0, 2), (2, 3), (3, 5)]
    assert hold_bounds(np.ones(3)) == [(0, 3)]


def test_mimic_loss() -> None:
    target = np.array([0.0, 1.0, 0.0, -1.0])
    assert mimic_loss(target, target) == pytest.approx(0.0)
    assert mimic_loss(-target, target) == pytest.approx(1.0 + 2.0)
    assert mimic_loss(target + 2.0, target) == pytest.approx(2.0)
    assert mimic_loss(np.zeros(4), target) == 0.5 + 1.0
