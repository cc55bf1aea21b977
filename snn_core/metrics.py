"""What a control engineer reads off a flight, and what a mimic is scored by."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SETTLING_BAND_M = 0.05  # 2 % of a step would be finer than the sensor
OVERSHOOT_WINDOW_S = 30.0
STEADY_S = 10.0
OSCILLATION_S = 30.0
DEAD_ZONE = 0.3  # command units; below it the motors stand still, so no reversal is counted


class FlightScore(NamedTuple):
    """Scores of one flight; NaN where the trial has nothing to score (no step, no step down ...)."""

    rmse_m: float
    steady_state_error_m: float  # mean |error| over the last 10 s of each hold
    overshoot_up_m: float  # furthest beyond the target within 30 s, mean over the steps up
    overshoot_down_m: float
    t90_s: float  # time to 90 % of the step, mean over the steps
    settling_s: float  # until the error stays within +-5 cm; a step that never settles counts its whole hold
    iae_m_s: float
    total_variation: float  # sum |du| of the command, command units
    reversals_per_min: float
    saturation: float  # share of time at the command limit
    oscillation_m: float  # half of peak to peak over the last 30 s of each hold


def mimic_loss(output: Array, target: Array) -> float:
    """MAE + (1 - Pearson), the fitness of Burgers et al. 2023; a constant output has correlation 0."""
    mae = float(np.abs(output - target).mean())
    if output.std() < 1e-9 or target.std() < 1e-9:
        return mae + 1.0
    return mae + 1.0 - float(np.corrcoef(output, target)[0, 1])


def hold_bounds(setpoint_m: Array) -> list[tuple[int, int]]:
    """Index ranges over which the setpoint is constant."""
    edges = np.flatnonzero(np.diff(setpoint_m)) + 1
    cuts = [0, *edges.tolist(), len(setpoint_m)]
    return list(pairwise(cuts))


def _step_score(height_m: Array, start_m: float, target_m: float, dt_s: float) -> tuple[float, float, float]:
    """Overshoot, t90 and settling time of one step; height_m is the hold after it."""
    sign = np.sign(target_m - start_m)
    beyond = sign * (height_m - target_m)
    overshoot = max(0.0, float(beyond[: round(OVERSHOOT_WINDOW_S / dt_s)].max()))
    reached = np.flatnonzero(sign * (height_m - start_m) >= 0.9 * abs(target_m - start_m))
    outside = np.flatnonzero(np.abs(beyond) > SETTLING_BAND_M)
    t90 = float(reached[0]) if len(reached) else float(len(height_m))
    settled = float(outside[-1] + 1) if len(outside) else 0.0
    return overshoot, t90 * dt_s, settled * dt_s


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def reversals(command: Array) -> int:
    """Changes of thrust direction, counted between commands outside the dead zone."""
    signs = np.sign(command[np.abs(command) >= DEAD_ZONE])
    return int(np.count_nonzero(np.diff(signs)))


def flight_score(setpoint_m: Array, height_m: Array, command: Array, dt_s: float, limit: float = 10.0) -> FlightScore:
    """Score one flight; all arrays (time,), metres and command units, one row per control step."""
    error = setpoint_m - height_m
    holds = hold_bounds(setpoint_m)
    steady = round(STEADY_S / dt_s)
    swing = round(OSCILLATION_S / dt_s)
    ups: list[float] = []
    downs: list[float] = []
    times: list[tuple[float, float]] = []
    for (_, _), (begin, end) in pairwise(holds):
        start_m, target_m = setpoint_m[begin - 1], setpoint_m[begin]
        overshoot, t90, settled = _step_score(height_m[begin:end], start_m, target_m, dt_s)
        (ups if target_m > start_m else downs).append(overshoot)
        times.append((t90, settled))
    return FlightScore(
        rmse_m=float(np.sqrt(np.mean(error**2))),
        steady_state_error_m=_mean([float(np.abs(error[max(a, b - steady) : b]).mean()) for a, b in holds]),
        overshoot_up_m=_mean(ups),
        overshoot_down_m=_mean(downs),
        t90_s=_mean([t for t, _ in times]),
        settling_s=_mean([s for _, s in times]),
        iae_m_s=float(np.abs(error).sum() * dt_s),
        total_variation=float(np.abs(np.diff(command)).sum()),
        reversals_per_min=reversals(command) / (len(command) * dt_s / 60.0),
        saturation=float(np.mean(np.abs(command) >= limit - 1e-9)),
        oscillation_m=_mean([float(np.ptp(height_m[max(a, b - swing) : b])) / 2.0 for a, b in holds]),
    )
