"""Airships in open air, stepped: sixteen worlds at a time in registers."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sim_worlds.airship import (
    MOTION,
    SUBSTEP_S,
    AirshipParams,
    AirshipState,
    airship_substep,
    motor_push,
    net_lift_n,
)
from snn_core.vectors import LANES, load, store

Array = NDArray[np.float64]

# Rows of what stays the same over a period, (CONSTANTS, LANES).
TURN, FOLLOW, LIFT, TWIST, BALLAST, DRAG, FINS, WIND_X, WIND_Y, WIND_Z = range(10)
CONSTANTS = 10
SIGNALS = 6  # sizes and signs of the thrusts of three motors


@njit(cache=True)
def fly_sixteen(motion: Array, constants: Array, signals: Array, substeps: int, dt_s: float) -> None:
    """Substeps of sixteen worlds in place. motion (MOTION, LANES), constants (CONSTANTS, LANES).

    signals: (substep, SIGNALS, LANES), the sizes and then the signs of the thrusts that the commands settle to.
    """
    m = (
        load(motion[0], 0), load(motion[1], 0), load(motion[2], 0), load(motion[3], 0), load(motion[4], 0),
        load(motion[5], 0), load(motion[6], 0), load(motion[7], 0), load(motion[8], 0), load(motion[9], 0),
        load(motion[10], 0), load(motion[11], 0), load(motion[12], 0), load(motion[13], 0), load(motion[14], 0),
        load(motion[15], 0), load(motion[16], 0), load(motion[17], 0),
    )  # fmt: skip
    motors = load(constants[TURN], 0), load(constants[FOLLOW], 0)
    wind = load(constants[WIND_X], 0), load(constants[WIND_Y], 0), load(constants[WIND_Z], 0)
    loads = (
        load(constants[LIFT], 0), load(constants[TWIST], 0), load(constants[BALLAST], 0), load(constants[DRAG], 0),
        load(constants[FINS], 0),
    )  # fmt: skip
    for k in range(substeps):
        now = signals[k]
        push = load(now[0], 0), load(now[1], 0), load(now[2], 0)
        side = load(now[3], 0), load(now[4], 0), load(now[5], 0)
        m = airship_substep(m, push, side, motors, wind, loads, dt_s)
    store(motion[0], 0, m[0])
    store(motion[1], 0, m[1])
    store(motion[2], 0, m[2])
    store(motion[3], 0, m[3])
    store(motion[4], 0, m[4])
    store(motion[5], 0, m[5])
    store(motion[6], 0, m[6])
    store(motion[7], 0, m[7])
    store(motion[8], 0, m[8])
    store(motion[9], 0, m[9])
    store(motion[10], 0, m[10])
    store(motion[11], 0, m[11])
    store(motion[12], 0, m[12])
    store(motion[13], 0, m[13])
    store(motion[14], 0, m[14])
    store(motion[15], 0, m[15])
    store(motion[16], 0, m[16])
    store(motion[17], 0, m[17])


@njit(cache=True)
def drive(commands: Array, command: Array, delay: int, gain: float, substeps: int, signals: Array, m: int) -> None:
    """Pass the three commands of a world, which is lane m, through its dead time into `signals`."""
    for axis in range(3):
        history, now, last, size, sign = commands[axis], command[axis], 0.0, 0.0, 0.0
        for k in range(substeps):
            u = now if k >= delay else history[delay - 1 - k]
            if u != last:
                last = u
                size, sign = motor_push(axis, u, gain)
            signals[k, axis, m], signals[k, 3 + axis, m] = size, sign
        for i in range(delay - 1, substeps - 1, -1):
            history[i] = history[i - substeps]
        for i in range(min(delay, substeps)):
            history[i] = now


@njit(cache=True)
def settle(constants: Array, params: AirshipParams, w: int, m: int, time_s: float, draft_mps: Array) -> None:
    """What stays the same for world w, which is lane m, while one command lasts."""
    servo_s = params.servo_s[w]
    constants[TURN, m] = 2.0 * SUBSTEP_S / servo_s if servo_s > 0.0 else math.inf
    constants[FOLLOW, m] = 1.0 - math.exp(-SUBSTEP_S / params.lag_s[w])
    constants[LIFT, m] = net_lift_n(params.buoyancy_mps2[w], params.leak_mps2_per_h[w], params.air_c[w], time_s)
    constants[TWIST, m] = params.twist_nm[w]
    constants[BALLAST, m] = params.ballast_m[w]
    constants[DRAG, m] = params.drag[w]
    constants[FINS, m] = params.fins[w]
    constants[WIND_X, m] = params.wind_x_mps[w] + draft_mps[0]
    constants[WIND_Y, m] = params.wind_y_mps[w] + draft_mps[1]
    constants[WIND_Z, m] = params.wind_z_mps[w] + draft_mps[2]


@njit(cache=True)
def blow(draft_mps: Array, gust: Array, std_mps: float, time_s: float, period_s: float) -> None:
    """One period of a world's draft, (3,): exact Ornstein-Uhlenbeck, driven by standard normal numbers."""
    keep = math.exp(-period_s / time_s)
    spread = std_mps * math.sqrt(1.0 - keep * keep)
    for axis in range(3):
        draft_mps[axis] = keep * draft_mps[axis] + spread * gust[axis]


@njit(cache=True)
def _advance(time_s, motions, draft_mps, commands, params, command, gust, substeps):
    """One period of all worlds, sixteen at a time; on one thread, because a period is too short to share."""
    motion, constants = np.zeros((MOTION, LANES)), np.ones((CONSTANTS, LANES))
    motion[3] = 1.0  # idle lanes: a blimp at rest
    signals = np.zeros((substeps, SIGNALS, LANES))
    for first in range(0, len(motions), LANES):
        count = min(LANES, len(motions) - first)
        for m in range(count):
            w = first + m
            blow(draft_mps[w], gust[w], params.draft_std_mps[w], params.draft_time_s[w], SUBSTEP_S * substeps)
            settle(constants, params, w, m, time_s[w], draft_mps[w])
            delay = int(params.dead_time_s[w] / SUBSTEP_S + 0.5)
            drive(commands[w], command[w], delay, params.thrust_gain[w], substeps, signals, m)
            motion[:, m] = motions[w]
        fly_sixteen(motion, constants, signals, substeps, SUBSTEP_S)
        for m in range(count):
            motions[first + m] = motion[:, m]
            time_s[first + m] += SUBSTEP_S * substeps


def airship_step(state: AirshipState, params: AirshipParams, command: Array, gust: Array, duration_s: float) -> None:
    """Advance every world in place by `duration_s` (rounded to 10 ms) under constant commands.

    command: (world, 3), -10 to 10, in the order of `AXES`. gust: (world, 3), standard normal numbers that drive the
    draft.
    """
    _advance(*state, params, command, gust, max(1, round(duration_s / SUBSTEP_S)))
