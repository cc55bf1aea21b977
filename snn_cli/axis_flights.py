"""Flights of the airship for the evolution and the comparison of controllers of one axis; PIDs hold the other two."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim_worlds.airship import AXES
from sim_worlds.axes import AxisDomain, draw_axis_domain
from sim_worlds.axis_rollout import fused_axis_rollout
from sim_worlds.fused_rollout import Tally
from snn_cli.flights import tally_cost
from snn_control.altitude_problem import Lessons
from snn_control.axis_control import CONTROLS
from snn_control.mimicry import Lesson
from snn_control.pid import PidConfig, pid_rest, pid_step
from snn_control.pilots import PidGains, pid_gains, spiking_pair
from snn_core.network import NetworkParams
from snn_core.vectors import LANES

Array = NDArray[np.float64]
LESSONS, FLIGHTS, HELD_OUT = range(11, 14)  # streams of random worlds that never meet
PD_LESSONS, INTEGRAL_LESSONS = 48, 16


@lru_cache(2)
def axis_domain_of(axis: str, stream: int, seed: int, worlds: int, dt_s: float) -> AxisDomain:
    """The random worlds of a stream and a seed."""
    return draw_axis_domain(axis, worlds, np.random.default_rng([stream, seed]), dt_s)


def teachers(dt_s: float) -> PidGains:
    """The pilots that hold the axes on which nobody is judged, one for each."""
    return pid_gains([CONTROLS[axis].teacher for axis in AXES], dt_s)


def axis_tally(pilot: Any, individuals: int, domain: AxisDomain, dt_s: float) -> Tally:
    """Scores of every individual in every world."""
    return fused_axis_rollout(pilot, individuals, teachers(dt_s), domain, dt_s)[0]


def axis_flight_cost(population: dict[str, NetworkParams], seed: int, axis: str, dt_s: float) -> Array:
    """Cost of each individual's flights in sixteen random worlds, (individual,), see `snn_cli.flights.tally_cost`."""
    domain, control = axis_domain_of(axis, FLIGHTS, seed, LANES, dt_s), CONTROLS[axis]
    scores = axis_tally(spiking_pair(population), population["pd"].population, domain, dt_s)
    return tally_cost(scores, len(domain.weather), control.quick_s, control.metres)


def axis_lessons(axis: str, seed: int, dt_s: float) -> Lessons:
    """What the networks of an axis learn: errors of the teacher's own flights in random worlds, and its terms there."""
    flown = _teacher_flights(axis, LESSONS, seed, PD_LESSONS, dt_s)
    return Lessons([pd for pd, _ in flown], [integral for _, integral in flown[:INTEGRAL_LESSONS]])


def held_out_lessons(axis: str, dt_s: float, count: int = 5) -> list[Lesson]:
    """PD lessons of flights that nobody trains on."""
    return [pd for pd, _ in _teacher_flights(axis, HELD_OUT, 0, count, dt_s)]


def _teacher_flights(axis: str, stream: int, seed: int, count: int, dt_s: float) -> list[tuple[Lesson, Lesson]]:
    teacher, domain = CONTROLS[axis].teacher, axis_domain_of(axis, stream, seed, count, dt_s)
    _, traces = fused_axis_rollout(pid_gains([teacher], dt_s), 1, teachers(dt_s), domain, dt_s, record=True)
    seen, setpoint = traces[1, 0], domain.course.setpoint_m
    pd, integral = _terms(setpoint, seen, teacher, dt_s)
    error = setpoint - seen
    return [(Lesson(error[:, w].copy(), pd[:, w].copy()), Lesson(error[:, w].copy(), integral[:, w].copy()))
            for w in range(count)]  # fmt: skip


def _terms(setpoint: Array, seen: Array, teacher: PidConfig, dt_s: float) -> tuple[Array, Array]:
    """The teacher's limited PD command and its integral term on what it saw, (time, world) each."""
    state, pd, integral = pid_rest(seen.shape[1]), np.empty_like(seen), np.empty_like(seen)
    for t in range(len(seen)):
        state, terms = pid_step(state, setpoint[t], seen[t], teacher, dt_s)
        pd[t] = np.clip(terms.proportional + terms.derivative, -teacher.limit, teacher.limit)
        integral[t] = terms.integral
    return pd, integral
