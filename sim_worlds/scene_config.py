"""Scenes and the conditions that they are seen in, as data."""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field

from snn_core.config import Config, nearest
from snn_core.errors import ConfigError
from snn_core.resources import scenes_dir

Point = tuple[float, float]
Range = tuple[float, float]
Kind = Literal[
    "house", "wall", "tree", "bush", "car", "lamp", "fence", "bin", "sign", "crate", "shelf", "column"
]  # fmt: skip
CONDITIONS = "conditions.yaml"


class GroundConfig(Config):
    """What lies underfoot."""

    material: Literal["paving", "lino", "concrete"] = Field("paving", description="how it looks")
    colour: tuple[float, float, float] = Field((128, 128, 128), description="mean colour, 0 to 255")
    tile_m: float = Field(2.0, gt=0.1, le=100, description="side of what its texture shows once (m)")


class ElementConfig(Config):
    """Things of one kind: at stations along the route, or at given places."""

    kind: Kind = Field(description="what it is")
    side: Literal["left", "right", "both"] = Field("both", description="side of the route")
    every_m: float = Field(10.0, gt=0.2, le=1000, description="distance between stations (m)")
    jitter_m: float = Field(0.0, ge=0, le=100, description="how far along the route it may stand from its station (m)")
    offset_m: float = Field(3.0, ge=0, le=100, description="distance from the route (m)")
    height_m: Range = Field((1.0, 1.0), description="least and greatest height (m)")
    skip: float = Field(0.0, ge=0, le=1, description="share of stations left empty")
    at: list[tuple[float, float, float]] = Field([], description="places x, y (m) and yaw (rad) instead of stations")


class SceneConfig(Config):
    """A place to fly in, with a route through it."""

    name: str = Field(description="name of the scene")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="seed of everything that its textures and jitter draw")
    route_m: list[Point] = Field(min_length=2, description="corners of the route (m)")
    corner_radius_m: float = Field(3.0, ge=0.1, le=100, description="radius of the bends at most (m)")
    clearance_m: float = Field(1.0, ge=0, le=100, description="what stands nearer to the route is left out (m)")
    ceiling_m: float = Field(0.0, ge=0, le=100, description="height of the ceiling (m), 0 = open sky")
    room_m: tuple[float, float, float, float] | None = Field(
        None, description="walls x0, y0, x1, y1 around all (m), up to the ceiling or to 3 m"
    )
    ground: GroundConfig = Field(GroundConfig.model_construct(), description="the floor")
    elements: list[ElementConfig] = Field([], description="what stands there")


class ConditionConfig(Config):
    """When and how a scene is seen."""

    season: Literal["summer", "autumn", "winter"] = Field("summer", description="colours and leaves")
    light: Literal["day", "overcast", "evening"] = Field("day", description="sun, clouds, or a low red sun")
    snow: float = Field(0.0, ge=0, le=1, description="share of the ground under snow")
    leaves_on_ground: float = Field(0.0, ge=0, le=1, description="share of the ground under leaves")
    visibility_m: float = Field(400.0, ge=2, le=100_000, description="distance at which 1/e of a contrast is left (m)")
    moved: float = Field(0.0, ge=0, le=1, description="share of movable things that stand elsewhere")
    people_per_100m: float = Field(0.0, ge=0, le=100, description="people walking along 100 m of route")


def scene_names() -> list[str]:
    """Names of the shipped scenes."""
    return sorted(path.stem for path in scenes_dir().glob("*.yaml") if path.name != CONDITIONS)


def load_scene(name: str) -> SceneConfig:
    """A shipped scene by its name, or a file.

    Raises:
        ConfigError: there is none, or it is wrong.
    """
    path = Path(name) if name.endswith(".yaml") else scenes_dir() / f"{name}.yaml"
    if not path.is_file():
        raise ConfigError(f"unknown scene '{name}': expected one of {', '.join(scene_names())}, or a .yaml file")
    return SceneConfig.load(path)


def load_conditions() -> dict[str, ConditionConfig]:
    """All shipped conditions by name."""
    path = scenes_dir() / CONDITIONS
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {name: ConditionConfig.check(fields, f"{path}: {name}") for name, fields in values.items()}


def load_condition(name: str) -> ConditionConfig:
    """A condition by name, or a ConfigError that lists the names."""
    known = load_conditions()
    if name not in known:
        raise ConfigError(
            f"unknown condition '{name}', {nearest(name, list(known))} expected one of {', '.join(known)}"
        )
    return known[name]
