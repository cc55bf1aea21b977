"""The vertical blimp against physics computed by hand."""

import math

import numpy as np
import pytest

from sim_worlds.blimp import (
    SUBSTEP_S,
    WORLDS,
    BlimpParams,
    BlimpState,
    blimp_at,
    blimp_params,
    blimp_step,
    static_thrust_mps2,
)  # fmt: skip
from snn_core.errors import ConfigError

CALM = {"draft_std_mps2": 0.0}
PRIMITIVE = {"dead_time_s": 0.0, "lag_s": 1e-6, "servo_s": 0.0, **CALM}  # thrust follows the command at once


def fly(
    params: BlimpParams, command: float, duration_s: float, state: BlimpState | None = None, seed: int = 0
) -> BlimpState:
    """Hold a command from a height of 100 m, or from a given state, in steps of 0.1 s."""
    count, generator = len(params.lag_s), np.random.default_rng(seed)
    state = state or blimp_at(100.0, count)
    for _ in range(round(duration_s / 0.1)):
        blimp_step(state, params, np.full(count, command), generator.standard_normal(count), 0.1)
    return state


@pytest.mark.parametrize(
    ("command", "counts"),
    [(0.29, 0), (0.3, 9), (1.0, 12), (1.3, 12), (1.34, 13), (5.0, 24), (10.0, 39), (25.0, 39)],
)
def test_duty_of_the_2023_driver(command: float, counts: int) -> None:
    thrust = 0.769 * (counts / 45) ** 2
    assert static_thrust_mps2(command, 2023.0) == pytest.approx(thrust)
    assert static_thrust_mps2(-command, 2023.0) == pytest.approx(-thrust)


def test_the_2023_driver_jumps_out_of_its_dead_zone_at_a_fifth_of_its_duty() -> None:
    assert math.sqrt(static_thrust_mps2(0.3, 2023.0) / 0.769) == pytest.approx(0.20)


@pytest.mark.parametrize(
    ("command", "thrust"),
    [(-3, -0.184), (-2, -0.094), (-1, -0.066), (0, 0.0), (1, 0.047), (2, 0.110), (3, 0.228), (2.5, 0.169),
     (-0.5, -0.033), (9, 0.228), (-9, -0.184)],
)  # fmt: skip
def test_thrust_table_of_2021(command: float, thrust: float) -> None:
    assert static_thrust_mps2(command, 2021.0) == pytest.approx(thrust)


@pytest.mark.parametrize("dead_time_s", [0.0, 0.05, 0.29, 2.55])
def test_thrust_begins_after_the_dead_time_exactly(dead_time_s: float) -> None:
    params = blimp_params("tudelft_2023", dead_time_s=dead_time_s, **CALM)
    state, silent = blimp_at(1.0), 0
    while state.thrust_mps2[0] == 0.0:
        blimp_step(state, params, np.ones(1), np.zeros(1), SUBSTEP_S)
        silent += 1
    assert silent - 1 == round(dead_time_s / SUBSTEP_S)


def test_thrust_follows_with_its_lag() -> None:
    params = blimp_params("tudelft_2021", lag_s=0.62, **CALM)
    assert fly(params, 3.0, 0.6).thrust_mps2[0] == pytest.approx(0.228 * (1 - math.exp(-0.6 / 0.62)))


@pytest.mark.parametrize(("command", "counts"), [(10.0, 39), (-4.0, 21)])
def test_terminal_velocity_balances_quadratic_drag(command: float, counts: int) -> None:
    state = fly(blimp_params("tudelft_2023", **CALM), command, 60.0)
    assert state.climb_mps[0] == pytest.approx(math.copysign(math.sqrt(0.769 * (counts / 45) ** 2 / 0.96), command))


def test_terminal_velocity_balances_linear_drag() -> None:
    state = fly(blimp_params("tudelft_2021", drag_per_s=0.5, drag_per_m=0.0, **CALM), 2.0, 60.0)
    assert state.climb_mps[0] == pytest.approx(0.110 / 0.5)


def test_without_thrust_and_drag_it_falls_with_its_buoyancy() -> None:
    params = blimp_params("tudelft_2023", drag_per_m=0.0, buoyancy_mps2=-0.12, **CALM)
    state = fly(params, 0.0, 10.0)
    assert state.climb_mps[0] == pytest.approx(-0.12 * 10)
    assert state.height_m[0] == pytest.approx(100.0 - 0.5 * 0.12 * 10**2, abs=0.01)


def test_helium_leaks() -> None:
    params = blimp_params("tudelft_2023", drag_per_m=0.0, leak_mps2_per_h=3.6, **CALM)
    assert fly(params, 0.0, 20.0).climb_mps[0] == pytest.approx(-0.5 * 0.001 * 20**2, rel=1e-2)


def test_thrust_gain_scales_the_thrust() -> None:
    params = blimp_params("tudelft_2023", 2, thrust_gain=np.array([1.0, 0.5]), **PRIMITIVE)
    thrust = fly(params, 5.0, 1.0).thrust_mps2
    assert thrust[1] == pytest.approx(0.5 * thrust[0])


def test_reversal_turns_the_servo_through_half_a_circle_in_its_time() -> None:
    params = blimp_params("tudelft_2023", **{**PRIMITIVE, "servo_s": 0.2})
    state, full = fly(params, 5.0, 1.0), 0.769 * (24 / 45) ** 2
    seen = []
    for _ in range(22):
        blimp_step(state, params, np.full(1, -5.0), np.zeros(1), SUBSTEP_S)
        seen.append(state.thrust_mps2[0] / full)
    assert seen[0] == pytest.approx(math.sin(0.5 * math.pi * 0.9))  # still pushes the old way
    assert seen[9] == pytest.approx(0.0, abs=1e-9)
    assert seen[18] > -0.999 > seen[19]
    assert seen[21] == pytest.approx(-1.0)


def test_the_servo_rests_while_the_motors_do() -> None:
    params = blimp_params("tudelft_2023", **{**PRIMITIVE, "servo_s": 0.2})
    state = fly(params, 0.0, 1.0, fly(params, -5.0, 1.0))
    assert state.servo[0] == -1.0
    assert state.thrust_mps2[0] == 0.0


def test_a_heavy_blimp_lies_on_the_floor_and_can_leave_it() -> None:
    params = blimp_params("tudelft_2023", buoyancy_mps2=-0.12, **CALM)
    state = fly(params, 0.0, 30.0, blimp_at(0.5))
    assert (state.height_m[0], state.climb_mps[0]) == (0.0, 0.0)
    assert fly(params, 10.0, 3.0, state).height_m[0] > 0.3


@pytest.mark.parametrize("step_s", [0.1, 0.5])
def test_drafts_have_their_spread_and_correlation_at_any_step(step_s: float) -> None:
    params = blimp_params("tudelft_2023", 2000, draft_std_mps2=0.02, draft_time_s=2.0)
    state, generator, seen = blimp_at(100.0, 2000), np.random.default_rng(0), []
    for _ in range(round(12.0 / step_s)):
        blimp_step(state, params, np.zeros(2000), generator.standard_normal(2000), step_s)
        seen.append(state.draft_mps2.copy())
    late, later = seen[round(10.0 / step_s) - 1], seen[-1]
    assert late.std() == pytest.approx(0.02, rel=0.06)
    assert np.corrcoef(late, later)[0, 1] == pytest.approx(math.exp(-1.0), abs=0.06)


@pytest.mark.parametrize("world", WORLDS)
def test_a_batch_is_its_worlds(world: str) -> None:
    buoyancy, commands = np.array([0.0, -0.12, 0.05]), np.random.default_rng(1).uniform(-10, 10, (50, 3))
    gusts = np.random.default_rng(2).standard_normal((50, 3))
    together, alone = blimp_at(1.0, 3), [blimp_at(1.0) for _ in range(3)]
    for command, gust in zip(commands, gusts, strict=True):
        blimp_step(together, blimp_params(world, 3, buoyancy_mps2=buoyancy), command, gust, 0.1)
        for i in range(3):
            one = blimp_params(world, buoyancy_mps2=buoyancy[i])
            blimp_step(alone[i], one, command[i : i + 1], gust[i : i + 1], 0.1)
    for name, batched in together._asdict().items():
        np.testing.assert_array_equal(batched, np.concatenate([getattr(one, name) for one in alone]), err_msg=name)


def test_the_seed_makes_the_weather() -> None:
    params = blimp_params("tudelft_2023")
    first, again, other = (fly(params, 1.0, 10.0, seed=seed).height_m[0] for seed in (4, 4, 5))
    assert first == again != other


@pytest.mark.parametrize(
    ("world", "overrides", "words"),
    [
        ("mars", {}, "unknown world 'mars': expected one of tudelft_2021, tudelft_2023"),
        ("tudelft_2023", {"bouyancy_mps2": 0.0}, "bouyancy_mps2"),
        ("tudelft_2023", {"dead_time_s": 2.6}, "dead_time_s: expected 0 to 2.55 s"),
    ],
)
def test_impossible_worlds(world: str, overrides: dict[str, float], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        blimp_params(world, **overrides)
