"""Flights of the airship with a controller on each axis: the plain loop, and a whole population in one compiled one.

Only one axis is scored: a population of pilots (`snn_core.pilots`) takes turns on it, while the pilots of `others` hold
the other two. Heading is counted on through full turns, so that nobody meets the jump at pi.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from sim_worlds.airship import AXES, HISTORY, MOTION, SUBSTEP_S, AirshipParams, airship_at
from sim_worlds.airship_flight import CONSTANTS, SIGNALS, airship_step, blow, drive, fly_sixteen, settle
from sim_worlds.airship_forces import rotation
from sim_worlds.axes import AxisDomain
from sim_worlds.course import Course
from sim_worlds.fused_rollout import Sensor, Tally, blocks_of, score_step, see, tally_of
from sim_worlds.lidar import LidarParams, measure
from sim_worlds.weather import GUST
from snn_core.pilots import pilot_memory, pilot_step
from snn_core.vectors import LANES, clamp, load, splat, store

Array = NDArray[np.float64]
Controller = Callable[[Array, Array], Array]
KINDS = 4  # rows of one axis' weather
FAR = 2.0**17  # steps of a sensor
ALTITUDE, HEADING, SPEED = range(len(AXES))


class AxisFlights(NamedTuple):
    """Recordings of flights, (time, axis, world), sampled when the controllers act."""

    setpoint: Array
    value: Array
    measured: Array
    command: Array


@njit(cache=True)
def further(heading_rad: float, now_rad: float) -> float:
    """The direction `now_rad` (-pi to pi) as the heading nearest to the one before, counted through full turns."""
    change = now_rad - heading_rad
    return heading_rad + change - 2.0 * math.pi * math.floor(change / (2.0 * math.pi) + 0.5)


def axis_rollout(controllers: Sequence[Controller], domain: AxisDomain, dt_s: float) -> AxisFlights:
    """Fly every world with one batched controller per axis, in the order of `AXES`, from their first setpoints."""
    steps, _, worlds = domain.setpoint.shape
    first = domain.setpoint[0]
    state = airship_at(np.zeros(3), first[HEADING], worlds, first[SPEED])
    state.motion[:, 2] = first[ALTITUDE]
    heading, record = first[HEADING].copy(), np.empty((3, steps, len(AXES), worlds))
    for t in range(steps):
        heading = np.array([further(h, now) for h, now in zip(heading, state.heading_rad, strict=True)])
        value = np.array([state.motion[:, 2], heading, state.motion[:, 7]])
        rate = np.array([state.climb_mps, state.motion[:, 12], np.zeros(worlds)])
        for axis, controller in enumerate(controllers):
            seen = _measured(domain, axis, value[axis], rate[axis], domain.weather[t])
            command = np.clip(controller(domain.setpoint[t, axis], seen), -10.0, 10.0)
            record[:, t, axis] = value[axis], seen, command
        gust = domain.weather[t, GUST::KINDS][::-1].T  # forward, left, upward
        airship_step(state, domain.params, record[2, t].T.copy(), gust.copy(), dt_s)
    return AxisFlights(domain.setpoint, *record)


def _measured(domain: AxisDomain, axis: int, value: Array, rate: Array, weather: Array) -> Array:
    """One measurement of an axis in every world; the model is the lidar's, which knows no negative values."""
    quantum, noise, dropout, late = domain.senses[axis]
    sample = weather[KINDS * axis : KINDS * (axis + 1)]
    far = float(quantum[0]) * FAR  # a whole number of steps, so that none is rounded differently
    return measure(value + far, rate, LidarParams(float(quantum[0]), noise, dropout, late), sample) - far


@njit(cache=True)
def _values(motion, heading):
    """Values and rates of the three axes of sixteen worlds; `heading` counts on."""
    for m in range(LANES):
        w, x, y, z = motion[3, m], motion[4, m], motion[5, m], motion[6, m]
        heading[m] = further(heading[m], math.atan2(2.0 * (x * y + w * z), 1.0 - 2.0 * (y * y + z * z)))
    up = rotation((load(motion[3], 0), load(motion[4], 0), load(motion[5], 0), load(motion[6], 0)))[2]
    forward = load(motion[7], 0)
    climb = up[0] * forward + up[1] * load(motion[8], 0) + up[2] * load(motion[9], 0)
    return (load(motion[2], 0), load(heading, 0), forward), (climb, load(motion[12], 0), splat(0.0))


@njit(cache=True)
def _act(pilot, i, axis, others, memory, held, target, value, rate, senses, weather, limit):
    """Commands of all three axes; command, target, value, measurement and spikes of the scored one."""
    a = pilot_step(others, 0, held[0], target[0], _seen(0, value[0], rate[0], senses, weather))[0]
    b = pilot_step(others, 1, held[1], target[1], _seen(1, value[1], rate[1], senses, weather))[0]
    c = pilot_step(others, 2, held[2], target[2], _seen(2, value[2], rate[2], senses, weather))[0]
    goal, now, change = target[0], value[0], rate[0]
    if axis == 1:
        goal, now, change = target[1], value[1], rate[1]
    elif axis == 2:
        goal, now, change = target[2], value[2], rate[2]
    seen = _seen(axis, now, change, senses, weather)
    own, fired = pilot_step(pilot, i, memory, goal, seen)
    if axis == 0:
        a = own
    elif axis == 1:
        b = own
    else:
        c = own
    low, high = splat(-limit), splat(limit)
    return (
        (clamp(a, low, high), clamp(b, low, high), clamp(c, low, high)),
        clamp(own, low, high),
        goal,
        now,
        seen,
        fired,
    )


@njit(cache=True)
def _seen(axis, value, rate, senses, weather):
    s = senses[axis]
    return see(value, rate, Sensor(s[0, 0], s[1], s[2], s[3]), weather[KINDS * axis : KINDS * (axis + 1)])


@njit(cache=True)
def _begin(setpoint):
    """Sixteen worlds upright at their first setpoints, motors off."""
    motion = np.zeros((MOTION, LANES))
    motion[2], motion[7] = setpoint[ALTITUDE], setpoint[SPEED]
    for m in range(LANES):
        half = 0.5 * setpoint[HEADING, m]
        motion[3, m], motion[6, m] = math.cos(half), math.sin(half)
    motion[13], motion[14] = 1.0, 1.0
    return motion


@njit(cache=True)
def _motors(params, constants, command, commands, drafts, weather, t, substeps, signals):
    """Drafts, what is constant and what the motors settle to over one period, lane by lane."""
    period_s, gust = SUBSTEP_S * substeps, np.empty(3)
    for m in range(LANES):
        for axis in range(3):
            gust[axis] = weather[KINDS * (2 - axis) + GUST, m]
        blow(drafts[m], gust, params.draft_std_mps[m], params.draft_time_s[m], period_s)
        settle(constants, params, m, m, t * period_s, drafts[m])
        delay = int(params.dead_time_s[m] / SUBSTEP_S + 0.5)
        drive(commands[m], command[:, m], delay, params.thrust_gain[m], substeps, signals, m)


@njit(cache=True)
def _fly(pilot, i, axis, others, params, senses, course, setpoint, weather, limit, substeps, record, scores):
    """Individual i in sixteen worlds; scores is (7, LANES), record (time or 0, 3, LANES)."""
    motion, heading = _begin(setpoint[0]), setpoint[0, HEADING].copy()
    drafts, commands, command = np.zeros((LANES, 3)), np.zeros((LANES, 3, HISTORY)), np.empty((3, LANES))
    constants, signals = np.empty((CONSTANTS, LANES)), np.empty((substeps, SIGNALS, LANES))
    memory = pilot_memory(pilot, i)
    held = pilot_memory(others, 0), pilot_memory(others, 1), pilot_memory(others, 2)
    zero = splat(0.0)
    spikes, tally = zero, (zero, zero, zero, zero, zero, zero)
    marks = (zero, zero, zero, zero, zero, zero, zero, zero)
    for t in range(setpoint.shape[0]):
        value, rate = _values(motion, heading)
        target = load(setpoint[t, 0], 0), load(setpoint[t, 1], 0), load(setpoint[t, 2], 0)
        given, own, goal, now, seen, fired = _act(
            pilot, i, axis, others, memory, held, target, value, rate, senses, weather[t], limit
        )
        spikes = spikes + fired
        tally, marks = score_step(tally, marks, course, t, goal, now, own)
        store(command[0], 0, given[0])
        store(command[1], 0, given[1])
        store(command[2], 0, given[2])
        if record.shape[0] > 0:
            store(record[t, 0], 0, now)
            store(record[t, 1], 0, seen)
            store(record[t, 2], 0, own)
        _motors(params, constants, command, commands, drafts, weather[t], t, substeps, signals)
        fly_sixteen(motion, constants, signals, substeps, SUBSTEP_S)
    for row in range(6):
        store(scores[row], 0, tally[row])
    store(scores[6], 0, spikes)


@njit(cache=True, parallel=True)
def _fly_all(
    pilot, population, axis, others, params, senses, course, setpoint, weather, limit, substeps, record, scores
):
    blocks = setpoint.shape[0]
    for job in prange(population * blocks):
        i, b = job // blocks, job % blocks
        p = params[b]
        world = AirshipParams(
            p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10], p[11], p[12], p[13], p[14], p[15]
        )
        _fly(
            pilot, i, axis, others, world, senses[b], course, setpoint[b], weather[b], limit, substeps, record[i, b],
            scores[i, b],
        )  # fmt: skip


def fused_axis_rollout(
    pilot: Any, population: int, others: Any, domain: AxisDomain, dt_s: float, limit: float = 10.0,
    record: bool = False,
) -> tuple[Tally, Array]:  # fmt: skip
    """Fly every individual of a pilot on the domain's axis in every world, individual k of `others` on axis k.

    Returns the scores and, if asked to record, (value | measured | command, individual, time, world), else an empty
    array. It is `axis_rollout` of the same controllers.
    """
    flight: Course = domain.course
    steps, _, worlds = domain.setpoint.shape
    setpoint = blocks_of(domain.setpoint)
    scores = np.empty((population, len(setpoint), len(Tally._fields), LANES))
    traces = np.empty((population, len(setpoint), steps if record else 0, 3, LANES))
    _fly_all(
        pilot, population, domain.axis, others, blocks_of(np.array(domain.params)), blocks_of(domain.senses), flight,
        setpoint, blocks_of(domain.weather), float(limit), max(1, round(dt_s / SUBSTEP_S)), traces, scores,
    )  # fmt: skip
    lanes = len(setpoint) * LANES
    sums = np.ascontiguousarray(np.moveaxis(scores, 2, 0)).reshape(len(Tally._fields), population, lanes)[..., :worlds]
    by_kind = np.moveaxis(traces, (3, 1), (0, 3)).reshape(3, population, traces.shape[2], lanes)
    return tally_of(sums, flight, dt_s), by_kind[..., :worlds]
