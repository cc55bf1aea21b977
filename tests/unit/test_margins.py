"""Margins against a loop whose stability is known in closed form.

x[n+1] = x[n] - k x[n-d], an integrator under proportional control that comes d steps late, is stable up to
k = 2 sin(pi / (4 d + 2)): 2 without delay, 1 with one step, 0.618 with two, 0.445 with three.
"""

import math

import numpy as np
import pytest

from sim_worlds.margins import INSTABILITY, OSCILLATION, Criterion, first_failure

DT_S, STEPS = 0.1, 1500
SETPOINT = np.ones(STEPS)


def heights(gains: np.ndarray, delay: int) -> np.ndarray:
    """(time, gain) of the loop around a height of 1 m, from 10 cm off, clipped so that nothing overflows."""
    x = np.empty((STEPS, len(gains)))
    x[: delay + 1] = 0.1
    for n in range(delay, STEPS - 1):
        x[n + 1] = np.clip(x[n] - gains * x[n - delay], -5.0, 5.0)
    return 1.0 + x


@pytest.mark.parametrize("criterion", [OSCILLATION, INSTABILITY], ids=lambda criterion: criterion.name)
@pytest.mark.parametrize("delay", [0, 1, 2, 3])
def test_the_gain_margin_is_the_critical_gain(delay: int, criterion: Criterion) -> None:
    found = first_failure(lambda k: criterion.met(SETPOINT, heights(k, delay), DT_S), 0.1, 6.1, 1e-3)
    critical = 2.0 * math.sin(math.pi / (4 * delay + 2))
    assert critical < found < critical + 0.01


def test_the_delay_margin_is_the_first_delay_beyond_it() -> None:
    def fails(delays: np.ndarray) -> np.ndarray:
        flown = np.hstack([heights(np.array([0.5]), round(delay)) for delay in delays])
        return OSCILLATION.met(SETPOINT, flown, DT_S)

    assert first_failure(fails, 0.0, 16.0, 1.0) == 3.0  # 0.618 > 0.5 > 0.445


def test_a_loop_that_holds_everywhere_or_nowhere() -> None:
    assert first_failure(lambda levels: levels < 0.0, 1.0, 8.0, 0.01) == math.inf
    assert first_failure(lambda levels: levels > 0.0, 1.0, 8.0, 0.01) == 1.0


@pytest.mark.parametrize("edge", [1.0001, 1.3, 4.999, 7.9999])
def test_the_edge_is_found_to_the_tolerance(edge: float) -> None:
    assert edge <= first_failure(lambda levels: levels >= edge, 1.0, 8.0, 0.01) <= edge + 0.01


def test_what_counts_as_a_failure() -> None:
    time = np.arange(700) * DT_S
    setpoint = np.repeat([0.5, 1.5], 350)
    wave = np.sin(time)
    dying = np.where((time % 35.0) < 5.0, 1.0, 0.0)  # only right after each step
    offsets = np.stack([0.24 * wave, 0.26 * wave, 0.51 * wave, 0.49 + 0 * wave, -0.51 + 0 * wave, dying], axis=1)
    height = setpoint[:, None] + offsets
    assert OSCILLATION.met(setpoint, height, DT_S).tolist() == [False, True, True, False, False, False]
    assert INSTABILITY.met(setpoint, height, DT_S).tolist() == [False, False, True, False, True, False]


def test_one_bad_hold_is_enough() -> None:
    setpoint = np.repeat([0.5, 1.5, 0.5], 350)
    height = setpoint[:, None].copy()
    height[350:700, 0] += 0.3 * np.sin(np.arange(350) * DT_S)
    assert OSCILLATION.met(setpoint, height, DT_S).tolist() == [True]
