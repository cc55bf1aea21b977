"""The vertical axis of a small indoor blimp, batched: one row per world.

    z'' = f - c1 z' - c2 z'|z'| + b + d          z > 0 is up, a blimp on the floor stays there
    f'  = (a(u(t - dead time)) sin(servo) - f) / lag

f is the specific thrust, b the buoyancy (negative = heavy, drifting down with the helium that leaks), d the draft. One
motor pair sits on a servo shaft that turns half a circle to reverse the thrust, so that a reversal takes time and
first pushes the old way. Commands are in the units of the drivetrain's driver, -10 to 10.

Two drivetrains were identified from recordings of the TU Delft micro-blimps, see `PROVENANCE`.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_core.errors import ConfigError

Array = NDArray[np.float64]

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


@njit(cache=True)
def _advance(state, params, command, gust, substeps):
    h = SUBSTEP_S
    for w in range(state.height_m.shape[0]):
        keep = math.exp(-h * substeps / params.draft_time_s[w])
        spread = params.draft_std_mps2[w] * math.sqrt(1.0 - keep * keep)
        state.draft_mps2[w] = keep * state.draft_mps2[w] + spread * gust[w]
        delay = int(params.dead_time_s[w] / h + 0.5)
        for _ in range(substeps):
            for i in range(delay, 0, -1):
                state.commands[w, i] = state.commands[w, i - 1]
            state.commands[w, 0] = command[w]
            u = state.commands[w, delay]
            if u != 0.0 and params.servo_s[w] > 0.0:
                turn = 2.0 * h / params.servo_s[w]
                goal = math.copysign(1.0, u)
                state.servo[w] += min(max(goal - state.servo[w], -turn), turn)
            elif u != 0.0:
                state.servo[w] = math.copysign(1.0, u)
            push = abs(static_thrust_mps2(u, params.drivetrain[w])) * math.sin(0.5 * math.pi * state.servo[w])
            goal = params.thrust_gain[w] * push
            state.thrust_mps2[w] += (goal - state.thrust_mps2[w]) * (1.0 - math.exp(-h / params.lag_s[w]))
            v = state.climb_mps[w]
            lift = params.buoyancy_mps2[w] - params.leak_mps2_per_h[w] * state.time_s[w] / 3600.0
            drag = params.drag_per_s[w] * v + params.drag_per_m[w] * v * abs(v)
            v += h * (state.thrust_mps2[w] - drag + lift + state.draft_mps2[w])
            z = state.height_m[w] + h * v
            if z < 0.0:
                z, v = 0.0, max(v, 0.0)
            state.height_m[w], state.climb_mps[w] = z, v
            state.time_s[w] += h


def blimp_step(state: BlimpState, params: BlimpParams, command: Array, gust: Array, duration_s: float) -> None:
    """Advance every world in place by `duration_s` (rounded to 10 ms) under a constant command.

    command: (world,), -10 to 10. gust: (world,) standard normal numbers that drive the Ornstein-Uhlenbeck draft.
    """
    _advance(state, params, command, gust, max(1, round(duration_s / SUBSTEP_S)))
