"""A scene in a condition: quads to see, solids to hit, people who walk."""

import math
from typing import NamedTuple

import numpy as np

from sim_worlds.builder import Box, SceneBuilder
from sim_worlds.furniture import MOVABLE, THINGS, Spot, person
from sim_worlds.renderer import Array, Atmosphere
from sim_worlds.route import Route
from sim_worlds.scene_config import ConditionConfig, ElementConfig, SceneConfig, load_condition, load_scene
from sim_worlds.solids import clearance, down_range
from sim_worlds.surfaces import ground

MARGIN_M = 60.0  # of ground around the route
YARD_WALL_M = 3.0  # height of the walls of a room without a ceiling
WALK_M = 25.0  # that a person walks to and fro
Rng = np.random.Generator


class Walker(NamedTuple):
    """Rows of a moving thing and its way along the route, to and fro."""

    first: int  # of its quads
    quads: int
    solid: int
    from_m: float  # along the route
    left_m: float
    speed_mps: float
    phase_m: float


class Scene:
    """What there is to see and to hit; `move` sets the time."""

    def __init__(
        self, config: SceneConfig, condition: ConditionConfig, seed: int = 0, obstacle_m: float = 0.0
    ) -> None:  # fmt: skip
        """`obstacle_m` is the side of a cube to be moved about (0 = none), see `obstacle`."""
        if config.ceiling_m > 0.0:
            condition = condition.model_copy(update={"snow": 0.0, "leaves_on_ground": 0.0})
        self.config, self.condition = config, condition
        self.route = Route(config.route_m, config.corner_radius_m)
        builder = SceneBuilder(condition, config.seed)
        rng = np.random.default_rng(config.seed)
        changed = np.random.default_rng([config.seed, seed, 1])
        _floor_and_roof(builder, config, self.route)
        if config.room_m is not None:
            _room(builder, config.room_m, config.ceiling_m or YARD_WALL_M)
        for number, element in enumerate(config.elements):
            _furnish(builder, self, element, number, rng, changed)
        self.walkers = self._people(builder, changed)
        self.obstacle = _obstacle(builder, obstacle_m, seed) if obstacle_m > 0.0 else None
        self.quads, self.atlas, self.solids = builder.quads(), builder.atlas(), builder.hulls()
        self.atmosphere = atmosphere(condition, config.ceiling_m > 0.0)
        self._still = tuple(field.copy() for field in self.quads[:3])
        self.time_s = -1.0
        self.move(0.0)

    def _people(self, builder: SceneBuilder, rng: Rng) -> list[Walker]:
        walkers = []
        for number in range(round(self.condition.people_per_100m * self.route.length_m / 100.0)):
            first, solid = len(builder.rows), len(builder.solids)
            person(builder, number)
            left = float(rng.choice([-1.0, 1.0]) * rng.uniform(1.1, 2.4) * min(self.config.clearance_m, 1.0))
            start = float(rng.uniform(0.0, max(self.route.length_m - WALK_M, 1.0)))
            walk = float(rng.uniform(0.6, 1.4)), float(rng.uniform(0.0, 2 * WALK_M))
            walkers.append(Walker(first, len(builder.rows) - first, solid, start, left, *walk))
        return walkers

    def move(self, time_s: float) -> None:
        """Put everything that moves where it is at this time."""
        if time_s == self.time_s:
            return
        self.time_s = time_s
        for walker in self.walkers:
            way = (walker.phase_m + walker.speed_mps * time_s) % (2.0 * WALK_M)
            back = way > WALK_M
            here = self.route.beside(walker.from_m + (2.0 * WALK_M - way if back else way), walker.left_m)
            self.put(walker, here.x_m, here.y_m, here.yaw_rad + (math.pi if back else 0.0))

    def put(self, walker: Walker, x_m: float, y_m: float, yaw_rad: float, bottom_m: float = 0.0) -> None:
        """Put a moving thing somewhere."""
        c, s = math.cos(yaw_rad), math.sin(yaw_rad)
        turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
        rows = slice(walker.first, walker.first + walker.quads)
        for still, now in zip(self._still, self.quads[:3], strict=True):
            now[rows] = still[rows] @ turn
        self.quads.corner_m[rows] += (x_m, y_m, bottom_m)
        self.solids.centre_m[walker.solid, :2] = x_m, y_m
        self.solids.centre_m[walker.solid, 2] = bottom_m + self.solids.half_m[walker.solid, 2]
        self.solids.yaw_rad[walker.solid] = yaw_rad

    def clearance_m(self, position_m: Array) -> float:
        """Distance from a point to the nearest thing, floor or ceiling; negative inside one."""
        return clearance(*self.solids, position_m, self.config.ceiling_m)

    def range_down_m(self, position_m: Array) -> float:
        """Distance from a point down to what is below it."""
        return down_range(*self.solids, position_m)


def open_scene(name: str, condition: str = "summer", seed: int = 0, obstacle_m: float = 0.0) -> Scene:
    """A shipped scene, or a file, in a shipped condition."""
    return Scene(load_scene(name), load_condition(condition), seed, obstacle_m)


def _obstacle(builder: SceneBuilder, side_m: float, seed: int) -> Walker:
    """A cube at the origin that is moved from outside."""
    first, solid = len(builder.rows), len(builder.solids)
    builder.box(Box(0.0, 0.0, 0.0, side_m, side_m, side_m), builder.texture("obstacle", seed % 16))
    return Walker(first, len(builder.rows) - first, solid, 0.0, 0.0, 0.0, 0.0)


def _floor_and_roof(builder: SceneBuilder, config: SceneConfig, route: Route) -> None:
    low, high = route.points_m.min(axis=0) - MARGIN_M, route.points_m.max(axis=0) + MARGIN_M
    size, tile = high - low, config.ground.tile_m
    rng = np.random.default_rng([config.seed, 7])
    floor = builder.add_texture(ground(config.ground, builder.condition, rng), ("ground", 0))
    across, down = np.array([0.0, -size[1], 0.0]), np.array([-size[0], 0.0, 0.0])
    builder.quad(np.array([*high, 0.0]), across, down, floor, (size[1] / tile, size[0] / tile))
    if config.ceiling_m > 0.0:
        corner = np.array([low[0], high[1], config.ceiling_m])
        repeats = (size[1] / 2.4, size[0] / 2.4)
        builder.quad(corner, across, -down, builder.texture("ceiling"), repeats)


def _room(builder: SceneBuilder, room: tuple[float, float, float, float], height_m: float) -> None:
    """Four walls in bays of about 5 m."""
    x0, y0, x1, y1 = room
    variant = 0
    for start, end in (((x0, y0), (x1, y0)), ((x1, y0), (x1, y1)), ((x1, y1), (x0, y1)), ((x0, y1), (x0, y0))):
        length, yaw = math.dist(start, end), math.atan2(end[1] - start[1], end[0] - start[0])
        bays = max(1, round(length / 5.0))
        for bay in range(bays):
            share = (bay + 0.5) / bays
            x, y = start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])
            box = Box(x, y, 0.0, length / bays + 0.1, 0.2, height_m, yaw)
            builder.box(box, builder.texture("hall_wall", variant))
            variant += 1


def _furnish(builder: SceneBuilder, scene: Scene, element: ElementConfig, number: int, rng: Rng, changed: Rng) -> None:
    for k, spot in enumerate(_spots(scene, element, number, rng)):
        moved, lots = changed.random() < scene.condition.moved, changed.uniform(-1.0, 1.0, 2)
        if element.kind in MOVABLE and moved:
            if abs(lots[0]) < 0.3:
                continue  # somebody took it away
            spot = _moved(spot, 3.0 * lots[0], 0.6 * lots[1])
        _place(builder, scene, element, spot, np.random.default_rng([scene.config.seed, number, k]))


def _moved(spot: Spot, along_m: float, turn_rad: float) -> Spot:
    """The spot of another thing of the kind, further along and turned."""
    x, y = spot.x_m + along_m * math.cos(spot.yaw_rad), spot.y_m + along_m * math.sin(spot.yaw_rad)
    return spot._replace(x_m=x, y_m=y, yaw_rad=spot.yaw_rad + turn_rad, variant=spot.variant + 7)


def _place(builder: SceneBuilder, scene: Scene, element: ElementConfig, spot: Spot, rng: Rng) -> None:
    """Build a thing, unless it would stand in the way."""
    rows, solids = len(builder.rows), len(builder.solids)
    THINGS[element.kind](builder, spot, rng)
    added = builder.solids[solids:]
    clear = scene.config.clearance_m if element.kind != "wall" else 0.5
    if any(_gap_m(box, scene.route) < clear for box in added if box.bottom_m < 3.0):
        del builder.rows[rows:], builder.solids[solids:]


def _gap_m(box: Box, route: Route) -> float:
    c, s = math.cos(box.yaw_rad), math.sin(box.yaw_rad)
    offset = route.points_m - (box.x_m, box.y_m)
    along, left = np.abs(offset @ (c, s)) - 0.5 * box.length_m, np.abs(offset @ (-s, c)) - 0.5 * box.width_m
    return float(np.hypot(np.maximum(along, 0.0), np.maximum(left, 0.0)).min())


def _spots(scene: Scene, element: ElementConfig, number: int, rng: Rng) -> list[Spot]:
    """Where the things of an element stand."""
    spots = []
    for k, (x, y, yaw) in enumerate(element.at):
        spots.append(Spot(x, y, yaw, 0, element.every_m, float(rng.uniform(*element.height_m)), 100 * number + k))
    if element.at:
        return spots
    route, high = scene.route, scene.config.ceiling_m
    beyond = 6.0 if scene.config.ceiling_m > 0.0 else 20.0
    for side in {"left": (1,), "right": (-1,), "both": (1, -1)}[element.side]:
        edges = np.arange(-beyond, route.length_m + beyond, element.every_m)
        for k, station in enumerate(edges):
            jitter, lot, height = rng.uniform(-1.0, 1.0), rng.random(), float(rng.uniform(*element.height_m))
            if lot < element.skip:
                continue
            along = float(station + jitter * element.jitter_m)
            start = route.beside(along, side * element.offset_m)
            end = route.beside(along + element.every_m, side * element.offset_m)
            length = math.dist(start[:2], end[:2])
            yaw = math.atan2(end.y_m - start.y_m, end.x_m - start.x_m)
            height = high if element.kind == "wall" else height
            middle = 0.5 * (start.x_m + end.x_m), 0.5 * (start.y_m + end.y_m)
            spots.append(Spot(*middle, yaw, side, length, height, 1000 * number + 2 * k + (side > 0)))
    return spots


def atmosphere(condition: ConditionConfig, indoors: bool) -> Atmosphere:
    """Light and air of a condition; indoors the lamps are on and the sun only a tint."""
    looks = {
        "day": ((0.45, -0.5, 0.74), (0.55, 0.57, 0.62), (0.62, 0.60, 0.54), (205, 216, 230), (96, 140, 205)),
        "overcast": ((0.1, 0.1, 0.99), (0.72, 0.74, 0.78), (0.14, 0.14, 0.14), (206, 209, 213), (170, 176, 184)),
        "evening": ((-0.8, 0.5, 0.33), (0.26, 0.27, 0.36), (0.52, 0.34, 0.18), (206, 140, 96), (50, 60, 110)),
    }  # fmt: skip
    sun, ambient, diffuse, horizon, zenith = (np.array(value, float) for value in looks[condition.light])
    if indoors:
        ambient = 0.55 + 0.35 * ambient
        diffuse = 0.25 * diffuse
    return Atmosphere(sun / np.linalg.norm(sun), ambient, diffuse, condition.visibility_m, horizon, zenith)
