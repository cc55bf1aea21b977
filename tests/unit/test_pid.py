"""The PID against steps computed by hand, and what holds for any input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snn_control.pid import Pid, PidConfig, PidTerms, pid_rest, pid_step

P_ONLY, NO_LIMIT = {"ki": 0.0, "kd": 0.0}, {"limit": 1000.0, "integral_limit": 1000.0, "integrate_within_m": 1000.0}


def fly(config: PidConfig, heights_m: list[float], setpoints_m: list[float] | float = 1.0) -> list[PidTerms]:
    """The terms of a single PID at 0.5 s over given heights."""
    state, seen = pid_rest(), []
    for setpoint, height in zip(np.broadcast_to(setpoints_m, len(heights_m)), heights_m, strict=True):
        state, terms = pid_step(state, np.array([setpoint]), np.array([height]), config, dt_s=0.5)
        seen.append(terms)
    return seen


def series(terms: list[PidTerms], name: str) -> list[float]:
    return [float(getattr(term, name)[0]) for term in terms]


def test_proportional_term_and_limit() -> None:
    terms = fly(PidConfig(kp=4.0, ki=0.0, kd=0.0, limit=3.0), [0.5, 1.25, -1.0])
    assert series(terms, "proportional") == [2.0, -1.0, 8.0]
    assert series(terms, "command") == [2.0, -1.0, 3.0]


@pytest.mark.parametrize("anti_windup", ["back_calculation", "conditional", "clamp"])
def test_integral_term(anti_windup: str) -> None:
    config = PidConfig(kp=0.0, ki=2.0, kd=0.0, anti_windup=anti_windup, **NO_LIMIT)
    assert series(fly(config, [0.5, 0.5, 1.25]), "integral") == [0.5, 1.0, 0.75]


def test_derivative_on_measurement_brakes_a_climb_and_ignores_the_setpoint() -> None:
    config = PidConfig(kp=0.0, ki=0.0, kd=2.0)
    terms = fly(config, [0.0, 0.25, 0.25, 0.25], [1.0, 1.0, 1.0, 2.0])
    assert series(terms, "derivative") == [0.0, -1.0, 0.0, 0.0]


def test_derivative_on_error_kicks_with_the_setpoint() -> None:
    config = PidConfig(kp=0.0, ki=0.0, kd=2.0, derivative_on="error")
    terms = fly(config, [0.0, 0.25, 0.25, 0.25], [1.0, 1.0, 1.0, 2.0])
    assert series(terms, "derivative") == [0.0, -1.0, 0.0, 4.0]


def test_derivative_filter() -> None:
    config = PidConfig(kp=0.0, ki=0.0, kd=1.0, derivative_filter_s=0.5)
    # keep 0.5: a slope of -2 m/s arrives as -1, then fades to -0.5
    assert series(fly(config, [0.0, 1.0, 1.0]), "derivative") == [0.0, -1.0, -0.5]


def test_clamp_winds_up_to_its_limit_while_the_command_saturates() -> None:
    config = PidConfig(kp=10.0, ki=4.0, kd=0.0, limit=5.0, anti_windup="clamp", integral_limit=3.0)
    assert series(fly(config, [0.0, 0.0, 0.0]), "integral") == [2.0, 3.0, 3.0]


def test_conditional_waits_while_the_command_saturates() -> None:
    config = PidConfig(kp=10.0, ki=4.0, kd=0.0, limit=5.0, integrate_within_m=10.0)
    # e = 1 and 0.4: 10 e alone, then 4 + 0.8; e = 0.6 saturates again; e = -0.9 saturates low and may not push lower
    assert series(fly(config, [0.0, 0.6, 0.4, 1.9]), "integral") == pytest.approx([0.0, 0.8, 0.8, 0.8])


def test_conditional_unwinds_while_the_command_saturates_the_other_way() -> None:
    config = PidConfig(kp=1.0, ki=4.0, kd=10.0, limit=5.0, integrate_within_m=10.0)
    # 2.5 m up saturates low, and may not be pushed lower; 1.75 m down saturates high with 0.25 m too much: I falls
    assert series(fly(config, [0.5, 3.0, 1.25]), "integral") == [1.0, 1.0, 0.5]


def test_conditional_waits_while_the_error_is_large() -> None:
    config = PidConfig(kp=0.0, ki=4.0, kd=0.0, integrate_within_m=0.3)
    assert series(fly(config, [0.5, 0.75, 0.5]), "integral") == [0.0, 0.5, 0.5]


def test_back_calculation_pulls_the_integral_out_of_saturation() -> None:
    config = PidConfig(kp=10.0, ki=4.0, kd=0.0, limit=5.0, anti_windup="back_calculation", tracking_time_s=2.0)
    # total 10 + 0 + 2 = 12, excess 7: I = 2 - 7 * 0.5 / 2 = 0.25; total 12.25, excess 7.25: I = 2.25 - 1.8125
    assert series(fly(config, [0.0, 0.0]), "integral") == [0.25, 0.4375]


@pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf])
def test_a_missing_height_repeats_i_and_d_and_teaches_nothing(missing: float) -> None:
    config = PidConfig(kp=1.0, ki=2.0, kd=1.0, **NO_LIMIT)
    before, gap, after = fly(config, [0.5, 0.25, missing, 0.25])[1:]
    assert (gap.proportional[0], gap.integral[0], gap.derivative[0]) == (0.0, before.integral[0], before.derivative[0])
    assert before.derivative[0] == 0.5
    assert after.derivative[0] == 0.0  # compared with the last height that was seen


def test_a_missing_first_height_commands_nothing() -> None:
    assert series(fly(PidConfig(), [np.nan, np.nan]), "command") == [0.0, 0.0]


def test_a_batch_is_its_flights() -> None:
    generator = np.random.default_rng(0)
    heights, setpoints = generator.uniform(0, 2, (30, 4)), generator.uniform(0, 2, (30, 4))
    heights[10, 2] = np.nan
    together, alone = Pid(PidConfig(), 0.1, 4), [Pid(PidConfig(), 0.1) for _ in range(4)]
    for setpoint, height in zip(setpoints, heights, strict=True):
        commands = together(setpoint, height)
        assert commands.tolist() == [float(alone[i](setpoint[i : i + 1], height[i : i + 1])[0]) for i in range(4)]


def test_reset_forgets() -> None:
    pid = Pid(PidConfig(), 0.1)
    first = pid(np.ones(1), np.full(1, 0.8))
    pid(np.ones(1), np.full(1, 0.9))
    pid.reset()
    assert pid(np.ones(1), np.full(1, 0.8)) == first


heights = st.lists(st.floats(-1e6, 1e6) | st.sampled_from([np.nan, np.inf, -np.inf]), min_size=1, max_size=20)


@given(
    heights_m=heights,
    setpoint_m=st.floats(-100, 100),
    anti_windup=st.sampled_from(["back_calculation", "conditional", "clamp"]),
    derivative_on=st.sampled_from(["measurement", "error"]),
    filter_s=st.floats(0, 10),
    limit=st.floats(0.1, 1000),
)
@settings(max_examples=60, deadline=None)
def test_commands_are_finite_and_within_the_limit(
    heights_m: list[float], setpoint_m: float, anti_windup: str, derivative_on: str, filter_s: float, limit: float
) -> None:
    config = PidConfig(limit=limit, anti_windup=anti_windup, derivative_on=derivative_on, derivative_filter_s=filter_s)
    for terms in fly(config, heights_m, setpoint_m):
        assert abs(terms.command[0]) <= limit
        assert abs(terms.integral[0]) <= config.integral_limit
