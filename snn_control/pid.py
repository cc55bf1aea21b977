"""A PID controller for height, pure and batched; the teacher of the spiking one and its fallback on the robot."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config

Array = NDArray[np.float64]
AntiWindup = Literal["back_calculation", "conditional", "clamp"]


class PidConfig(Config):
    """Gains and limits; a command unit is a tenth of the drivetrain's full range."""

    kp: float = Field(9.0, ge=0, le=1000, description="proportional gain (command/m)")
    ki: float = Field(0.75, ge=0, le=1000, description="integral gain (command/(m s))")
    kd: float = Field(14.0, ge=0, le=1000, description="derivative gain (command s/m)")
    limit: float = Field(10.0, gt=0, le=1000, description="largest command, either sign (command)")
    anti_windup: AntiWindup = Field("conditional", description="what stops the integral while the command saturates")
    integral_limit: float = Field(7.5, ge=0, le=1000, description="largest integral term (command)")
    tracking_time_s: float = Field(2.0, gt=0, le=1000, description="time constant of back-calculation (s)")
    integrate_within_m: float = Field(
        0.3, gt=0, le=1000, description="conditional: integrate only while the error is smaller than this (m)"
    )
    derivative_on: Literal["measurement", "error"] = Field("measurement", description="signal that is differentiated")
    derivative_filter_s: float = Field(0.0, ge=0, le=10, description="time constant of the derivative's filter (s)")


class PidState(NamedTuple):
    """Memory of a batch of PIDs, (batch,) each; NaN in `previous` means no sample yet."""

    integral: Array  # the integral term, command units
    previous: Array  # the differentiated signal one step ago, m
    slope: Array  # filtered derivative, m/s
    missed: Array  # steps without a sample since `previous`


class PidTerms(NamedTuple):
    """The three terms and the limited command, (batch,) each, command units."""

    proportional: Array
    integral: Array
    derivative: Array
    command: Array


def pid_rest(batch: int = 1) -> PidState:
    """PIDs that have seen nothing."""
    return PidState(np.zeros(batch), np.full(batch, np.nan), np.zeros(batch), np.zeros(batch))


def pid_step(
    state: PidState, setpoint_m: Array, height_m: Array, config: PidConfig, dt_s: float
) -> tuple[PidState, PidTerms]:
    """One step of a batch of PIDs.

    u = clip(Kp e + I + D);  D = -Kd dh/dt (or Kd de/dt), first-order filtered;  dI/dt = Ki e with anti-windup:
    `clamp` limits I alone; `conditional` integrates only while the error is small and the command not pushed further
    into saturation; `back_calculation` adds (u - u_unlimited) / tracking time. I is always kept inside its limit.
    Where the height is missing (not finite), P counts as 0, I and D stay; the next D spans the whole gap.
    """
    seen = np.isfinite(height_m)
    error = np.where(seen, setpoint_m - height_m, 0.0)
    signal = -np.asarray(height_m, float) if config.derivative_on == "measurement" else setpoint_m - height_m
    known = seen & np.isfinite(state.previous)
    change = np.where(known, signal, 0.0) - np.where(known, state.previous, 0.0)
    raw = change / (dt_s * (1.0 + state.missed))
    keep = config.derivative_filter_s / (config.derivative_filter_s + dt_s)
    slope = np.where(known, keep * state.slope + (1.0 - keep) * raw, state.slope)
    p, d = config.kp * error, config.kd * slope
    integral = _integrate(state.integral, error, p + d, config, dt_s)
    command = np.clip(p + integral + d, -config.limit, config.limit)
    return PidState(
        integral, np.where(seen, signal, state.previous), slope, np.where(seen, 0.0, state.missed + 1.0)
    ), PidTerms(p, integral, d, command)


def _integrate(integral: Array, error: Array, rest: Array, config: PidConfig, dt_s: float) -> Array:
    growth = config.ki * error * dt_s
    total = rest + integral + growth
    excess = total - np.clip(total, -config.limit, config.limit)
    if config.anti_windup == "conditional":
        worse = (excess * growth > 0.0) | (np.abs(error) > config.integrate_within_m)
        growth = np.where(worse, 0.0, growth)
    elif config.anti_windup == "back_calculation":
        growth = growth - excess * dt_s / config.tracking_time_s
    return np.clip(integral + growth, -config.integral_limit, config.integral_limit)


class Pid:
    """A batch of PIDs with memory: what a rollout or a node calls."""

    def __init__(self, config: PidConfig, dt_s: float, batch: int = 1) -> None:
        self.config, self.dt_s = config, dt_s
        self.reset(batch)

    def reset(self, batch: int = 1) -> None:
        """Forget everything."""
        self.state = pid_rest(batch)

    def __call__(self, setpoint_m: Array, height_m: Array) -> Array:
        """Command (batch,) for setpoints and measured heights (batch,)."""
        self.state, terms = pid_step(self.state, setpoint_m, height_m, self.config, self.dt_s)
        return terms.command
