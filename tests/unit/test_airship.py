"""The airship against what mechanics says: conservation, terminal velocities, the pendulum, the Munk moment."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sim_worlds import hull
from sim_worlds.airship import SUBSTEP_S, AirshipParams, AirshipState, airship_at, airship_params, net_lift_n
from sim_worlds.airship_flight import CONSTANTS, SIGNALS, airship_step, fly_sixteen, settle
from sim_worlds.airship_forces import accelerations, rotation
from sim_worlds.blimp import blimp_at, blimp_params, blimp_step
from snn_core.errors import ConfigError
from snn_core.vectors import LANES

Array = NDArray[np.float64]
CALM: dict[str, float] = {"draft_std_mps": 0.0}
VACUUM = {**CALM, "drag": 0.0, "fins": 0.0}
INERTIA = np.diag(hull.INERTIA_KGM2)
ADDED = np.diag([hull.ADDED_LONG_KG, hull.ADDED_CROSS_KG, hull.ADDED_CROSS_KG])
ADDED_TURN = np.diag([0.0, hull.ADDED_TURN_KGM2, hull.ADDED_TURN_KGM2])
START = np.array([0.5, 0.2, -0.1]), np.array([0.3, -0.4, 0.6])  # velocity and spin that exercise everything


def fly(state: AirshipState, params: AirshipParams, seconds: float, command: tuple[float, ...] = (0, 0, 0)) -> None:
    worlds = len(state.time_s)
    for _ in range(round(seconds / 0.1)):
        airship_step(state, params, np.tile(np.array(command, float), (worlds, 1)), np.zeros((worlds, 3)), 0.1)


def glide(seconds: float, dt_s: float, **overrides: float) -> Array:
    """Motion (18,) after gliding from START with motors off, at any step size."""
    params, state = airship_params(**{**VACUUM, **overrides}), moving(*START)
    constants, motion = np.ones((CONSTANTS, LANES)), np.repeat(state.motion.T, LANES, axis=1)
    for m in range(LANES):
        settle(constants, params, 0, m, 0.0, np.zeros(3))
    steps = round(seconds / dt_s)
    fly_sixteen(motion, constants, np.zeros((steps, SIGNALS, LANES)), steps, dt_s)
    return motion[:, 0]


def moving(velocity: Array, spin: Array, **where: Any) -> AirshipState:
    state = airship_at(np.array([0.0, 0.0, 10.0]), **where)
    state.motion[:, 7:10], state.motion[:, 10:13] = velocity, spin
    return state


def attitude(motion: Array) -> Array:
    return np.array(rotation(tuple(motion[3:7])))


def energy(motion: Array, ballast_m: float) -> float:
    """Kinetic energy of mass and added mass, and that of the mass hanging below the centre of a neutral hull."""
    v, w, arm = motion[7:10], motion[10:13], np.array([0.0, 0.0, -ballast_m])
    kinetic = 0.5 * hull.MASS_KG * v @ v + hull.MASS_KG * v @ np.cross(w, arm) + 0.5 * w @ INERTIA @ w
    added = 0.5 * v @ ADDED @ v + 0.5 * w @ ADDED_TURN @ w
    return float(kinetic + added + hull.MASS_KG * hull.GRAVITY_MPS2 * (attitude(motion) @ arm)[2])


def momenta(motion: Array) -> tuple[Array, Array]:
    """Linear momentum, and angular momentum about the world's origin, of a hull without ballast (Kirchhoff)."""
    to_world = attitude(motion)
    linear = to_world @ ((hull.MASS_KG * np.eye(3) + ADDED) @ motion[7:10])
    return linear, np.cross(motion[:3], linear) + to_world @ ((INERTIA + ADDED_TURN) @ motion[10:13])


def test_the_vertical_axis_is_that_of_the_fitted_flight() -> None:
    """The same commands give the same climb as the model fitted to the first flight, servo and leak included."""
    about = {"buoyancy_mps2": -0.03, "leak_mps2_per_h": 2.0, "dead_time_s": 0.28, "servo_s": 0.25, "thrust_gain": 1.1}
    airship, blimp = airship_at(np.array([0.0, 0.0, 20.0])), blimp_at(20.0)
    params, fitted = airship_params(**about, **CALM), blimp_params("tudelft_2023", **about)
    for k in range(300):
        command = round(9.0 * math.sin(0.11 * k) * math.sin(0.017 * k), 2)
        airship_step(airship, params, np.array([[command, 0.0, 0.0]]), np.zeros((1, 3)), 0.1)
        blimp_step(blimp, fitted, np.array([command]), np.zeros(1), 0.1)
        assert airship.position_m[0, 2] == pytest.approx(blimp.height_m[0], abs=0.002)
    assert abs(blimp.height_m[0] - 20.0) > 1.0
    assert airship.climb_mps[0] == pytest.approx(blimp.climb_mps[0], abs=0.002)
    np.testing.assert_allclose(airship.position_m[0, :2], 0.0, atol=1e-9)


def test_added_mass_is_that_of_the_spheroid() -> None:
    """Lamb's integrals in closed form for a prolate spheroid."""
    e = math.sqrt(1.0 - (hull.RADIUS_M / hull.HALF_LENGTH_M) ** 2)
    log = math.log((1.0 + e) / (1.0 - e))
    a = 2.0 * (1.0 - e**2) / e**3 * (0.5 * log - e)
    b = 1.0 / e**2 - (1.0 - e**2) / (2.0 * e**3) * log
    turn = e**4 * (b - a) / ((2.0 - e**2) * (2.0 * e**2 - (2.0 - e**2) * (b - a)))
    assert pytest.approx((a / (2.0 - a), b / (2.0 - b), turn), rel=3e-3) == (
        hull.LAMB_LONG, hull.LAMB_CROSS, hull.LAMB_TURN,
    )  # fmt: skip
    assert 4.0 / 3.0 * math.pi * hull.HALF_LENGTH_M * hull.RADIUS_M**2 == pytest.approx(hull.VOLUME_M3)


def test_without_drag_energy_stays() -> None:
    before = energy(moving(*START).motion[0], hull.BALLAST_M)
    lost = [abs(energy(glide(8.0, dt_s), hull.BALLAST_M) - before) for dt_s in (0.01, 0.005, 0.0025)]
    assert lost[0] < 0.01 * abs(before)
    assert lost[2] < 0.4 * lost[0]  # what is lost is the integrator's, and goes with its step


def test_without_weight_and_drag_both_momenta_stay() -> None:
    before = momenta(moving(*START).motion[0])
    for dt_s, share in ((0.01, 0.06), (0.0025, 0.015)):
        for was, now in zip(before, momenta(glide(8.0, dt_s, ballast_m=0.0)), strict=True):
            assert np.linalg.norm(now - was) < share * np.linalg.norm(was)


def test_a_blimp_swings_like_a_pendulum_that_takes_its_air_along() -> None:
    """Small pitch: T = 2 pi sqrt(I / (m g h)), I less what the free hull gives way: (m h)^2 / (m + A)."""
    arm = hull.MASS_KG * hull.BALLAST_M
    inertia = hull.INERTIA_KGM2[1] + hull.ADDED_TURN_KGM2 - arm**2 / (hull.MASS_KG + hull.ADDED_LONG_KG)
    period = 2.0 * math.pi * math.sqrt(inertia / (arm * hull.GRAVITY_MPS2))
    state, params = moving(np.zeros(3), np.array([0.0, 0.05, 0.0])), airship_params(**VACUUM)
    rates = []
    for _ in range(2000):
        airship_step(state, params, np.zeros((1, 3)), np.zeros((1, 3)), SUBSTEP_S)
        rates.append(state.spin_radps[0, 1])
    rising = np.flatnonzero((np.array(rates[:-1]) < 0.0) & (np.array(rates[1:]) >= 0.0))
    assert np.diff(rising).mean() * SUBSTEP_S == pytest.approx(period, rel=0.005)


def test_terminal_velocities() -> None:
    lighter = airship_at(np.zeros(3))
    fly(lighter, airship_params(buoyancy_mps2=0.05, **CALM), 60.0)
    assert lighter.climb_mps[0] == pytest.approx(math.sqrt(0.05 / 0.96), rel=1e-3)
    ahead, duty = airship_at(np.zeros(3)), 21 / 45  # command 4: int(9 + 3 * 4) of 45
    fly(ahead, airship_params(**CALM), 90.0, (0.0, 0.0, 4.0))
    thrust = 0.769 * duty**2 * hull.HEAVE_KG
    assert ahead.velocity_mps[0, 0] == pytest.approx(math.sqrt(thrust / hull.DRAG_LONG), rel=0.01)
    assert attitude(ahead.motion[0])[2, 0] > 0.01  # thrust below the centre lifts the nose


def test_a_neutral_blimp_comes_to_drift_with_the_wind() -> None:
    state, wind = airship_at(np.zeros(3), heading_rad=0.4), (0.3, -0.2, 0.05)
    fly(state, airship_params(wind_x_mps=wind[0], wind_y_mps=wind[1], wind_z_mps=wind[2], **CALM), 300.0)
    np.testing.assert_allclose(attitude(state.motion[0]) @ state.velocity_mps[0], wind, atol=0.02)


@pytest.mark.parametrize("slip", [-0.1, 0.1])
def test_the_munk_moment_turns_the_hull_broadside(slip: float) -> None:
    """N = -(A_y - A_x) u v: away from where the air comes from, unless fins outweigh it."""
    state, params = moving(np.array([1.0, slip, 0.0]), np.zeros(3)), airship_params(**VACUUM)
    airship_step(state, params, np.zeros((1, 3)), np.zeros((1, 3)), SUBSTEP_S)
    moment = -(hull.ADDED_CROSS_KG - hull.ADDED_LONG_KG) * 1.0 * slip
    rate = moment / (hull.INERTIA_KGM2[2] + hull.ADDED_TURN_KGM2)
    assert state.spin_radps[0, 2] / SUBSTEP_S == pytest.approx(rate, rel=1e-6)
    way = math.atan2(slip, 1.0)
    fly(state, params, 2.0)
    assert abs(state.heading_rad[0] - way) > 2.0 * abs(way)  # further from the way that it drifts than at first
    finned = moving(np.array([1.0, slip, 0.0]), np.zeros(3))
    airship_step(finned, airship_params(**{**VACUUM, "fins": 4.0}), np.zeros((1, 3)), np.zeros((1, 3)), SUBSTEP_S)
    assert finned.spin_radps[0, 2] * slip > 0.0  # the mutant: big fins turn it into the wind


def test_leak_and_temperature_take_lift_away() -> None:
    assert net_lift_n(0.1, 0.0, 20.0, 0.0) == pytest.approx(0.1 * hull.HEAVE_KG)
    assert net_lift_n(0.1, 0.05, 20.0, 3600.0) == pytest.approx(0.05 * hull.HEAVE_KG)
    # 1 K of 294.15 K is 0.34 % of the 0.240 kg displaced: 0.816 g
    assert net_lift_n(0.0, 0.0, 21.0, 0.0) / hull.GRAVITY_MPS2 == pytest.approx(-0.000816, abs=2e-6)


def test_motors_have_a_dead_zone_steps_and_a_turning_shaft() -> None:
    at_once = airship_params(dead_time_s=0.0, lag_s=0.001, servo_s=0.4, **CALM)
    thrusts = []
    for command in (0.29, 0.3, 0.32, -10.0):
        state = airship_at(np.zeros(3))
        fly(state, at_once, 0.1, (command, command, command))
        thrusts.append(state.motion[0, 15:18])
    np.testing.assert_array_equal(thrusts[0], 0.0)
    np.testing.assert_array_equal(thrusts[1], thrusts[2])  # the same PWM step
    np.testing.assert_allclose(thrusts[1], 0.769 * (9 / 45) ** 2 * np.array(hull.SHARE), rtol=1e-4)
    assert thrusts[3][0] > 0.0  # the shaft is on its way: still pushing up ...
    assert thrusts[3][1] < 0.0  # ... while the tail rotor reverses electrically


def test_commands_take_effect_after_the_dead_time() -> None:
    state, params = airship_at(np.zeros(3)), airship_params(dead_time_s=0.28, **CALM)
    fly(state, params, 0.2, (5.0, 5.0, 5.0))
    assert not state.motion[0, 15:18].any()
    fly(state, params, 0.1, (0.0, 0.0, 0.0))
    assert (state.motion[0, 15:18] > 0.0).all()


def test_turning_left_is_positive() -> None:
    state = airship_at(np.zeros(3), heading_rad=3.0)
    fly(state, airship_params(**CALM), 1.5, (0.0, 4.0, 0.0))
    assert state.spin_radps[0, 2] > 0.1
    assert state.velocity_mps[0, 1] < 0.0  # the tail rotor pushes the other way


def test_worlds_do_not_see_each_other() -> None:
    generator, count = np.random.default_rng(5), LANES + 3
    drawn = {"thrust_gain": generator.uniform(0.7, 1.3, count), "twist_nm": generator.uniform(-0.01, 0.01, count)}
    many, one = airship_params(count, **drawn), {name: float(values[-1]) for name, values in drawn.items()}
    together, alone = airship_at(np.zeros(3), count=count), airship_at(np.zeros(3))
    for _ in range(20):
        command, gust = generator.uniform(-9, 9, (count, 3)), generator.standard_normal((count, 3))
        airship_step(together, many, command, gust, 0.1)
        airship_step(alone, airship_params(**one), command[-1:], gust[-1:], 0.1)
    np.testing.assert_array_equal(together.motion[-1], alone.motion[0])
    assert np.isfinite(together.motion).all()
    assert len(np.unique(together.motion[:, 0])) == count


def test_the_quaternion_stays_a_unit() -> None:
    assert np.linalg.norm(glide(20.0, 0.01)[3:7]) == pytest.approx(1.0, abs=1e-12)


def test_the_force_function_serves_single_numbers() -> None:
    """The same function for one world: PyBullet's body asks it so."""
    upright = rotation((1.0, 0.0, 0.0, 0.0))
    linear, angular = accelerations(
        upright,
        (0.0, 0.0, 0.0),
        (0.0, 0.0, 0.0),
        (0.0, 0.0, 0.0),
        (0.1, 0.0, 0.0),
        (0.0, 0.0, hull.BALLAST_M, 1.0, 1.0),
    )
    assert linear == (0.0, 0.0, pytest.approx(0.1 / hull.HEAVE_KG))
    assert angular == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"draght": 1.0}, "unknown airship parameter"), ({"lag_s": 0.0}, "lag_s"), ({"drag": math.nan}, "drag: expected")],
)
def test_what_cannot_be_flown_is_refused(wrong: dict[str, float], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        airship_params(**wrong)
