"""Procedural textures: pictures made from a generator, without a file; (row, column, 4) uint8, sides powers of two.

The last channel says how much of a texel is there at all: leaves and branches have holes.
"""

import numpy as np
from numpy.typing import NDArray

Texture = NDArray[np.uint8]
Picture = NDArray[np.float64]  # (row, column, 3), 0 to 255
Colour = tuple[float, float, float]
SIDE = 128


def noise(side: int, cells: int, rng: np.random.Generator, octaves: int = 4) -> NDArray[np.float64]:
    """Value noise that tiles, (side, side) in [0, 1], from `cells` cells a side, each octave twice as fine."""
    total, weight, sum_of_weights = np.zeros((side, side)), 1.0, 0.0
    for octave in range(octaves):
        count = min(cells << octave, side)
        total += weight * _smooth(rng.random((count, count)), side)
        sum_of_weights += weight
        weight *= 0.6
    return total / sum_of_weights


def _smooth(grid: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    place = np.arange(side) * len(grid) / side
    low = place.astype(int)
    share = (place - low) ** 2 * (3.0 - 2.0 * (place - low))
    high = (low + 1) % len(grid)
    rows = grid[low] * (1.0 - share)[:, None] + grid[high] * share[:, None]
    return np.asarray(rows[:, low] * (1.0 - share) + rows[:, high] * share)


def painted(colour: Colour, side: int = SIDE) -> Picture:
    """One colour."""
    return np.ones((side, side, 3)) * np.asarray(colour, float)


def mottled(colour: Colour, rng: np.random.Generator, cells: int = 4, depth: float = 0.35, side: int = SIDE) -> Picture:
    """A colour, lighter and darker from place to place by up to `depth` of it."""
    return painted(colour, side) * (1.0 + depth * (2.0 * noise(side, cells, rng) - 1.0))[:, :, None]


def finished(picture: Picture, there: NDArray[np.float64] | None = None) -> Texture:
    """The texture of a picture; `there` (row, column) in [0, 1], everywhere by default."""
    alpha = np.full(picture.shape[:2], 255.0) if there is None else there * 255.0
    return np.clip(np.dstack([picture, alpha]), 0, 255).astype(np.uint8)


def bricks(colour: Colour, rng: np.random.Generator, rows: int = 16, across: int = 8) -> Picture:
    """Courses of bricks, each of a shade of its own, with joints."""
    picture = mottled(colour, rng, 8, 0.2)
    y, x = np.mgrid[:SIDE, :SIDE] * np.array([rows, across])[:, None, None] / SIDE
    x = (x + 0.5 * (y.astype(int) % 2)) % across
    shade = rng.uniform(0.75, 1.15, (rows, across))[y.astype(int), x.astype(int)]
    joint = (y % 1.0 < 0.14) | (x % 1.0 < 0.08)
    return np.where(joint[:, :, None], np.asarray(colour) * 0.6 + 60, picture * shade[:, :, None])


def slabs(colour: Colour, rng: np.random.Generator, count: int = 4, contrast: float = 0.25) -> Picture:
    """Square slabs with joints, stains and gravel: what lies underfoot."""
    picture = mottled(colour, rng, 8, 0.3) * (1.0 + 0.25 * (rng.random((SIDE, SIDE, 1)) - 0.5))
    y, x = np.mgrid[:SIDE, :SIDE] * count / SIDE
    shade = rng.uniform(1.0 - contrast, 1.0 + contrast, (count, count))[y.astype(int), x.astype(int)]
    joint = (y % 1.0 < 0.06) | (x % 1.0 < 0.06)
    return picture * np.where(joint, 0.55, shade)[:, :, None]


def planks(colour: Colour, rng: np.random.Generator, count: int = 8) -> Picture:
    """Boards side by side with grain."""
    grain = noise(SIDE, 4, rng)
    grain = np.repeat(grain[:, ::8], 8, axis=1)
    x = np.arange(SIDE) * count // SIDE
    shade = rng.uniform(0.75, 1.2, count)[x]
    edge = np.arange(SIDE) * count % SIDE < 2 * count
    return painted(colour) * (0.85 + 0.3 * grain)[:, :, None] * np.where(edge, 0.5, shade)[None, :, None]


def gravel(colour: Colour, rng: np.random.Generator, patches: Colour | None = None) -> Picture:
    """Coarse ground of pebbles and stains, with patches of another colour."""
    fine = noise(SIDE, 32, rng, 3)
    picture = painted(colour) * (0.55 + 0.9 * fine)[:, :, None]
    if patches is not None:
        where = noise(SIDE, 3, rng) > 0.55
        picture[where] = (np.asarray(patches) * (0.7 + 0.6 * fine[:, :, None]))[where]
    return picture


def rectangle(picture: Picture, box: tuple[float, float, float, float], colour: Colour) -> None:
    """Paint a rectangle (left, top, right, bottom), shares of the side, in place."""
    side = len(picture)
    left, top, right, bottom = (round(edge * side) for edge in box)
    picture[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = colour


def poster(rng: np.random.Generator, side: int = SIDE) -> Picture:
    """A notice: paper, a block of colour, shapes and lines of text."""
    picture = painted(tuple(rng.uniform(170, 250, 3)), side)
    for _ in range(rng.integers(3, 7)):
        x, y, w, h = rng.uniform(0, 0.7), rng.uniform(0, 0.6), rng.uniform(0.1, 0.5), rng.uniform(0.06, 0.35)
        rectangle(picture, (x, y, x + w, y + h), tuple(rng.uniform(10, 240, 3)))
    for line in np.arange(0.7, 0.95, 0.06).tolist():
        rectangle(picture, (0.08, line, rng.uniform(0.4, 0.92), line + 0.025), (40, 40, 50))
    return picture


def leaves(colour: Colour, rng: np.random.Generator, density: float) -> Texture:
    """A crown of leaves with holes; what is not leaf is branch or sky."""
    y, x = (np.mgrid[:SIDE, :SIDE] + 0.5) / SIDE * 2.0 - 1.0
    crown = 1.0 - np.hypot(x, y) + 0.5 * (noise(SIDE, 6, rng) - 0.5)
    branch = _branches(rng)
    leaf = (crown > 0.1) & (noise(SIDE, 24, rng, 3) < density)
    picture = mottled(colour, rng, 16, 0.6)
    picture[~leaf] = (70, 55, 45)
    return finished(picture, (leaf | branch).astype(float))


def _branches(rng: np.random.Generator) -> NDArray[np.bool_]:
    """Lines that fork from the middle of the lower edge."""
    mask = np.zeros((SIDE, SIDE), bool)
    ends = [(SIDE - 1.0, SIDE / 2, -np.pi / 2, SIDE * 0.3)]
    for _ in range(40):
        row, column, angle, length = ends.pop(0)
        steps = np.arange(0, length, 0.5)
        rows, columns = row + steps * np.sin(angle), column + steps * np.cos(angle)
        for width in range(max(1, round(length / 12))):
            inside = (rows >= 0) & (rows < SIDE) & (columns + width >= 0) & (columns + width < SIDE)
            mask[rows[inside].astype(int), (columns[inside] + width).astype(int)] = True
        turns = [(angle + turn * rng.uniform(0.6, 1.4), length * rng.uniform(0.6, 0.8)) for turn in (-0.5, 0.45)]
        ends += [(float(rows[-1]), float(columns[-1]), *turn) for turn in turns]
    return mask


def snowed(texture: Texture, share: float, rng: np.random.Generator, from_top: bool = False) -> Texture:
    """The same under snow: patches of it, on walls mostly at the foot and on ledges."""
    side = len(texture)
    depth = noise(side, 5, rng)
    if from_top:
        depth = depth * 0.6 + 0.4 * (1.0 - np.arange(side) / side)[:, None]
    white = np.array([236.0, 240.0, 248.0]) * (0.82 + 0.3 * noise(side, 24, rng, 3))[:, :, None]
    mask = (depth < share)[:, :, None]
    picture = np.where(mask, white, texture[:, :, :3])
    return finished(picture, texture[:, :, 3] / 255.0)
