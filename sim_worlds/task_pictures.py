"""Pictures of tasks as arrays: a view from the side or from above, drawn without a renderer."""

import numpy as np
from numpy.typing import NDArray

from sim_worlds.blimp_tasks import AltitudeTask
from sim_worlds.hull import HALF_LENGTH_M, RADIUS_M
from sim_worlds.route_task import RouteTask

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]
AIR, FLOOR, HULL, ASKED, WAY = (236, 242, 248), (120, 110, 100), (200, 90, 60), (40, 120, 200), (150, 180, 210)
PIXELS_PER_M = 32


class Canvas:
    """A picture of a part of a plane, its second axis upward."""

    def __init__(self, width_m: float, height_m: float) -> None:
        self.pixels = np.full((round(height_m * PIXELS_PER_M), round(width_m * PIXELS_PER_M), 3), AIR, np.uint8)
        rows, columns = np.indices(self.pixels.shape[:2])
        self.x = (columns + 0.5) / PIXELS_PER_M
        self.y = (self.pixels.shape[0] - rows - 0.5) / PIXELS_PER_M

    def line(self, start: Array, end: Array, colour: tuple[int, int, int], width_m: float = 0.06) -> None:
        """A straight line with round ends."""
        way = np.asarray(end, float) - start
        share = ((self.x - start[0]) * way[0] + (self.y - start[1]) * way[1]) / max(float(way @ way), 1e-9)
        share = np.clip(share, 0.0, 1.0)
        away = np.hypot(self.x - start[0] - share * way[0], self.y - start[1] - share * way[1])
        self.pixels[away < 0.5 * width_m] = colour

    def hull(self, centre: Array, angle_rad: float, half_length_m: float) -> None:
        """An ellipse of the hull's thickness, with a mark at its nose."""
        x, y = self.x - centre[0], self.y - centre[1]
        cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
        along, across = cosine * x + sine * y, cosine * y - sine * x
        self.pixels[(along / half_length_m) ** 2 + (across / RADIUS_M) ** 2 < 1.0] = HULL
        tip = np.array(centre) + half_length_m * np.array([cosine, sine])
        self.line(tip, tip, ASKED, 0.16)


def altitude_picture(task: AltitudeTask, row: int = 0) -> Picture:
    """The blimp from the side, and the height that is asked for."""
    canvas = Canvas(4.0, task.ceiling_m)
    canvas.line(np.array([0.0, 0.1]), np.array([4.0, 0.1]), FLOOR, 0.2)
    level = float(task.target_m[row])
    canvas.line(np.array([0.3, level]), np.array([3.7, level]), ASKED)
    w, x, y, z = task.bodies.state.attitude[row]
    canvas.hull(np.array([2.0, task.height_m[row]]), float(np.arcsin(2.0 * (x * z - w * y))), HALF_LENGTH_M)
    return canvas.pixels


def route_picture(task: RouteTask, row: int = 0) -> Picture:
    """The hall from above, the route, its next waypoint, the blimp."""
    canvas = Canvas(float(task.size_m[0]), float(task.size_m[1]))
    route = task.route_m[row]
    for start, end in zip(route[:-1, :2], route[1:, :2], strict=True):
        canvas.line(start, end, WAY, 0.12)
    ahead = route[task.leg[row] + 1, :2]
    canvas.line(ahead, ahead, ASKED, 0.4)
    nose = task.nose[row]
    canvas.hull(task.bodies.state.position_m[row, :2], float(np.arctan2(nose[1], nose[0])), HALF_LENGTH_M)
    return canvas.pixels
