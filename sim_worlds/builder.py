"""Building a scene: boxes and sheets become textured quads to see and solids to hit."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sim_worlds.renderer import Array, Quads, TextureAtlas, make_atlas
from sim_worlds.scene_config import ConditionConfig
from sim_worlds.surfaces import SURFACES
from sim_worlds.textures import Texture

WHITE = (1.0, 1.0, 1.0)
UP = np.array([0.0, 0.0, 1.0])


class Box(NamedTuple):
    """A box that stands or hangs upright."""

    x_m: float
    y_m: float
    bottom_m: float
    length_m: float  # along its yaw
    width_m: float
    height_m: float
    yaw_rad: float = 0.0


class Solids(NamedTuple):
    """Boxes to hit, (solid,) each but centre and half (solid, 3)."""

    centre_m: Array
    half_m: Array
    yaw_rad: Array


class SceneBuilder:
    """Collects what a scene is made of. Textures are made by name and variant, each from a seed of its own."""

    def __init__(self, condition: ConditionConfig, seed: int) -> None:
        self.condition, self.seed = condition, seed
        self.textures: list[Texture] = []
        self.numbers: dict[tuple[str, int], int] = {}
        self.rows: list[tuple[Array, Array, Array, int, tuple[float, float], tuple[float, float, float], int]] = []
        self.solids: list[Box] = []

    def texture(self, surface: str, variant: int = 0) -> int:
        """The number of a surface; the same variant is the same in every condition, but for the condition itself."""
        key = (surface, variant)
        if key not in self.numbers:
            rng = np.random.default_rng([self.seed, variant, *surface.encode()])
            self.add_texture(SURFACES[surface](rng, self.condition), key)
        return self.numbers[key]

    def add_texture(self, texture: Texture, key: tuple[str, int]) -> int:
        """Take a texture in under a name and variant."""
        self.numbers[key] = len(self.textures)
        self.textures.append(texture)
        return self.numbers[key]

    def quad(
        self, corner: Array, across: Array, down: Array, texture: int, repeats: tuple[float, float] = (1.0, 1.0),
        tint: tuple[float, float, float] = WHITE, sheet: bool = False,
    ) -> None:  # fmt: skip
        """One parallelogram, given as it is seen from its front."""
        self.rows.append((np.asarray(corner, float), across, down, texture, repeats, tint, int(sheet)))

    def box(
        self, box: Box, sides: int, top: int | None = None, *, solid: bool = True, front_only: int | None = None,
        repeats: tuple[float, float] = (1.0, 1.0), tint: tuple[float, float, float] = WHITE,
    ) -> None:  # fmt: skip
        """A box with a texture on its sides and one on top; `front_only` is the texture of the two long sides."""
        along = np.array([math.cos(box.yaw_rad), math.sin(box.yaw_rad), 0.0])
        left = np.array([-along[1], along[0], 0.0])
        low = np.array([box.x_m, box.y_m, box.bottom_m])
        for outwards, far, wide, long_side in (
            (along, box.length_m, box.width_m, False), (-along, box.length_m, box.width_m, False),
            (left, box.width_m, box.length_m, True), (-left, box.width_m, box.length_m, True),
        ):  # fmt: skip
            right = np.cross(-outwards, UP)
            corner = low + 0.5 * far * outwards - 0.5 * wide * right + box.height_m * UP
            texture = front_only if front_only is not None and long_side else sides
            self.quad(corner, wide * right, -box.height_m * UP, texture, repeats, tint)
        upper = low + box.height_m * UP + 0.5 * (box.length_m * along + box.width_m * left)
        lower = low + 0.5 * (box.length_m * along + box.width_m * left)
        self.quad(upper, -box.width_m * left, -box.length_m * along, sides if top is None else top, repeats, tint)
        if box.bottom_m > 0.3:
            self.quad(lower - box.length_m * along, -box.width_m * left, box.length_m * along, sides, repeats, tint)
        if solid:
            self.solids.append(box)

    def sheets(
        self, x_m: float, y_m: float, bottom_m: float, size_m: float, texture: int, turns: Sequence[float]
    ) -> None:
        """Upright sheets with holes through one axis: leaves."""
        for turn in turns:
            right = np.array([math.cos(turn), math.sin(turn), 0.0])
            corner = np.array([x_m, y_m, bottom_m + size_m]) - 0.5 * size_m * right
            self.quad(corner, size_m * right, -size_m * UP, texture, sheet=True)

    def quads(self) -> Quads:
        """All quads as arrays."""
        corner, across, down, texture, repeats, tint, kind = zip(*self.rows, strict=True)
        return Quads(
            np.array(corner), np.array(across), np.array(down), np.array(texture, np.int64),
            np.array(repeats, float), np.array(tint, float), np.array(kind, np.int64),
        )  # fmt: skip

    def atlas(self) -> TextureAtlas:
        """All textures."""
        return make_atlas(self.textures)

    def hulls(self) -> Solids:
        """All solids as arrays."""
        boxes = np.array(self.solids, float).reshape(-1, 7)
        centre = boxes[:, :3] + np.stack([0 * boxes[:, 0], 0 * boxes[:, 0], 0.5 * boxes[:, 5]], axis=1)
        return Solids(centre, 0.5 * boxes[:, 3:6], boxes[:, 6].copy())
