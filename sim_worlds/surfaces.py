"""What things look like in a condition: colours of the season, snow, and textures of walls, ground and goods."""

from collections.abc import Callable

import numpy as np

from sim_worlds.scene_config import ConditionConfig, GroundConfig
from sim_worlds.textures import (
    SIDE,
    Colour,
    Picture,
    Texture,
    bricks,
    finished,
    gravel,
    leaves,
    mottled,
    painted,
    planks,
    poster,
    rectangle,
    slabs,
    snowed,
)

LEAVES: dict[str, tuple[Colour, float]] = {
    "summer": ((72, 118, 48), 0.6), "autumn": ((176, 104, 38), 0.45), "winter": ((110, 100, 92), 0.06),
}  # fmt: skip
FALLEN: Colour = (168, 110, 50)
Rng = np.random.Generator


def facade(rng: Rng, condition: ConditionConfig) -> Texture:
    """The front of a house: bricks or plaster, rows of windows, a door, sometimes a shop with its sign."""
    colour: Colour = tuple(
        rng.choice([[158, 88, 70], [190, 176, 150], [120, 112, 108], [172, 140, 96], [200, 200, 192]])
    )
    picture = bricks(colour, rng, 24, 14) if rng.random() < 0.55 else mottled(colour, rng, 5, 0.18)
    rows, across = int(rng.integers(2, 4)), int(rng.integers(2, 5))
    pane: Colour = (235, 205, 120) if condition.light == "evening" else (62, 74, 92)
    wide, high, frame = rng.uniform(0.45, 0.7) / across, rng.uniform(0.45, 0.65) / (rows + 1), rng.uniform(60, 240, 3)
    for row in range(rows):
        for column in range(across):
            x, y = (column + 0.5) / across - 0.5 * wide, (row + 0.35) / (rows + 1)
            lit = pane if condition.light != "evening" or rng.random() < 0.5 else (40, 44, 54)
            rectangle(picture, (x - 0.012, y - 0.012, x + wide + 0.012, y + high + 0.02), tuple(frame))
            rectangle(picture, (x, y, x + wide, y + high), lit)
            if rng.random() < 0.5:
                rectangle(picture, (x, y, x + 0.3 * wide, y + high), tuple(rng.uniform(90, 230, 3)))
            rectangle(picture, (x + 0.48 * wide, y, x + 0.53 * wide, y + high), tuple(frame))
    _ground_floor(picture, rng, 1.0 - 0.86 / (rows + 1))
    texture = finished(picture)
    return snowed(texture, 0.3 * condition.snow, rng) if condition.snow else texture


def _ground_floor(picture: Picture, rng: Rng, top: float) -> None:
    door = rng.uniform(0.05, 0.8)
    if rng.random() < 0.5:
        sign = tuple(rng.uniform(20, 235, 3))
        rectangle(picture, (0.04, top, 0.96, top + 0.07), sign)
        for x in np.arange(0.1, rng.uniform(0.4, 0.85), 0.06).tolist():
            rectangle(picture, (x, top + 0.018, x + rng.uniform(0.02, 0.045), top + 0.052), (245, 245, 240))
        rectangle(picture, (0.08, top + 0.1, 0.92, 0.94), (70, 84, 100))
        for x in rng.uniform(0.1, 0.8, 5).tolist():
            rectangle(
                picture, (x, rng.uniform(min(top + 0.15, 0.84), 0.85), x + 0.08, 0.94), tuple(rng.uniform(30, 230, 3))
            )
    rectangle(picture, (door - 0.015, top + 0.06, door + 0.145, 1.0), tuple(rng.uniform(150, 240, 3)))
    rectangle(picture, (door, top + 0.08, door + 0.13, 1.0), tuple(rng.uniform(20, 170, 3)))


def office_wall(rng: Rng, condition: ConditionConfig) -> Texture:
    """A panel of a corridor: paint with a dado, and a door, a notice board, a window, pipes or nothing."""
    colour: Colour = tuple(np.array([196, 194, 184]) + rng.uniform(-14, 14, 3))
    picture = mottled(colour, rng, 3, 0.1)
    rectangle(picture, (0, 0.62, 1, 1), tuple(np.array(colour) * rng.uniform(0.6, 0.85)))
    rectangle(picture, (0, 0.95, 1, 1), (70, 66, 60))
    what = rng.choice(["door", "board", "board", "window", "pipes", "cabinet"])
    left = rng.uniform(0.05, 0.35)
    if what == "door":
        rectangle(picture, (left, 0.18, left + 0.52, 0.96), (90, 80, 70))
        rectangle(picture, (left + 0.03, 0.21, left + 0.49, 0.96), tuple(rng.uniform(40, 190, 3)))
        rectangle(picture, (left + 0.15, 0.28, left + 0.37, 0.28 + rng.uniform(0.1, 0.3)), (190, 205, 210))
        rectangle(picture, (left + 0.4, 0.58, left + 0.46, 0.61), (230, 220, 180))
    elif what == "board":
        for _ in range(int(rng.integers(1, 4))):
            x, y, size = rng.uniform(0.02, 0.6), rng.uniform(0.15, 0.5), int(rng.integers(24, 48))
            _paste(picture, poster(rng, size), x, y)
    elif what == "window":
        rectangle(picture, (left, 0.2, left + 0.55, 0.6), (235, 235, 230))
        bright = np.array([205, 220, 235]) if condition.light != "evening" else np.array([60, 60, 90])
        rectangle(picture, (left + 0.03, 0.22, left + 0.52, 0.58), tuple(bright * (0.6 if condition.snow else 1.0)))
    elif what == "pipes":
        for x in rng.uniform(0.05, 0.9, 3).tolist():
            rectangle(picture, (x, 0, x + 0.04, 0.95), tuple(rng.uniform(60, 220, 3)))
    else:
        rectangle(picture, (left, 0.35, left + 0.4, 0.95), tuple(rng.uniform(50, 160, 3)))
        for y in np.arange(0.4, 0.9, 0.14).tolist():
            rectangle(picture, (left + 0.02, y, left + 0.38, y + 0.11), tuple(rng.uniform(80, 200, 3)))
    return finished(picture)


def _paste(picture: Picture, small: Picture, left: float, top: float) -> None:
    row, column = round(top * SIDE), round(left * SIDE)
    target = picture[row : row + len(small), column : column + len(small)]
    target[:] = small[: target.shape[0], : target.shape[1]]


def hall_wall(rng: Rng, condition: ConditionConfig) -> Texture:
    """A bay of a hall: sheet metal or blocks, a high window, a gate, big numbers."""
    picture = bricks((168, 166, 160), rng, 16, 6) if rng.random() < 0.5 else planks((132, 142, 150), rng, 12)
    pane = (225, 232, 240) if condition.light != "evening" else (70, 66, 90)
    rectangle(picture, (0.1, 0.08, 0.9, 0.28), (90, 90, 90))
    rectangle(picture, (0.12, 0.1, 0.88, 0.26), pane)
    if rng.random() < 0.5:
        x = rng.uniform(0.05, 0.5)
        rectangle(picture, (x, 0.45, x + 0.42, 1.0), tuple(rng.uniform(40, 200, 3)))
        for y in np.arange(0.5, 1.0, 0.08).tolist():
            rectangle(picture, (x, y, x + 0.42, y + 0.015), (50, 50, 50))
    for x in rng.uniform(0.0, 0.8, 2).tolist():
        _paste(picture, poster(rng, int(rng.integers(16, 36))), x, rng.uniform(0.35, 0.6))
    return finished(picture)


def ground(config: GroundConfig, condition: ConditionConfig, rng: Rng) -> Texture:
    """The floor, outdoors under the leaves and the snow of the condition."""
    if config.material == "lino":
        return finished(slabs(config.colour, rng, 4, 0.2))
    if config.material == "concrete":
        return finished(gravel(config.colour, rng, tuple(np.array(config.colour) * 0.75)))
    picture = slabs(config.colour, rng, 4)
    if condition.leaves_on_ground:
        fallen = finished(gravel(FALLEN, rng))
        mask = np.asarray(rng.random((SIDE // 4, SIDE // 4)) < condition.leaves_on_ground).repeat(4, 0).repeat(4, 1)
        picture = np.where(mask[:, :, None], fallen[:, :, :3], picture)
    texture = finished(picture)
    return snowed(texture, 0.35 + 0.35 * condition.snow, rng) if condition.snow else texture


def crown(rng: Rng, condition: ConditionConfig) -> Texture:
    """The crown of a tree in its season."""
    colour, density = LEAVES[condition.season]
    texture = leaves(tuple(np.array(colour) * rng.uniform(0.75, 1.25, 3)), rng, density * rng.uniform(0.85, 1.1))
    return snowed(texture, 0.5 * condition.snow, rng, from_top=True) if condition.snow else texture


def car_body(rng: Rng, condition: ConditionConfig) -> Texture:
    """The side of a car, wheels and all."""
    picture = painted(tuple(rng.choice([[170, 30, 30], [30, 60, 140], [210, 210, 210], [40, 40, 44], [60, 110, 70]])))
    rectangle(picture, (0.1, 0.05, 0.9, 0.4), (60, 75, 90))
    rectangle(picture, (0.48, 0.05, 0.52, 0.8), (40, 40, 40))
    rectangle(picture, (0, 0.75, 1, 1), (30, 30, 30))
    for x in (0.12, 0.72):
        rectangle(picture, (x, 0.62, x + 0.17, 1.0), (20, 20, 20))
        rectangle(picture, (x + 0.05, 0.74, x + 0.12, 0.9), (150, 150, 150))
    texture = finished(picture)
    return snowed(texture, 0.55 * condition.snow, rng, from_top=True) if condition.snow else texture


def _simple(make: Callable[[Rng], Picture], cover: float = 0.4) -> Callable[[Rng, ConditionConfig], Texture]:
    def surface(rng: Rng, condition: ConditionConfig) -> Texture:
        texture = finished(make(rng))
        return snowed(texture, cover * condition.snow, rng, from_top=True) if condition.snow else texture

    return surface


def _shelves(rng: Rng) -> Picture:
    picture = painted((70, 60, 55))
    for y in np.arange(0.02, 0.95, 0.24).tolist():
        x = 0.03
        while x < 0.92:
            wide, high = rng.uniform(0.05, 0.2), rng.uniform(0.1, 0.2)
            rectangle(picture, (x, y + 0.2 - high, min(x + wide, 0.97), y + 0.2), tuple(rng.uniform(40, 230, 3)))
            x += wide + 0.015
    return picture


def _crate(rng: Rng) -> Picture:
    picture = planks(tuple(rng.uniform(0.6, 1.2) * np.array([168, 128, 84])), rng, int(rng.integers(3, 7)))
    rectangle(picture, (0.25, 0.3, 0.75, 0.62), tuple(rng.uniform(20, 240, 3)))
    return picture


def _bin(rng: Rng) -> Picture:
    picture = mottled(tuple(rng.choice([[40, 90, 50], [50, 60, 120], [60, 60, 60], [150, 120, 30]])), rng, 4, 0.2)
    rectangle(picture, (0, 0, 1, 0.14), (30, 30, 30))
    rectangle(picture, (0.3, 0.4, 0.7, 0.6), tuple(rng.uniform(150, 250, 3)))
    return picture


def _person(rng: Rng) -> Picture:
    picture = painted(tuple(rng.uniform(20, 210, 3)))
    rectangle(picture, (0, 0.48, 1, 1), tuple(rng.uniform(20, 120, 3)))
    rectangle(picture, (0.47, 0.52, 0.53, 1), (20, 20, 20))
    for left in (0.17, 0.79):  # where the arms begin
        rectangle(picture, (left, 0.06, left + 0.04, 0.48), (45, 45, 45))
    return picture


def _head(rng: Rng) -> Picture:
    picture = painted(tuple(rng.uniform(0.55, 1.0) * np.array([215, 170, 140])))
    rectangle(picture, (0, 0, 1, 0.32), tuple(rng.uniform(20, 120, 3)))
    return picture


SURFACES: dict[str, Callable[[Rng, ConditionConfig], Texture]] = {
    "facade": facade,
    "office_wall": office_wall,
    "hall_wall": hall_wall,
    "crown": crown,
    "car": car_body,
    "fence": _simple(lambda rng: planks(tuple(rng.uniform(0.6, 1.3) * np.array([120, 92, 66])), rng, 10)),
    "bark": _simple(lambda rng: planks((84, 68, 54), rng, 14), 0.2),
    "metal": _simple(lambda rng: mottled((96, 100, 104), rng, 4, 0.3), 0.1),
    "roof": _simple(lambda rng: bricks((120, 70, 58), rng, 12, 12), 1.4),
    "sign": _simple(poster, 0.1),
    "crate": _simple(_crate),
    "shelf": _simple(_shelves, 0.0),
    "bin": _simple(_bin),
    "head": _simple(_head, 0.0),
    "person": _simple(_person, 0.0),
    "ceiling": _simple(lambda rng: slabs((255, 255, 248), rng, 4, 0.08), 0.0),
    "plaster": _simple(lambda rng: mottled((186, 182, 172), rng, 3, 0.25), 0.1),
    "obstacle": _simple(lambda rng: gravel((150, 150, 150), rng, (40, 40, 60)), 0.0),
}
