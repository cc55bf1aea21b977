"""Follow a route through a hall, with ranges to its walls and the pose on the route: a task for learners."""

import math

import numpy as np
from numpy.typing import NDArray

from sim_worlds.airship import AXES
from sim_worlds.airship_forces import rotation
from sim_worlds.blimp_tasks import DT_S, LIMIT, Bodies, Outcome
from sim_worlds.hull import HALF_LENGTH_M, RADIUS_M

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
RAYS = np.array([[1, 0, 0], [0, 1, 0], [0, -1, 0], [-1, 0, 0], [0, 0, 1], [0, 0, -1]], float)  # body axes
RANGE_M = 12.0  # farthest that the range sensors see


def box_ranges(position_m: Array, directions: Array, size_m: Array) -> Array:
    """Distances to the walls of a box from 0 to size_m (3,), (row, ray): of a position (row, 3) along (row, ray, 3)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ahead = np.where(directions > 0.0, size_m - position_m[:, None], -position_m[:, None]) / directions
    return np.asarray(np.where(directions == 0.0, np.inf, ahead).min(axis=2))


def box_clearance(position_m: Array, nose: Array, size_m: Array) -> Array:
    """Least distance between a hull and the walls of a box, (row,): a spheroid whose nose points along (row, 3)."""
    reach = np.sqrt(RADIUS_M**2 + (HALF_LENGTH_M**2 - RADIUS_M**2) * nose**2)
    return np.asarray((np.minimum(position_m, size_m - position_m) - reach).min(axis=1))


class RouteTask:
    """Fly through waypoints, nearest way from each to the next, without touching a wall.

    Observation: the next waypoint ahead, to the left and above (m), cross-track distance to the left and above (m),
    forward speed (m/s), turning rate (rad/s), climb (m/s), ranges ahead, left, right, behind, up, down (m, at most 12),
    the action before. Action: commands of lift, turn and push over 10. Reward per step: metres won along the route,
    less a twentieth of the cross-track distance times 0.1 s; 5 for the end of the route, -5 for a wall. 120 s at most.
    """

    actions = len(AXES)
    steps, waypoints, reach_m = 1200, 5, 0.5
    spacing_m, margin_m = (3.0, 5.0), 1.5
    straying, prize = 0.05, 5.0

    def __init__(self, rows: int = 1, size_m: tuple[float, float, float] = (24.0, 12.0, 5.0)) -> None:
        self.size_m = np.array(size_m)
        near, quick = [30.0] * 3 + [30.0] * 2, [3.0] * 3
        self.high = np.array([*near, *quick, *[RANGE_M] * len(RAYS), 1.0, 1.0, 1.0], np.float32)
        self.bodies = Bodies(rows, self.steps)
        self.route_m = np.zeros((rows, self.waypoints + 1, 3))
        self.leg: NDArray[np.int64] = np.zeros(rows, int)
        self.action: Array = np.zeros((rows, self.actions))

    def begin(self, row: int, generator: np.random.Generator) -> None:
        self.route_m[row] = self._draw_route(generator)
        way = self.route_m[row, 1] - self.route_m[row, 0]
        self.bodies.begin(row, self.route_m[row, 0], math.atan2(way[1], way[0]), generator)
        self.leg[row], self.action[row] = 0, 0.0

    def _draw_route(self, generator: np.random.Generator) -> Array:
        """A start and waypoints: each within 60 degrees of the way before, or turned back by the walls."""
        low, high = np.full(3, self.margin_m), self.size_m - self.margin_m
        route = [generator.uniform(low, high)]
        way = generator.uniform(-math.pi, math.pi)
        while len(route) <= self.waypoints:
            turn = generator.uniform(-math.pi / 3, math.pi / 3)
            length, rise = generator.uniform(*self.spacing_m), generator.uniform(-0.5, 0.5)
            there = route[-1] + [length * math.cos(way + turn), length * math.sin(way + turn), rise]
            if (there > low).all() and (there < high).all():
                route.append(there)
                way += turn
            else:
                way += math.pi / 4
        return np.array(route)

    @property
    def nose(self) -> Array:
        """Direction of the hull's axis in the world, (row, 3)."""
        return np.stack([row[0] for row in rotation(tuple(self.bodies.state.attitude.T))], axis=1)

    def track(self) -> tuple[Array, Array]:
        """Distance won along the leg under way (row,), and from it across to the blimp (row, 3), metres."""
        rows, position = np.arange(self.bodies.rows), self.bodies.state.position_m
        start, end = self.route_m[rows, self.leg], self.route_m[rows, self.leg + 1]
        way = (end - start) / np.linalg.norm(end - start, axis=1, keepdims=True)
        along = ((position - start) * way).sum(axis=1)
        return along, position - start - along[:, None] * way

    def observe(self) -> NDArray[np.float32]:
        state, rows = self.bodies.state, np.arange(self.bodies.rows)
        height, heading, speed = self.bodies.measure()
        offset = self.route_m[rows, self.leg + 1] - state.position_m
        cosine, sine = np.cos(heading), np.sin(heading)
        _, across = self.track()
        matrix = np.array(rotation(tuple(state.attitude.T)))  # (3, 3, row)
        rays = np.einsum("ijr,kj->rki", matrix, RAYS)
        ranges = np.clip(box_ranges(state.position_m, rays, self.size_m), 0.0, RANGE_M)
        seen = [
            cosine * offset[:, 0] + sine * offset[:, 1], cosine * offset[:, 1] - sine * offset[:, 0],
            self.route_m[rows, self.leg + 1, 2] - height, cosine * across[:, 1] - sine * across[:, 0], across[:, 2],
            speed, state.motion[:, 12], state.climb_mps, *ranges.T, *self.action.T,
        ]  # fmt: skip
        return np.clip(np.stack(seen, axis=1), -self.high, self.high).astype(np.float32)

    def step(self, action: Array) -> Outcome:
        self.action = np.clip(action, -1.0, 1.0)
        before, _ = self.track()
        self.bodies.fly(LIMIT * self.action)
        along, across = self.track()
        reward = along - before - self.straying * DT_S * np.linalg.norm(across, axis=1)
        arrived = self._next_leg()
        hit = box_clearance(self.bodies.state.position_m, self.nose, self.size_m) < 0.0
        reward += self.prize * (arrived & ~hit) - self.prize * hit
        ended = arrived | hit
        return Outcome(self.observe(), reward, ended, (self.bodies.k >= self.steps) & ~ended)

    def _next_leg(self) -> Flags:
        """Go on to the next waypoint where one is reached or passed; returns which rows have reached the last."""
        rows = np.arange(self.bodies.rows)
        away = np.linalg.norm(self.route_m[rows, self.leg + 1] - self.bodies.state.position_m, axis=1)
        length = np.linalg.norm(self.route_m[rows, self.leg + 1] - self.route_m[rows, self.leg], axis=1)
        along, across = self.track()
        passed = (away < self.reach_m) | ((along > length) & (np.linalg.norm(across, axis=1) < 2.0 * self.reach_m))
        arrived = passed & (self.leg == self.waypoints - 1)
        self.leg = np.where(passed & ~arrived, self.leg + 1, self.leg)
        return arrived
