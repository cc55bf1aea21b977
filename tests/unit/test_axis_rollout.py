"""Flights of one axis: the compiled loop against the plain one, headings through full turns, and what is drawn."""

import math
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from sim_worlds.airship import AXES, AirshipParams
from sim_worlds.axes import NOISE, RANGES, TASKS, AxisDomain, draw_axis_domain, find_axis, senses_of, trial_domain
from sim_worlds.axis_rollout import Controller, axis_rollout, further, fused_axis_rollout
from sim_worlds.course import course
from snn_cli.axis_flights import axis_lessons, teachers
from snn_control.axis_control import CONTROLS
from snn_control.contenders import PidContender
from snn_control.pid import Pid, PidConfig, pid_rest, pid_step
from snn_control.pilots import pid_gains, spiking_pair
from snn_control.spiking_pid import SpikingPid
from snn_core.errors import ConfigError
from snn_core.metrics import flight_score
from snn_core.network import select
from snn_core.network_config import NetworkConfig
from snn_core.vectors import LANES
from unit.networks import random_networks

Array = NDArray[np.float64]
DT_S, WORLDS, STEPS = 0.1, LANES + 2, 240  # a full block and a padded one


def short(axis: str) -> AxisDomain:
    """Worlds that differ in everything, samples that are lost, and a part of each course."""
    whole = draw_axis_domain(axis, WORLDS, np.random.default_rng(4), DT_S)
    levels = whole.course.setpoint_m[:: len(whole.course.setpoint_m) // 3]
    senses, setpoint = whole.senses.copy(), whole.setpoint[:STEPS].copy()
    senses[:, 2] = 0.2
    flight = course(levels, STEPS * DT_S / 3, DT_S)
    setpoint[:, whole.axis] = flight.setpoint_m
    return whole._replace(senses=senses, course=flight, setpoint=setpoint, weather=whole.weather[:STEPS])


def pids() -> list[Controller]:
    return [Pid(CONTROLS[axis].teacher, DT_S, WORLDS) for axis in AXES]


@pytest.mark.parametrize("axis", AXES)
def test_pids_fly_in_the_compiled_loop_as_in_the_plain_one(axis: str) -> None:
    domain, own = short(axis), AXES.index(axis)
    configs = [CONTROLS[axis].teacher, PidConfig(kp=5.0, ki=0.5, kd=3.0)]
    _, traces = fused_axis_rollout(pid_gains(configs, DT_S), 2, teachers(DT_S), domain, DT_S, record=True)
    for i, config in enumerate(configs):
        controllers = pids()
        controllers[own] = Pid(config, DT_S, WORLDS)
        plain = axis_rollout(controllers, domain, DT_S)
        for kind, flown in enumerate((plain.value, plain.measured, plain.command)):
            np.testing.assert_allclose(traces[kind, i], flown[:, own], rtol=0.0, atol=1e-9)
    assert np.isnan(plain.measured).any()
    assert np.abs(traces[0, 0] - traces[0, 1]).max() > 0.01


def test_spiking_pairs_do_too() -> None:
    domain, config = short("heading"), NetworkConfig(pairs=4, hidden="recurrent_iwta")
    networks = {"pd": random_networks(config, 2, 1), "integral": random_networks(NetworkConfig(pairs=3), 2, 2)}
    networks = {part: p._replace(w_out=3.0 * p.w_out) for part, p in networks.items()}
    _, traces = fused_axis_rollout(spiking_pair(networks), 2, teachers(DT_S), domain, DT_S, record=True)
    controllers = pids()
    controllers[1] = SpikingPid({part: select(p, 1) for part, p in networks.items()}, DT_S, batch=WORLDS)
    plain = axis_rollout(controllers, domain, DT_S)
    np.testing.assert_allclose(traces[2, 1], plain.command[:, 1], rtol=0.0, atol=1e-9)
    assert np.unique(traces[2, 1]).size > 20


def test_the_tally_is_the_flight_score() -> None:
    domain = short("speed")
    tally, traces = fused_axis_rollout(
        pid_gains([CONTROLS["speed"].teacher], DT_S), 1, teachers(DT_S), domain, DT_S, record=True
    )
    for w in (0, WORLDS - 1):
        score = flight_score(domain.course.setpoint_m[:, w], traces[0, 0, :, w], traces[2, 0, :, w], DT_S)
        assert tally.rmse_m[0, w] == pytest.approx(score.rmse_m)
        assert tally.total_variation[0, w] == pytest.approx(score.total_variation)
        assert tally.steady_state_error_m[0, w] == pytest.approx(score.steady_state_error_m)


@pytest.mark.parametrize(
    ("before", "now", "after"),
    [(3.1, -3.1, 2 * math.pi - 3.1), (-3.1, 3.1, 3.1 - 2 * math.pi), (12.0, 0.0, 4 * math.pi), (0.5, 0.7, 0.7)],
)
def test_headings_count_on_through_full_turns(before: float, now: float, after: float) -> None:
    assert further(before, now) == pytest.approx(after)


def test_a_turn_beyond_pi_is_flown_without_a_jump() -> None:
    """From 2.5 rad to 4.1: the short way through pi, not back the long way."""
    domain = trial_domain("heading", short("heading").params, np.random.default_rng(0), DT_S)
    setpoint = domain.setpoint[:300].copy()
    setpoint[:, 1] = np.where(np.arange(300) < 50, 2.5, 4.1)[:, None]
    heading = axis_rollout(pids(), domain._replace(setpoint=setpoint, weather=domain.weather[:300]), DT_S).value[:, 1]
    np.testing.assert_allclose(heading[-50:].mean(axis=0), 4.1, atol=0.25)
    assert np.abs(np.diff(heading, axis=0)).max() < 0.3


def test_random_domains_stay_within_their_ranges_and_follow_their_seed() -> None:
    draw = partial(draw_axis_domain, count=200, dt_s=DT_S)
    domain, again = (draw("speed", generator=np.random.default_rng(8)) for _ in range(2))
    for name, (low, high) in RANGES.items():
        values = getattr(domain.params, name)
        assert low <= values.min() < low + 0.1 * (high - low) < high - 0.1 * (high - low) < values.max() <= high
    task = TASKS["speed"]
    assert domain.course.setpoint_m.min() >= task.levels[0]
    assert domain.course.setpoint_m.max() <= task.levels[1]
    np.testing.assert_array_equal(domain.setpoint[:, 2], domain.course.setpoint_m)
    np.testing.assert_array_equal(domain.weather, again.weather)
    assert domain.senses[2, 1].min() >= NOISE[0] * task.noise
    assert isinstance(domain.params, AirshipParams)
    assert senses_of(3).shape == (3, 4, 3)
    with pytest.raises(ConfigError, match="unknown axis 'roll'"):
        find_axis("roll")


@pytest.mark.parametrize("axis", ["heading", "speed"])
def test_lessons_hold_what_the_teacher_did(axis: str) -> None:
    """Its own flights, so that PD and integral together are the commands that it gave."""
    lessons, teacher = axis_lessons(axis, 5, DT_S), CONTROLS[axis].teacher
    assert (len(lessons.pd), len(lessons.integral)) == (48, 16)
    error, state = lessons.pd[0].error, pid_rest()
    np.testing.assert_array_equal(error, lessons.integral[0].error)
    setpoint = np.zeros(1)
    # on measurement or error the integral is the same where the command is far from its limit
    far = np.abs(lessons.pd[0].target + lessons.integral[0].target) < 5.0
    integral = np.empty(len(error))
    for t in range(len(error)):
        state, terms = pid_step(state, setpoint, -error[t : t + 1], teacher, DT_S)
        integral[t] = terms.integral[0]
    assert far.mean() > 0.5
    assert np.abs(lessons.integral[0].target).max() > 0.2
    assert np.corrcoef(integral, lessons.integral[0].target)[0, 1] > 0.9
    assert np.abs(lessons.pd[0].target).max() <= teacher.limit


@pytest.mark.parametrize("axis", AXES)
def test_pids_of_every_axis_start_as_their_teacher(axis: str) -> None:
    contender, teacher = PidContender(DT_S, axis=axis), CONTROLS[axis].teacher
    assert contender.config(contender.start) == teacher
    assert ((contender.low <= contender.start) & (contender.start <= contender.high)).all()
