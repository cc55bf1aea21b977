"""The forces on a blimp with six degrees of freedom: one function for one blimp and for sixteen.

Body axes from the centre of the hull: x forward, y left, z up. With v and w the velocity of that centre and the turning
rate, v_r the velocity through the air, r the centre of mass, A and B the added mass and its moment (Kirchhoff's
equations; Fossen 2011, ch. 6; Li and Nahon 2007):

    m (v' + w x v + w' x r + w x (w x r)) = F - A v_r' - w x A v_r
    I w' + w x I w + m r x (v' + w x v)   = T - B w' - w x B w - v_r x A v_r

The last term is the Munk moment, which turns a hull broadside. v_r' = v' + w x (wind in the body): what the wind itself
accelerates is left out. F: net lift, motors, quadratic drag of the hull, an upright fin at the tail. T: weight below
the centre, motors, quadratic drag of turning. The hull is a spheroid and the mass hangs straight below, so that the 6x6
system falls apart into surge with pitch, sway with roll, heave, and yaw.
"""

from typing import Any

from numba import njit

from sim_worlds.hull import (
    ADDED_CROSS_KG,
    ADDED_LONG_KG,
    ADDED_TURN_KGM2,
    DRAG_CROSS,
    DRAG_LONG,
    DRAG_ROLL,
    DRAG_TURN,
    FIN_M,
    FIN_N,
    GONDOLA_M,
    GRAVITY_MPS2,
    INERTIA_KGM2,
    MASS_KG,
    TAIL_M,
)
from snn_core.vectors import magnitude, root

Three = tuple[Any, Any, Any]
Rotation = tuple[Three, Three, Three]
I_X, I_Y, I_Z = INERTIA_KGM2
SURGE_KG, SWAY_KG = MASS_KG + ADDED_LONG_KG, MASS_KG + ADDED_CROSS_KG


@njit(cache=True, forceinline=True)
def cross(a: Three, b: Three) -> Three:
    """a x b."""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@njit(cache=True, forceinline=True)
def rotation(q: tuple[Any, Any, Any, Any]) -> Rotation:
    """Rows of the matrix that turns body axes into world axes, from a unit quaternion (w, x, y, z)."""
    w, x, y, z = q
    return (
        (1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)),
        (2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)),
        (2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)),
    )


@njit(cache=True, forceinline=True)
def to_world(r: Rotation, a: Three) -> Three:
    """A vector of the body in world axes."""
    return (
        r[0][0] * a[0] + r[0][1] * a[1] + r[0][2] * a[2],
        r[1][0] * a[0] + r[1][1] * a[1] + r[1][2] * a[2],
        r[2][0] * a[0] + r[2][1] * a[1] + r[2][2] * a[2],
    )


@njit(cache=True, forceinline=True)
def to_body(r: Rotation, a: Three) -> Three:
    """A vector of the world in body axes."""
    return (
        r[0][0] * a[0] + r[1][0] * a[1] + r[2][0] * a[2],
        r[0][1] * a[0] + r[1][1] * a[1] + r[2][1] * a[2],
        r[0][2] * a[0] + r[1][2] * a[1] + r[2][2] * a[2],
    )


@njit(cache=True, forceinline=True)
def air_forces(air: Three, spin: Three, drag: Any, fins: Any) -> tuple[Three, Three]:
    """Drag of the hull and lift of the fin, N and N m: factors on both; air is the velocity through the air."""
    u, v, w = air
    across = drag * DRAG_CROSS * root(v * v + w * w)
    side = v - FIN_M * spin[2]
    fin = fins * FIN_N * root(u * u + side * side) * side
    force = (-1.0 * drag * DRAG_LONG * u * magnitude(u), -1.0 * across * v - fin, -1.0 * across * w)
    turning = drag * DRAG_TURN
    moment = (
        -1.0 * drag * DRAG_ROLL * spin[0] * magnitude(spin[0]),
        -1.0 * turning * spin[1] * magnitude(spin[1]),
        FIN_M * fin - turning * spin[2] * magnitude(spin[2]),
    )
    return force, moment


@njit(cache=True, forceinline=True)
def accelerations(
    r: Rotation, velocity: Three, spin: Three, wind: Three, thrust: Three, loads: tuple[Any, Any, Any, Any, Any]
) -> tuple[Three, Three]:
    """v' (m/s^2) and w' (rad/s^2), body axes.

    velocity, spin: of the hull's centre, body axes. wind: world axes, m/s. thrust: lift, turn and push of motors, N.
    loads: net lift N, twist N m (a steady moment about z), ballast m (centre of mass below the centre), factors on drag
    and fin.
    """
    lift, twist, ballast, drag, fins = loads
    around = to_body(r, wind)
    air = (velocity[0] - around[0], velocity[1] - around[1], velocity[2] - around[2])
    force, moment = air_forces(air, spin, drag, fins)
    up = r[2]
    carried = (ADDED_LONG_KG * air[0], ADDED_CROSS_KG * air[1], ADDED_CROSS_KG * air[2])
    swept, turned, munk = cross(spin, carried), cross(spin, around), cross(air, carried)
    a = cross(spin, velocity)  # of the centre, seen from the body
    x = force[0] + lift * up[0] + thrust[2] - swept[0] - ADDED_LONG_KG * turned[0]
    y = force[1] + lift * up[1] - thrust[1] - swept[1] - ADDED_CROSS_KG * turned[1]
    z = force[2] + lift * up[2] + thrust[0] - swept[2] - ADDED_CROSS_KG * turned[2]
    p, q, s = spin
    arm = MASS_KG * ballast
    x = x - MASS_KG * a[0] + arm * p * s
    y = y - MASS_KG * a[1] + arm * q * s
    z = z - MASS_KG * a[2] - arm * (p * p + q * q)
    roll = moment[0] - munk[0] - arm * (GRAVITY_MPS2 * up[1] + a[1]) - (I_Z - I_Y) * q * s
    pitch = moment[1] - munk[1] + arm * (GRAVITY_MPS2 * up[0] + a[0]) - (I_X - I_Z - ADDED_TURN_KGM2) * s * p
    yaw = moment[2] - munk[2] - (I_Y + ADDED_TURN_KGM2 - I_X) * p * q + twist + TAIL_M * thrust[1]
    pitch = pitch - GONDOLA_M * thrust[2]
    turn_y, turn_x = I_Y + ADDED_TURN_KGM2, I_X
    across, along = SWAY_KG * turn_x - arm * arm, SURGE_KG * turn_y - arm * arm
    return (
        ((turn_y * x + arm * pitch) / along, (turn_x * y - arm * roll) / across, z / SWAY_KG),
        ((SWAY_KG * roll - arm * y) / across, (SURGE_KG * pitch + arm * x) / along, yaw / (I_Z + ADDED_TURN_KGM2)),
    )
