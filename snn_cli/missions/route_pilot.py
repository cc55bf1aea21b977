"""The pilot who teaches a route: he sees where the robot truly is, as a person with a remote control does."""

import math

import numpy as np
from numpy.typing import NDArray

from sim_worlds.route import Route
from snn_control.drive_control import pid_drive
from snn_core.signals import Drive

Array = NDArray[np.float64]
LOOK_AHEAD_M = 4.0


def turn_along(route: Route, position_m: Array, yaw_rad: float, reached_m: float) -> float:
    """Turn to the left towards a point ahead on the route, -pi to pi; position x, y and what else there is."""
    ahead = route.at(reached_m + LOOK_AHEAD_M)
    want = math.atan2(ahead.y_m - position_m[1], ahead.x_m - position_m[0])
    return float((want - yaw_rad + math.pi) % (2.0 * math.pi) - math.pi)


class RoutePilot:
    """Flies along a scene's route, one call per period."""

    def __init__(self, route: Route, speed_mps: float, dt_s: float) -> None:
        self.route, self.speed_mps = route, speed_mps
        self.control = pid_drive(dt_s)
        self.moving = False
        self.heading_rad, self.yaw_rad = 0.0, math.nan  # without jumps at pi; as last seen
        self.reached_m = 0.0

    def drive(self, position_m: Array, yaw_rad: float, forward_mps: float, stamp_s: float) -> Drive:
        """What he commands: along the route while `moving`, else standing still."""
        self.reached_m, _ = self.route.nearest(float(position_m[0]), float(position_m[1]))
        before = self.yaw_rad if math.isfinite(self.yaw_rad) else yaw_rad
        self.heading_rad += (yaw_rad - before + math.pi) % (2.0 * math.pi) - math.pi
        self.yaw_rad = yaw_rad
        turn = turn_along(self.route, position_m, yaw_rad, self.reached_m) if self.moving else 0.0
        speed = self.speed_mps if self.moving else 0.0
        return Drive(*self.control.step(turn, speed, self.heading_rad, forward_mps), stamp_s)
