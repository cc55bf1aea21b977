"""The airship as a body that touches things: PyBullet moves it, the forces are those of `sim_worlds.airship_forces`.

In open air it flies as `sim_worlds.airship_flight` does, to the error of the integrators; against floor, walls, ceiling
and furniture PyBullet's contacts push back. The body that they push is the hull without its added mass.
"""

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sim_worlds.airship import HISTORY, SUBSTEP_S, AirshipParams, motor_step
from sim_worlds.airship_flight import CONSTANTS, FOLLOW, LIFT, SIGNALS, TURN, WIND_X, blow, drive, settle
from sim_worlds.airship_forces import accelerations, cross, rotation
from sim_worlds.bullet import BulletWorld, Contact
from sim_worlds.hull import HALF_LENGTH_M, INERTIA_KGM2, MASS_KG, RADIUS_M
from snn_core.errors import ConfigError

Array = NDArray[np.float64]
FRICTION, RESTITUTION = 0.4, 0.3  # of a foil on a wall
RINGS, SEGMENTS = 8, 16


@njit(cache=True)
def _wrench(motion: Array, motors: Array, signals: Array, constants: Array) -> tuple[Any, Any]:
    """One substep of the motors in place, then force and moment about the centre of mass, body axes.

    motion: attitude w x y z, velocity and spin of the hull's centre (10,). motors: servos and thrusts (5,).
    """
    lift, push = signals[0], signals[2]
    motors[0], motors[2] = motor_step(motors[0], motors[2], lift, signals[3], constants[TURN], constants[FOLLOW])
    motors[1], motors[4] = motor_step(motors[1], motors[4], push, signals[5], constants[TURN], constants[FOLLOW])
    motors[3] += (signals[1] * signals[4] - motors[3]) * constants[FOLLOW]
    r = rotation((motion[0], motion[1], motion[2], motion[3]))
    v, w = (motion[4], motion[5], motion[6]), (motion[7], motion[8], motion[9])
    wind = constants[WIND_X], constants[WIND_X + 1], constants[WIND_X + 2]
    loads = constants[LIFT], constants[LIFT + 1], constants[LIFT + 2], constants[LIFT + 3], constants[LIFT + 4]
    linear, angular = accelerations(r, v, w, wind, (motors[2], motors[3], motors[4]), loads)
    arm = (0.0, 0.0, -loads[2])
    swing, turned, inward = cross(w, v), cross(angular, arm), cross(w, cross(w, arm))
    square = MASS_KG * loads[2] * loads[2]
    i_x, i_y, i_z = INERTIA_KGM2[0] - square, INERTIA_KGM2[1] - square, INERTIA_KGM2[2]
    gyro = cross(w, (i_x * w[0], i_y * w[1], i_z * w[2]))
    force = (
        MASS_KG * (linear[0] + swing[0] + turned[0] + inward[0]),
        MASS_KG * (linear[1] + swing[1] + turned[1] + inward[1]),
        MASS_KG * (linear[2] + swing[2] + turned[2] + inward[2]),
    )
    return force, (i_x * angular[0] + gyro[0], i_y * angular[1] + gyro[1], i_z * angular[2] + gyro[2])


def hull_mesh() -> tuple[Array, NDArray[np.int64]]:
    """The spheroid as vertices (vertex, 3) around its centre and triangles (triangle, 3)."""
    around = np.linspace(0.0, 2.0 * math.pi, SEGMENTS, endpoint=False)
    rings = [
        [-HALF_LENGTH_M * math.cos(a) * np.ones(SEGMENTS), RADIUS_M * math.sin(a) * np.cos(around),
         RADIUS_M * math.sin(a) * np.sin(around)]
        for a in np.linspace(0.0, math.pi, RINGS + 1)
    ]  # fmt: skip
    vertices = np.concatenate([np.array(ring).T for ring in rings])
    first = np.arange(RINGS * SEGMENTS)
    beside = first + 1 - SEGMENTS * (first % SEGMENTS == SEGMENTS - 1)
    quads = np.stack([first, beside, beside + SEGMENTS, first + SEGMENTS], axis=1)
    return vertices, np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


class SolidAirship:
    """One blimp in a world without gravity of its own, stepped with it."""

    def __init__(self, world: BulletWorld, params: AirshipParams, position_m: Array, heading_rad: float = 0.0) -> None:
        """Upright and at rest; raises ConfigError where the world steps in other steps than the blimp."""
        if abs(world.step_s - SUBSTEP_S) > 1e-9:
            raise ConfigError(f"expected a world that steps by {SUBSTEP_S} s, got {world.step_s} s")
        self.world, self.params = world, params
        self.arm = np.array([0.0, 0.0, -float(params.ballast_m[0])])
        vertices, triangles = hull_mesh()
        self.body = world.add_mesh(vertices - self.arm, triangles, mass_kg=MASS_KG, colour=(0.8, 0.35, 0.25))
        square = MASS_KG * self.arm[2] ** 2
        i_x, i_y, i_z = INERTIA_KGM2
        world.set_inertia(self.body, MASS_KG, (i_x - square, i_y - square, i_z))
        world.set_surface(self.body, FRICTION, RESTITUTION)
        self.place(position_m, heading_rad)

    def place(self, position_m: Array, heading_rad: float = 0.0) -> None:
        """Begin again somewhere, upright and at rest, motors off."""
        upright = (0.0, 0.0, math.sin(0.5 * heading_rad), math.cos(0.5 * heading_rad))
        self.world.place(self.body, (np.asarray(position_m, float) + self.arm).tolist(), upright)
        self.world.set_velocity(self.body, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
        self.motors = np.array([1.0, 1.0, 0.0, 0.0, 0.0])
        self.draft_mps, self.commands, self.time_s = np.zeros(3), np.zeros((3, HISTORY)), 0.0

    def motion(self) -> Array:
        """Position of the hull's centre, attitude w x y z, velocity and spin in the body, (13,)."""
        state = self.world.state(self.body)
        x, y, z, w = state.orientation
        to_world = np.array(rotation((w, x, y, z)))
        spin = state.turn_rate_radps @ to_world
        velocity = state.velocity_mps @ to_world - np.cross(spin, self.arm)
        return np.concatenate([state.position_m - to_world @ self.arm, [w, x, y, z], velocity, spin])

    def advance(self, command: Array, gust: Array, duration_s: float) -> None:
        """Step the world by `duration_s` (rounded to 10 ms) under constant commands (3,); gust as in `airship_step`."""
        substeps = max(1, round(duration_s / SUBSTEP_S))
        params, constants, signals = self.params, np.empty((CONSTANTS, 1)), np.zeros((substeps, SIGNALS, 1))
        blow(self.draft_mps, gust, params.draft_std_mps[0], params.draft_time_s[0], SUBSTEP_S * substeps)
        settle(constants, params, 0, 0, self.time_s, self.draft_mps)
        delay = int(params.dead_time_s[0] / SUBSTEP_S + 0.5)
        drive(self.commands, np.asarray(command, float), delay, params.thrust_gain[0], substeps, signals, 0)
        for k in range(substeps):
            force, moment = _wrench(self.motion()[3:], self.motors, signals[k, :, 0], constants[:, 0])
            self.world.push(self.body, force, moment)
            self.world.step()
        self.time_s += SUBSTEP_S * substeps

    def contacts(self) -> list[Contact]:
        """What the hull touches."""
        return self.world.contacts(self.body)
