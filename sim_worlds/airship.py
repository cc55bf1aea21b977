"""A small indoor blimp with six degrees of freedom in open air, batched: one row per world.

Three motors with the dead zone, PWM steps and lag of the fitted drivetrain obey commands of -10 to 10, in the order of
`AXES`: a pair that lifts and a pair that pushes, each on a servo shaft that turns half a circle to reverse, and one at
the tail that reverses electrically. `sim_worlds.airship_forces` has the forces, `sim_worlds.hull` the numbers. The
vertical axis is that of `sim_worlds.blimp`, world "tudelft_2023".
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numba.extending import register_jitable
from numpy.typing import NDArray

from sim_worlds.airship_forces import Rotation, accelerations, rotation, to_world
from sim_worlds.blimp import half_sine, static_thrust_mps2
from sim_worlds.hull import AIR_C, AIR_KGPM3, BALLAST_M, GRAVITY_MPS2, HEAVE_KG, SHARE, VOLUME_M3
from snn_core.errors import ConfigError
from snn_core.vectors import clamp, magnitude, root, select

Array = NDArray[np.float64]
AXES = ("altitude", "heading", "speed")
SUBSTEP_S = 0.01
HISTORY = 128  # substeps of command memory: the longest dead time is 1.27 s
KELVIN = 273.15

# Columns of `AirshipState.motion`.
POSITION, ATTITUDE, VELOCITY, SPIN = slice(0, 3), slice(3, 7), slice(7, 10), slice(10, 13)
SERVO, THRUST = slice(13, 15), slice(15, 18)
MOTION = 18


class AirshipParams(NamedTuple):
    """Physics of each world; every field is (world,) float64."""

    thrust_gain: Array  # factor on the static thrust law of all motors
    dead_time_s: Array
    lag_s: Array
    servo_s: Array  # time of a full reversal of a shaft; 0 = at once
    drag: Array  # factor on all drag of the hull
    fins: Array  # factor on the fin's lift
    ballast_m: Array  # centre of mass below the centre of the hull
    buoyancy_mps2: Array  # net lift at 20 C over mass and added mass, as in the fitted axis; negative = heavy
    leak_mps2_per_h: Array  # loss of it with time
    air_c: Array  # warm air is thin and carries less, at a volume that does not change
    twist_nm: Array  # steady moment to the left: motors and fins that are not straight
    wind_x_mps: Array  # mean wind, world axes
    wind_y_mps: Array
    wind_z_mps: Array
    draft_std_mps: Array  # of each component of the draft, an Ornstein-Uhlenbeck process on top of the wind
    draft_time_s: Array


_DEFAULTS = {
    "thrust_gain": 1.0, "dead_time_s": 0.28, "lag_s": 0.09, "servo_s": 0.2, "drag": 1.0, "fins": 1.0,
    "ballast_m": BALLAST_M, "buoyancy_mps2": 0.0, "leak_mps2_per_h": 0.0, "air_c": AIR_C, "twist_nm": 0.0,
    "wind_x_mps": 0.0, "wind_y_mps": 0.0, "wind_z_mps": 0.0, "draft_std_mps": 0.02, "draft_time_s": 5.0,
}  # fmt: skip
_RANGES = {
    "thrust_gain": (0.0, 10.0), "dead_time_s": (0.0, (HISTORY - 1) * SUBSTEP_S), "lag_s": (0.001, 100.0),
    "servo_s": (0.0, 100.0), "drag": (0.0, 100.0), "fins": (0.0, 100.0), "ballast_m": (0.0, 0.19),
    "air_c": (-50.0, 60.0), "draft_std_mps": (0.0, 10.0), "draft_time_s": (0.01, 1e6),
}  # fmt: skip


class AirshipState(NamedTuple):
    """Memory of each world, float64."""

    time_s: Array  # (world,)
    motion: Array  # (world, MOTION): position, attitude w x y z, velocity and spin in the body, servos, thrusts (N)
    draft_mps: Array  # (world, 3)
    commands: Array  # (world, 3, HISTORY), newest at column 0

    @property
    def position_m(self) -> Array:
        """Centre of the hull, world axes, (world, 3)."""
        return self.motion[:, POSITION]

    @property
    def attitude(self) -> Array:
        """Unit quaternion from body to world axes, (world, 4): w, x, y, z."""
        return self.motion[:, ATTITUDE]

    @property
    def velocity_mps(self) -> Array:
        """Of the hull's centre over ground, body axes, (world, 3)."""
        return self.motion[:, VELOCITY]

    @property
    def spin_radps(self) -> Array:
        """Turning rate, body axes, (world, 3)."""
        return self.motion[:, SPIN]

    @property
    def heading_rad(self) -> Array:
        """Direction of the nose seen from above, counter-clockwise from world x, (world,), -pi to pi."""
        w, x, y, z = self.attitude.T
        return np.arctan2(2.0 * (x * y + w * z), 1.0 - 2.0 * (y * y + z * z))

    @property
    def climb_mps(self) -> Array:
        """Vertical speed, up positive, (world,)."""
        up = rotation(tuple(self.attitude.T))[2]
        return np.asarray(up[0] * self.motion[:, 7] + up[1] * self.motion[:, 8] + up[2] * self.motion[:, 9])


def airship_params(count: int = 1, **overrides: float | Array) -> AirshipParams:
    """Parameters of `count` worlds, with fields overridden by a number or one value per world.

    Raises:
        ConfigError: an unknown field, or a value that cannot be integrated.
    """
    unknown = set(overrides) - set(AirshipParams._fields)
    if unknown:
        raise ConfigError(
            f"unknown airship parameter {sorted(unknown)}: expected one of {', '.join(AirshipParams._fields)}"
        )
    values = {**_DEFAULTS, **overrides}
    params = AirshipParams(
        *(np.broadcast_to(np.asarray(values[f], float), count).copy() for f in AirshipParams._fields)
    )
    for name, field in params._asdict().items():
        low, high = _RANGES.get(name, (-1e3, 1e3))
        bad = ~((field >= low) & (field <= high))
        if bad.any():
            raise ConfigError(f"{name}: expected {low:g} to {high:g}, got {field[bad][0]}")
    return params


def airship_at(
    position_m: Array, heading_rad: float | Array = 0.0, count: int = 1, speed_mps: float | Array = 0.0
) -> AirshipState:
    """Worlds upright at a position, (3,) or (world, 3), moving along their heading, motors off."""
    state = AirshipState(
        np.zeros(count), np.zeros((count, MOTION)), np.zeros((count, 3)), np.zeros((count, 3, HISTORY))
    )
    half = 0.5 * np.broadcast_to(np.asarray(heading_rad, float), count)
    state.motion[:, POSITION] = position_m
    state.motion[:, 3], state.motion[:, 6] = np.cos(half), np.sin(half)
    state.motion[:, 7] = speed_mps
    state.motion[:, SERVO] = 1.0
    return state


@register_jitable
def net_lift_n(buoyancy_mps2: Any, leak_mps2_per_h: Any, air_c: Any, time_s: Any) -> Any:
    """Buoyancy minus weight, newtons: what is left after a leak, in air of the given temperature."""
    specific = buoyancy_mps2 - leak_mps2_per_h * time_s / 3600.0
    thinner = (KELVIN + AIR_C) / (KELVIN + air_c) - 1.0
    return HEAVE_KG * specific + AIR_KGPM3 * VOLUME_M3 * GRAVITY_MPS2 * thinner


@njit(cache=True, forceinline=True)
def motor_step(servo: Any, thrust: Any, push: Any, side: Any, turn: Any, follow: Any) -> tuple[Any, Any]:
    """10 ms of a motor pair on its shaft: push the size that the command settles to, side its sign, 0 = off."""
    servo = servo + select(magnitude(side) > 0.0, clamp(side - servo, -1.0 * turn, turn), 0.0 * side)
    return servo, thrust + (push * half_sine(servo) - thrust) * follow


@njit(cache=True, forceinline=True)
def turned(q: tuple[Any, Any, Any, Any], spin: tuple[Any, Any, Any], dt_s: float) -> tuple[Any, Any, Any, Any]:
    """The attitude after turning with `spin` (body axes) for dt_s: q + dt/2 q (0, spin), made a unit again."""
    w, x, y, z = q
    a, b, c = 0.5 * dt_s * spin[0], 0.5 * dt_s * spin[1], 0.5 * dt_s * spin[2]
    w, x, y, z = (
        w - a * x - b * y - c * z, x + a * w + c * y - b * z, y + b * w - c * x + a * z, z + c * w + b * x - a * y,
    )  # fmt: skip
    size = root(w * w + x * x + y * y + z * z)
    return w / size, x / size, y / size, z / size


@njit(cache=True, forceinline=True)
def airship_substep(motion: Any, push: Any, side: Any, motors: Any, wind: Any, loads: Any, dt_s: float) -> Any:
    """dt_s of one world, or of sixteen: semi-implicit Euler, as in `sim_worlds.blimp`.

    motion: the columns of `AirshipState.motion`. push, side: of the three motors, see `motor_step`. motors: turn of the
    servos and share of the lag per substep. wind, loads: see `sim_worlds.airship_forces.accelerations`.
    """
    x, y, z, qw, qx, qy, qz, u, v, w, p, q, s, servo_lift, servo_push, lift, turn, drive = motion
    servo_lift, lift = motor_step(servo_lift, lift, push[0], side[0], motors[0], motors[1])
    servo_push, drive = motor_step(servo_push, drive, push[2], side[2], motors[0], motors[1])
    turn = turn + (push[1] * side[1] - turn) * motors[1]
    r: Rotation = rotation((qw, qx, qy, qz))
    linear, angular = accelerations(r, (u, v, w), (p, q, s), wind, (lift, turn, drive), loads)
    u, v, w = u + dt_s * linear[0], v + dt_s * linear[1], w + dt_s * linear[2]
    p, q, s = p + dt_s * angular[0], q + dt_s * angular[1], s + dt_s * angular[2]
    way = to_world(r, (u, v, w))
    qw, qx, qy, qz = turned((qw, qx, qy, qz), (p, q, s), dt_s)
    return (
        x + dt_s * way[0], y + dt_s * way[1], z + dt_s * way[2], qw, qx, qy, qz, u, v, w, p, q, s,
        servo_lift, servo_push, lift, turn, drive,
    )  # fmt: skip


@njit(cache=True)
def motor_push(axis: int, command: float, gain: float) -> tuple[float, float]:
    """Size (N) and sign of the thrust that a command to the motors of an axis settles to; the sign is 0 for off."""
    size = gain * SHARE[axis] * abs(static_thrust_mps2(command, 2023.0))
    return size, 0.0 if command == 0.0 else math.copysign(1.0, command)
