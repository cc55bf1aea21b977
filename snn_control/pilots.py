"""The controllers of altitude as compiled flights call them, in populations: the spiking pair, and the PID.

They compute what `snn_control.spiking_pid.SpikingPid` and `snn_control.pid.pid_step` do, bit for bit.
"""

from collections import namedtuple
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from snn_control.pid import PidConfig
from snn_control.spiking_pid import PARTS
from snn_core.blocks import block_step, rest
from snn_core.network import NetworkParams
from snn_core.pilots import pilot
from snn_core.vectors import LANES, clamp, doubled, load, magnitude, select, singled, splat, store

Array = NDArray[np.float64]


SIZE = len(NetworkParams._fields)
FIELDS = [f"{part}_{field}" for part in PARTS for field in NetworkParams._fields]
SpikingPair = namedtuple("SpikingPair", FIELDS)  # type: ignore[misc]


class PidGains(NamedTuple):
    """A population of PIDs, (individual,) each; see `PidConfig`. Derivative on measurement, conditional integration."""

    kp: Array
    ki: Array
    kd: Array
    derivative_filter_s: Array
    integrate_within_m: Array
    integral_limit: Array
    limit: Array
    dt_s: Array


def pid_gains(configs: Sequence[PidConfig], dt_s: float) -> PidGains:
    """A population of the given PIDs."""
    named = [{**config.model_dump(), "dt_s": dt_s} for config in configs]
    return PidGains(*(np.array([float(values[field]) for values in named]) for field in PidGains._fields))


def spiking_pair(population: dict[str, NetworkParams]) -> tuple[Array, ...]:
    """The pilot that sums a PD and an integral network of each individual; flat, because compiled loops want arrays."""
    return SpikingPair(*(field for part in PARTS for field in population[part]))


@njit(cache=True)
def _network(fields):
    return NetworkParams(
        fields[0], fields[1], fields[2], fields[3], fields[4], fields[5], fields[6], fields[7], fields[8], fields[9],
        fields[10], fields[11], fields[12], fields[13],
    )  # fmt: skip


@njit(cache=True)
def _pair_memory(pair, i):
    pd, integral = _network(pair[:SIZE]), _network(pair[SIZE:])
    return rest(pd.w_in.shape[1]), rest(integral.w_in.shape[1]), np.full(LANES, np.nan)


@njit(cache=True)
def _pair_step(pair, i, memory, target, seen):
    pd, integral = _network(pair[:SIZE]), _network(pair[SIZE:])
    x, y, held = memory
    height = select(seen == seen, seen, load(held, 0))
    store(held, 0, height)
    error = singled(select(height == height, target - height, splat(0.0)))
    u, fired = block_step(pd, i, x, error)
    v, fired_too = block_step(integral, i, y, error)
    return doubled(u) + doubled(v), doubled(fired + fired_too)


@njit(cache=True)
def _pid_memory(gains, i):
    memory = np.zeros(4 * LANES)
    memory[LANES : 2 * LANES] = np.nan
    return memory


@njit(cache=True)
def _pid_step(gains, i, memory, target, seen):
    integral, previous = load(memory, 0), load(memory, LANES)
    slope, missed = load(memory, 2 * LANES), load(memory, 3 * LANES)
    zero, limit, dt_s = splat(0.0), gains.limit[i], gains.dt_s[i]
    now = seen == seen
    known = now & (previous == previous)
    error = select(now, target - seen, zero)
    signal = -1.0 * seen
    raw = (select(known, signal, zero) - select(known, previous, zero)) / (dt_s * (1.0 + missed))
    keep = gains.derivative_filter_s[i] / (gains.derivative_filter_s[i] + dt_s)
    slope = select(known, keep * slope + (1.0 - keep) * raw, slope)
    p, d = gains.kp[i] * error, gains.kd[i] * slope
    growth = gains.ki[i] * error * dt_s
    total = p + d + integral + growth
    excess = total - clamp(total, splat(-limit), splat(limit))
    worse = (excess * growth > 0.0) | (magnitude(error) > gains.integrate_within_m[i])
    most = gains.integral_limit[i]
    integral = clamp(integral + select(worse, zero, growth), splat(-most), splat(most))
    store(memory, 0, integral)
    store(memory, LANES, select(now, signal, previous))
    store(memory, 2 * LANES, slope)
    store(memory, 3 * LANES, select(now, zero, missed + 1.0))
    return clamp(p + integral + d, splat(-limit), splat(limit)), zero


pilot(SpikingPair, _pair_memory, _pair_step)
pilot(PidGains, _pid_memory, _pid_step)
