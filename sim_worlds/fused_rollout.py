"""Closed-loop flights of a whole population in one compiled loop: controllers, motors, blimp, sensor and scores.

Job by job: one individual in sixteen worlds, one in each lane; jobs run on parallel threads. It is
`sim_worlds.rollout.rollout` of the same controllers, bit for bit, but keeps no traces unless asked.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from sim_worlds.blimp import HISTORY, SUBSTEP_S, BlimpParams, BlimpState, advance_sixteen, prepare, push_of
from sim_worlds.course import Course
from sim_worlds.lidar import LidarParams
from sim_worlds.weather import AGE, GUST, LOST, NOISE
from snn_core.pilots import pilot_memory, pilot_step
from snn_core.vectors import LANES, clamp, load, magnitude, nearest, select, splat, store

Array = NDArray[np.float64]


class Tally(NamedTuple):
    """Scores of every flight, (individual, world): `snn_core.metrics.FlightScore`, up and down taken together.

    Where another axis than altitude is flown, metres stand for its unit.
    """

    rmse_m: Array
    steady_state_error_m: Array
    overshoot_m: Array
    oscillation_m: Array
    total_variation: Array
    t90_s: Array
    spikes_per_step: Array


class Sensor(NamedTuple):
    """Error model of sixteen sensors, (LANES,) each, as that of a lidar; other sensors have other units."""

    quantum_m: float
    noise_m: Array
    dropout: Array
    jitter_s: Array


@njit(cache=True)
def see(value: Any, rate: Any, sensor: Sensor, now: Array) -> Any:
    """What sixteen sensors see of values that change at a rate; NaN where a sample is lost.

    now: what befalls the sample, (3 or more, LANES): noise, age and lot, see `sim_worlds.weather`.
    """
    late = rate * load(sensor.jitter_s, 0) * load(now[AGE], 0)
    seen = value - late + load(sensor.noise_m, 0) * load(now[NOISE], 0)
    if sensor.quantum_m > 0.0:
        seen = nearest(seen / sensor.quantum_m) * sensor.quantum_m
    return select(load(now[LOST], 0) < load(sensor.dropout, 0), splat(np.nan), seen)


@njit(cache=True)
def score_step(tally: Any, marks: Any, course: Course, t: int, target: Any, height: Any, command: Any) -> Any:
    """Add one step of sixteen flights to their sums; `marks` remembers what extremes and differences need."""
    square, steady, beyond, swing, variation, rise = tally
    way, furthest, lowest, highest, rising, start, last_target, last_command = marks
    miss = target - height
    square = square + miss * miss
    if t > 0:
        variation = variation + magnitude(command - last_command)
    if course.opens[t]:
        way, furthest = select(target > last_target, splat(1.0), splat(-1.0)), splat(0.0)
        rising, start = splat(1.0), last_target
    rising = select(way * (height - start) >= 0.9 * (way * (target - start)), splat(0.0), rising)
    rise = rise + rising
    if course.beyond[t]:
        past = way * (height - target)
        furthest = select(past > furthest, past, furthest)
    if course.steady[t]:
        steady = steady + magnitude(miss)
    if course.swings[t]:
        if t == 0 or course.closes[t - 1] or not course.swings[t - 1]:
            lowest, highest = height, height
        lowest, highest = select(height < lowest, height, lowest), select(height > highest, height, highest)
    if course.closes[t]:
        beyond, swing = beyond + furthest, swing + 0.5 * (highest - lowest)
    tally = square, steady, beyond, swing, variation, rise
    return tally, (way, furthest, lowest, highest, rising, start, target, command)


@njit(cache=True)
def _drive(motors, params, constants, command, t, substeps, push, side):
    """Pass the commands of period t through each world's dead time: thrust (size, sign) of every substep.

    motors: (2, period, LANES), a ring of the sizes and signs of past periods. After a dead time of q periods and r
    substeps the first r substeps still obey the command of period t - q - 1, the others that of t - q.
    """
    size, sign = motors
    periods = size.shape[0]
    chosen = np.empty((5, LANES))  # size and sign of either command, and r
    for m in range(LANES):
        size[t % periods, m], sign[t % periods, m] = push_of(params, m, command[m])
        delay = int(constants[7 * LANES + m])
        new = t - delay // substeps
        chosen[0, m], chosen[1, m] = size[(new - 1) % periods, m], sign[(new - 1) % periods, m]
        chosen[2, m], chosen[3, m] = size[new % periods, m], sign[new % periods, m]
        chosen[4, m] = delay % substeps
    switch = load(chosen[4], 0)
    for s in range(substeps):
        old = switch > float(s)
        store(push, s * LANES, select(old, load(chosen[0], 0), load(chosen[2], 0)))
        store(side, s * LANES, select(old, load(chosen[1], 0), load(chosen[3], 0)))


@njit(cache=True)
def _fly(pilot, i, params, sensor, course, setpoint, weather, limit, substeps, record, scores):
    """Individual i in sixteen worlds, at rest at first; scores is (7, LANES), record (time or 0, 2, LANES)."""
    at_rest = np.zeros((4, LANES))
    state = BlimpState(
        at_rest[0], setpoint[0].copy(), at_rest[1], at_rest[2], np.ones(LANES), at_rest[3], np.zeros((0, 0))
    )
    memory = pilot_memory(pilot, i)
    constants, command = prepare(params, 0, LANES, substeps), np.empty(LANES)
    push, side, motors = (
        np.empty(substeps * LANES),
        np.empty(substeps * LANES),
        np.zeros((2, HISTORY // substeps + 2, LANES)),
    )
    zero = splat(0.0)
    spikes = zero
    tally, marks = (zero, zero, zero, zero, zero, zero), (zero, zero, zero, zero, zero, zero, zero, zero)
    for t in range(setpoint.shape[0]):
        target, height = load(setpoint[t], 0), load(state.height_m, 0)
        seen = see(height, load(state.climb_mps, 0), sensor, weather[t])
        seen = select(seen < 0.0, zero, seen)  # a lidar knows no heights below the floor
        command_now, fired = pilot_step(pilot, i, memory, target, seen)
        now = clamp(command_now, splat(-limit), splat(limit))
        spikes = spikes + fired
        tally, marks = score_step(tally, marks, course, t, target, height, now)
        store(command, 0, now)
        if record.shape[0] > 0:
            store(record[t, 0], 0, height)
            store(record[t, 1], 0, now)
        _drive(motors, params, constants, command, t, substeps, push, side)
        drafts = load(constants, 5 * LANES) * load(state.draft_mps2, 0)
        store(state.draft_mps2, 0, drafts + load(constants, 6 * LANES) * load(weather[t, GUST], 0))
        advance_sixteen(state, params, 0, substeps, push, side, constants)
    for row in range(6):
        store(scores[row], 0, tally[row])
    store(scores[6], 0, spikes)


@njit(cache=True, parallel=True)
def _fly_all(pilot, population, params, sensors, course, setpoint, weather, limit, substeps, record, scores):
    blocks = setpoint.shape[0]
    for job in prange(population * blocks):
        i, b = job // blocks, job % blocks
        p, s = params[b], sensors[b]
        world = BlimpParams(p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10])
        sensor = Sensor(s[0, 0], s[1], s[2], s[3])
        _fly(pilot, i, world, sensor, course, setpoint[b], weather[b], limit, substeps, record[i, b], scores[i, b])


def blocks_of(values: Array) -> Array:
    """(..., world) -> (block, ..., LANES), the last block padded with the last world."""
    count = -(-values.shape[-1] // LANES)
    padded = values[..., np.minimum(np.arange(count * LANES), values.shape[-1] - 1)]
    return np.ascontiguousarray(np.moveaxis(padded.reshape(*values.shape[:-1], count, LANES), -2, 0), float)


def fused_rollout(
    pilot: Any, population: int, params: BlimpParams, lidar: LidarParams, flight: Course, weather: Array,
    dt_s: float, limit: float = 10.0, record: bool = False,
) -> tuple[Tally, Array, Array]:  # fmt: skip
    """Fly every individual of a pilot, see `snn_core.pilots`, in every world, from rest at its first setpoint.

    weather: (time, 4, world), see `sim_worlds.weather`. Commands are clipped to +-limit. Returns the scores, and if
    asked to record, true heights (m) and commands (command units), (individual, time, world), else two empty arrays.
    """
    steps, worlds = flight.setpoint_m.shape
    fields = (lidar.quantum_m, lidar.noise_m, lidar.dropout, lidar.jitter_s)
    sensors = blocks_of(np.array([np.broadcast_to(np.asarray(field, float), worlds) for field in fields]))
    setpoint = blocks_of(flight.setpoint_m)
    scores = np.empty((population, len(setpoint), len(Tally._fields), LANES))
    traces = np.empty((population, len(setpoint), steps if record else 0, 2, LANES))
    substeps = max(1, round(dt_s / SUBSTEP_S))
    _fly_all(
        pilot, population, blocks_of(np.array(params)), sensors, flight, setpoint, blocks_of(weather), float(limit),
        substeps, traces, scores,
    )  # fmt: skip
    lanes = len(setpoint) * LANES
    sums = np.ascontiguousarray(np.moveaxis(scores, 2, 0)).reshape(len(Tally._fields), population, lanes)[..., :worlds]
    by_kind = np.moveaxis(traces, (3, 1), (0, 3))
    heights, commands = by_kind.reshape(2, population, traces.shape[2], lanes)[..., :worlds]
    return tally_of(sums, flight, dt_s), heights, commands


def tally_of(sums: Array, flight: Course, dt_s: float) -> Tally:
    """Means from sums over steps and holds."""
    steps, holds = len(flight.setpoint_m), int(flight.closes.sum())
    square, steady, beyond, swing, variation, rise, spikes = sums
    return Tally(
        np.sqrt(square / steps), steady / flight.steady.sum(), beyond / max(holds - 1, 1), swing / holds, variation,
        rise * dt_s / max(holds - 1, 1), spikes / steps,
    )  # fmt: skip
