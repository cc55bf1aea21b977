"""The vertical axis of a small indoor blimp, batched: one row per world.

    z'' = f - c1 z' - c2 z'|z'| + b + d          z > 0 is up, a blimp on the floor stays there
    f'  = (a(u(t - dead time)) sin(servo) - f) / lag

f is the specific thrust, b the buoyancy (negative = heavy, drifting down with the helium that leaks), d the draft. One
motor pair sits on a servo shaft that turns half a circle to reverse the thrust, so that a reversal takes time and
first pushes the old way. Commands are in the units of the drivetrain's driver, -10 to 10.

Two drivetrains were identified from recordings of the TU Delft micro-blimps, see `PROVENANCE`.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.errors import ConfigError
from snn_core.vectors import LANES, clamp, load, magnitude, select, store

Array = NDArray[np.float64]
Motion = tuple[Any, Any, Any, Any]
"""Servo, thrust, climb and height of one world, or of sixteen."""

SUBSTEP_S = 0.01
HISTORY = 256  # substeps of command memory: the longest dead time is 2.55 s
TABLE_2021_MPS2 = np.array([-0.184, -0.094, -0.066, 0.0, 0.047, 0.110, 0.228])  # at commands -3 to 3
PROVENANCE = {
    "tudelft_2021": (
        "least squares on five open-loop flights of the 2021 blimp (DRV8833, two 8520 motors; recordings published "
        "with Gonzalez-Alvarez et al. 2022), 30 s windows; commands beyond 3 were never flown and saturate"
    ),
    "tudelft_2023": (
        "driver law read from the published source; thrust, lag, dead time and drag fitted to a 24 s closed-loop "
        "flight shown by Burgers et al. 2023 (RMSE 1.5 cm); servo time from its limit cycle"
    ),
}


class BlimpParams(NamedTuple):
    """Physics of each world; every field is (world,) float64."""

    drivetrain: Array  # 2021 or 2023: the static thrust law
    thrust_gain: Array  # factor on the static thrust law
    dead_time_s: Array
    lag_s: Array
    servo_s: Array  # time of a full reversal of the shaft; 0 = at once
    drag_per_s: Array  # c1
    drag_per_m: Array  # c2
    buoyancy_mps2: Array
    leak_mps2_per_h: Array  # loss of buoyancy with time
    draft_std_mps2: Array
    draft_time_s: Array  # correlation time of the draft


class BlimpState(NamedTuple):
    """Memory of each world, float64; (world,) unless noted."""

    time_s: Array
    height_m: Array
    climb_mps: Array
    thrust_mps2: Array
    servo: Array  # -1 = thrust down, 1 = thrust up
    draft_mps2: Array
    commands: Array  # (world, HISTORY), newest at column 0


_DEFAULTS: dict[str, dict[str, float]] = {
    "tudelft_2021": {
        "drivetrain": 2021, "thrust_gain": 1, "dead_time_s": 0, "lag_s": 0.62, "servo_s": 0, "drag_per_s": 0.22,
        "drag_per_m": 0.50, "buoyancy_mps2": 0, "leak_mps2_per_h": 0, "draft_std_mps2": 0.01, "draft_time_s": 5,
    },
    "tudelft_2023": {
        "drivetrain": 2023, "thrust_gain": 1, "dead_time_s": 0.28, "lag_s": 0.09, "servo_s": 0.2, "drag_per_s": 0,
        "drag_per_m": 0.96, "buoyancy_mps2": 0, "leak_mps2_per_h": 0, "draft_std_mps2": 0.005, "draft_time_s": 5,
    },
}  # fmt: skip
WORLDS = tuple(_DEFAULTS)


def blimp_params(world: str, count: int = 1, **overrides: float | Array) -> BlimpParams:
    """Parameters of `count` worlds of one of `WORLDS`, with fields overridden by a number or one value per world."""
    if world not in _DEFAULTS:
        raise ConfigError(f"unknown world '{world}': expected one of {', '.join(WORLDS)}")
    unknown = set(overrides) - set(BlimpParams._fields)
    if unknown:
        raise ConfigError(
            f"unknown blimp parameter {sorted(unknown)}: expected one of {', '.join(BlimpParams._fields)}"
        )
    values = {**_DEFAULTS[world], **overrides}
    params = BlimpParams(*(np.broadcast_to(np.asarray(values[f], float), count).copy() for f in BlimpParams._fields))
    _check(params)
    return params


def _check(params: BlimpParams) -> None:
    """Refuse what the kernel cannot integrate."""
    longest = (HISTORY - 1) * SUBSTEP_S
    rules = {
        "lag_s": (params.lag_s > 0.0, "more than 0 s"),
        "draft_time_s": (params.draft_time_s > 0.0, "more than 0 s"),
        "dead_time_s": ((params.dead_time_s >= 0.0) & (params.dead_time_s <= longest), f"0 to {longest:.2f} s"),
        "servo_s": (params.servo_s >= 0.0, "0 s or more"),
    }
    for name, (good, expected) in rules.items():
        if not good.all():
            raise ConfigError(f"{name}: expected {expected}, got {getattr(params, name)[~good][0]}")
    if not all(np.isfinite(field).all() for field in params):
        raise ConfigError("blimp parameters must be finite numbers")


def blimp_at(height_m: float | Array, count: int = 1) -> BlimpState:
    """Worlds at rest at a height, motors off."""
    zero = np.zeros(count)
    height = np.broadcast_to(np.asarray(height_m, float), count).copy()
    return BlimpState(
        zero.copy(), height, zero.copy(), zero.copy(), np.ones(count), zero.copy(), np.zeros((count, HISTORY))
    )


@njit(cache=True)
def static_thrust_mps2(command: float, drivetrain: float) -> float:
    """Specific thrust that a constant command settles to, its sign that of the command."""
    size = min(abs(command), 10.0)
    if drivetrain == 2021.0:
        x = min(max(command, -3.0), 3.0) + 3.0
        below = min(int(x), 5)
        return TABLE_2021_MPS2[below] + (x - below) * (TABLE_2021_MPS2[below + 1] - TABLE_2021_MPS2[below])
    if size < 0.3:
        return 0.0
    duty = int(9.0 + 3.0 * size) / 45.0
    return math.copysign(0.769 * duty * duty, command)


_SINE = [(-1.0) ** i * (0.5 * math.pi) ** (2 * i + 1) / math.factorial(2 * i + 1) for i in range(7)]
S1, S3, S5, S7, S9, S11, S13 = _SINE


@njit(cache=True, forceinline=True)
def half_sine(x: Any) -> Any:
    """sin(pi x / 2) for -1 <= x <= 1, to 1e-9: its Taylor series, the same bits for one world and for sixteen."""
    y = x * x
    return x * (S1 + y * (S3 + y * (S5 + y * (S7 + y * (S9 + y * (S11 + y * S13))))))


@njit(cache=True, forceinline=True)
def substep(motion: Motion, push: Any, side: Any, constants: tuple[Any, ...], lift: Any) -> Motion:
    """10 ms of one world, or of sixteen.

    push: size of the thrust that the command settles to; side: its sign, 0 for motors off. constants: turn of the servo
    and share of the lag per substep, both drags. lift: buoyancy and draft together.
    """
    servo, thrust, climb, height = motion
    turn, follow, drag_per_s, drag_per_m = constants
    servo = servo + select(magnitude(side) > 0.0, clamp(side - servo, -1.0 * turn, turn), 0.0 * side)
    thrust = thrust + (push * half_sine(servo) - thrust) * follow
    drag = drag_per_s * climb + drag_per_m * climb * magnitude(climb)
    climb = climb + SUBSTEP_S * (thrust - drag + lift)
    height = height + SUBSTEP_S * climb
    grounded = height < 0.0
    return servo, thrust, select(grounded & (climb < 0.0), 0.0 * climb, climb), select(grounded, 0.0 * height, height)


CONSTANTS = 8  # of a world over a period, in the order of `prepare`


@njit(cache=True)
def prepare(params: BlimpParams, first: int, count: int, substeps: int) -> Array:
    """What stays the same while worlds first to first + count - 1 fly periods of `substeps`: (CONSTANTS * LANES,)."""
    constants = np.zeros((CONSTANTS, LANES))
    for m in range(count):
        w = first + m
        keep, servo_s = math.exp(-SUBSTEP_S * substeps / params.draft_time_s[w]), params.servo_s[w]
        constants[0, m] = 2.0 * SUBSTEP_S / servo_s if servo_s > 0.0 else math.inf
        constants[1, m] = 1.0 - math.exp(-SUBSTEP_S / params.lag_s[w])
        constants[2, m] = params.drag_per_s[w]
        constants[3, m] = params.drag_per_m[w]
        constants[4, m] = params.leak_mps2_per_h[w] / 3600.0
        constants[5, m] = keep
        constants[6, m] = params.draft_std_mps2[w] * math.sqrt(1.0 - keep * keep)
        constants[7, m] = math.floor(params.dead_time_s[w] / SUBSTEP_S + 0.5)
    return constants.ravel()


@njit(cache=True)
def push_of(params: BlimpParams, w: int, command: float) -> tuple[float, float]:
    """Size and sign of the thrust that a command settles to in world w; the sign is 0 for motors off."""
    size = params.thrust_gain[w] * abs(static_thrust_mps2(command, params.drivetrain[w]))
    return size, 0.0 if command == 0.0 else math.copysign(1.0, command)


@njit(cache=True)
def _drive(state, params, w, m, command, delay, substeps, push, side):
    """Pass a command through the dead time of world w: thrust (size, sign) of every substep to lane m."""
    commands, last, size, sign = state.commands, 0.0, 0.0, 0.0
    for s in range(substeps):
        u = command if s >= delay else commands[w, delay - 1 - s]
        if u != last:
            last = u
            size, sign = push_of(params, w, u)
        push[s * LANES + m], side[s * LANES + m] = size, sign
    for i in range(delay - 1, substeps - 1, -1):
        commands[w, i] = commands[w, i - substeps]
    for i in range(min(delay, substeps)):
        commands[w, i] = command


@njit(cache=True)
def _advance_one(state, params, w, m, substeps, push, side, constants):
    """The substeps of world w, which is lane m."""
    motion = state.servo[w], state.thrust_mps2[w], state.climb_mps[w], state.height_m[w]
    fixed = constants[m], constants[LANES + m], constants[2 * LANES + m], constants[3 * LANES + m]
    leak, time, level = constants[4 * LANES + m], state.time_s[w], params.buoyancy_mps2[w] + state.draft_mps2[w]
    for s in range(substeps):
        motion = substep(motion, push[s * LANES + m], side[s * LANES + m], fixed, level - leak * time)
        time = time + SUBSTEP_S
    state.servo[w], state.thrust_mps2[w], state.climb_mps[w], state.height_m[w] = motion
    state.time_s[w] = time


@njit(cache=True)
def advance_sixteen(
    state: BlimpState, params: BlimpParams, w: int, substeps: int, push: Array, side: Array, constants: Array
) -> None:
    """The substeps of worlds w to w + 15."""
    motion = load(state.servo, w), load(state.thrust_mps2, w), load(state.climb_mps, w), load(state.height_m, w)
    fixed = load(constants, 0), load(constants, LANES), load(constants, 2 * LANES), load(constants, 3 * LANES)
    leak, time = load(constants, 4 * LANES), load(state.time_s, w)
    level = load(params.buoyancy_mps2, w) + load(state.draft_mps2, w)
    for s in range(substeps):
        motion = substep(motion, load(push, s * LANES), load(side, s * LANES), fixed, level - leak * time)
        time = time + SUBSTEP_S
    store(state.servo, w, motion[0])
    store(state.thrust_mps2, w, motion[1])
    store(state.climb_mps, w, motion[2])
    store(state.height_m, w, motion[3])
    store(state.time_s, w, time)


@njit(cache=True)
def _advance(state, params, command, gust, substeps):
    worlds = state.height_m.shape[0]
    push, side = np.empty(substeps * LANES), np.empty(substeps * LANES)
    for first in range(0, worlds, LANES):
        count = min(LANES, worlds - first)
        constants = prepare(params, first, count, substeps)
        for m in range(count):
            w, keep, spread = first + m, constants[5 * LANES + m], constants[6 * LANES + m]
            state.draft_mps2[w] = keep * state.draft_mps2[w] + spread * gust[w]
            _drive(state, params, w, m, command[w], int(constants[7 * LANES + m]), substeps, push, side)
        if count == LANES:
            advance_sixteen(state, params, first, substeps, push, side, constants)
        else:
            for m in range(count):
                _advance_one(state, params, first + m, m, substeps, push, side, constants)


def blimp_step(state: BlimpState, params: BlimpParams, command: Array, gust: Array, duration_s: float) -> None:
    """Advance every world in place by `duration_s` (rounded to 10 ms) under a constant command.

    command: (world,), -10 to 10. gust: (world,) standard normal numbers that drive the Ornstein-Uhlenbeck draft.
    """
    _advance(state, params, command, gust, max(1, round(duration_s / SUBSTEP_S)))
