"""Things that stand in scenes, built at a place."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sim_worlds.builder import Box, SceneBuilder

MOVABLE = frozenset({"car", "bin", "crate", "sign"})


class Spot(NamedTuple):
    """Where a thing stands: yaw along the route; `side` is 1 left of it, -1 right of it, 0 in the open."""

    x_m: float
    y_m: float
    yaw_rad: float
    side: int
    length_m: float  # room along the route
    height_m: float
    variant: int


Thing = Callable[[SceneBuilder, Spot, np.random.Generator], None]


def house(scene: SceneBuilder, spot: Spot, rng: np.random.Generator) -> None:
    """A house whose front faces the route."""
    box = Box(spot.x_m, spot.y_m, 0.0, spot.length_m * 0.96, 5.0, spot.height_m, spot.yaw_rad)
    gable = scene.texture("plaster", spot.variant % 5)
    scene.box(box, gable, scene.texture("roof", spot.variant % 4), front_only=scene.texture("facade", spot.variant))


def wall(scene: SceneBuilder, spot: Spot, rng: np.random.Generator) -> None:
    """A panel of a corridor's wall."""
    box = Box(spot.x_m, spot.y_m, 0.0, spot.length_m + 0.05, 0.1, spot.height_m, spot.yaw_rad)
    scene.box(box, scene.texture("office_wall", spot.variant))


def tree(scene: SceneBuilder, spot: Spot, rng: np.random.Generator) -> None:
    """A trunk and a crown of three sheets."""
    size = 0.62 * spot.height_m
    scene.box(Box(spot.x_m, spot.y_m, 0.0, 0.25, 0.25, 0.6 * spot.height_m, rng.uniform(0, 3)), scene.texture("bark"))
    turns = rng.uniform(0, math.pi) + np.arange(3) * math.pi / 3
    scene.sheets(
        spot.x_m, spot.y_m, spot.height_m - size, size, scene.texture("crown", spot.variant % 12), turns.tolist()
    )


def bush(scene: SceneBuilder, spot: Spot, rng: np.random.Generator) -> None:
    """Leaves near the ground; nothing to hit but leaves."""
    size = rng.uniform(0.9, 1.5)
    turns = rng.uniform(0, math.pi) + np.arange(3) * math.pi / 3
    scene.sheets(spot.x_m, spot.y_m, -0.1, size, scene.texture("crown", 20 + spot.variant % 8), turns.tolist())


def car(scene: SceneBuilder, spot: Spot, rng: np.random.Generator) -> None:
    """A parked car."""
    body, length = scene.texture("car", spot.variant % 16), rng.uniform(3.6, 4.5)
    yaw = spot.yaw_rad + rng.normal(0.0, 0.03)
    scene.box(Box(spot.x_m, spot.y_m, 0.15, length, 1.7, 0.75, yaw), body, scene.texture("metal", 1), front_only=body)
    scene.box(Box(spot.x_m, spot.y_m, 0.9, 0.55 * length, 1.5, 0.55, yaw), body, scene.texture("metal", 1))


def lamp(scene: SceneBuilder, spot: Spot, rng: np.random.Generator) -> None:
    """A lamp post."""
    metal = scene.texture("metal")
    scene.box(Box(spot.x_m, spot.y_m, 0.0, 0.12, 0.12, 4.4, 0.0), metal)
    scene.box(Box(spot.x_m, spot.y_m, 4.4, 0.7, 0.3, 0.15, spot.yaw_rad), metal, tint=(2.0, 2.0, 1.8))


def fence(scene: SceneBuilder, spot: Spot, rng: np.random.Generator) -> None:
    """A length of fence or garden wall."""
    high, length = rng.uniform(0.7, 1.3), min(spot.length_m, 5.5)
    box = Box(spot.x_m, spot.y_m, 0.0, length, 0.12, high, spot.yaw_rad)
    scene.box(box, scene.texture("fence", spot.variant % 10), repeats=(2.0, 1.0))


def litter_bin(scene: SceneBuilder, spot: Spot, rng: np.random.Generator) -> None:
    """A bin."""
    box = Box(spot.x_m, spot.y_m, 0.0, 0.6, 0.6, rng.uniform(0.9, 1.2), spot.yaw_rad)
    scene.box(box, scene.texture("bin", spot.variant % 10))


def sign(scene: SceneBuilder, spot: Spot, rng: np.random.Generator) -> None:
    """A board on two posts, across the way to the side of it."""
    turned = spot.yaw_rad + rng.uniform(1.0, 2.1)
    scene.box(Box(spot.x_m, spot.y_m, 0.0, 0.08, 0.08, 0.9, turned), scene.texture("metal"))
    scene.box(Box(spot.x_m, spot.y_m, 0.9, 1.2, 0.08, 1.0, turned), scene.texture("sign", spot.variant))


def crate(scene: SceneBuilder, spot: Spot, rng: np.random.Generator) -> None:
    """A box of goods."""
    size = spot.height_m
    box = Box(spot.x_m, spot.y_m, 0.0, size * rng.uniform(0.7, 1.1), min(size, 0.9), size, spot.yaw_rad)
    scene.box(box, scene.texture("crate", spot.variant % 24))


def shelf(scene: SceneBuilder, spot: Spot, rng: np.random.Generator) -> None:
    """A rack of shelves."""
    box = Box(spot.x_m, spot.y_m, 0.0, 2.2, 0.5, spot.height_m, spot.yaw_rad)
    scene.box(box, scene.texture("shelf", spot.variant))


def column(scene: SceneBuilder, spot: Spot, rng: np.random.Generator) -> None:
    """A column up to the ceiling."""
    box = Box(spot.x_m, spot.y_m, 0.0, 0.6, 0.6, max(spot.height_m, 6.0), spot.yaw_rad)
    scene.box(box, scene.texture("hall_wall", 50 + spot.variant))


def person(scene: SceneBuilder, variant: int) -> None:
    """Somebody at the origin, facing along x; to be moved."""
    scene.box(Box(0.0, 0.0, 0.0, 0.25, 0.5, 1.48), scene.texture("person", variant % 12), solid=False)
    scene.box(Box(0.0, 0.0, 1.48, 0.21, 0.18, 0.27), scene.texture("head", variant % 12), solid=False)
    scene.solids.append(Box(0.0, 0.0, 0.0, 0.3, 0.5, 1.75))  # one, as it is moved


THINGS: dict[str, Thing] = {
    "house": house, "wall": wall, "tree": tree, "bush": bush, "car": car, "lamp": lamp, "fence": fence,
    "bin": litter_bin, "sign": sign, "crate": crate, "shelf": shelf, "column": column,
}  # fmt: skip
