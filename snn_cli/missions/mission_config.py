"""Missions as data: what is flown where, in which condition, and what counts as success."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from sim_worlds.robot_config import RobotConfig
from sim_worlds.robot_faults import TimedFault
from snn_cli.missions.autopilot import PilotConfig
from snn_control.route_follower import FollowerConfig
from snn_core.config import Config
from snn_core.errors import ConfigError
from snn_core.resources import missions_dir


class Mission(Config):
    """What every mission has."""

    name: str = Field(description="name of the mission")
    about: str = Field(description="one line for people")
    scene: str = Field(description="scene to fly in")
    condition: str = Field("summer", description="condition that it is flown in")
    robot: RobotConfig = Field(RobotConfig(), description="sensors and body")
    pilot: PilotConfig = Field(PilotConfig(), description="controllers and odometry")
    faults: list[TimedFault] = Field([], description="what breaks on purpose while it is flown, and when")


class RouteMission(Mission):
    """Teach a route in one condition, then follow it in another."""

    kind: Literal["route"]
    repeat_in: list[str] = Field([], description="conditions to follow it in, one after the other; empty = condition")
    taught_in: str = Field("summer", description="condition in which the route is taught")
    from_m: float = Field(0.5, ge=0, description="where on the scene's route it begins (m)")
    to_m: float = Field(1e6, gt=0, description="where it ends at the latest (m)")
    spacing_m: float = Field(0.5, gt=0.05, le=10, description="distance between taught places (m)")
    place_every_s: float = Field(0.5, gt=0, le=10, description="time between two place recognitions (s)")
    shift_every_s: float = Field(0.2, gt=0, le=10, description="time between two image shifts (s)")
    sequence: int = Field(8, ge=1, le=100, description="images matched together")
    min_correlation: float = Field(0.15, ge=-1, le=1, description="image shifts that match worse are left out")
    follower: FollowerConfig = Field(FollowerConfig(), description="observer and steering")
    beside_m: float = Field(0.2, ge=0, le=10, description="largest offset from the taught start (m)")
    turned_rad: float = Field(0.05, ge=0, le=1, description="largest turn from the taught heading at the start (rad)")
    arrive_within_m: float = Field(2.0, gt=0, le=100, description="distance from the taught end that is arrival (m)")
    robots: int = Field(1, ge=1, le=2, description="2: each teaches half of the route, and flies all of it")


class HoldMission(Mission):
    """Hold height, heading and position over ground in drafts."""

    kind: Literal["hold"]
    duration_s: float = Field(60.0, gt=5, le=3600, description="how long (s)")
    within_m: float = Field(1.0, gt=0, le=100, description="largest distance from the start that is success (m)")


class ProfileMission(Mission):
    """Follow a profile of heights while flying along a street."""

    kind: Literal["profile"]
    heights_m: list[float] = Field(min_length=1, description="heights, one after the other (m)")
    hold_s: float = Field(20.0, gt=1, le=600, description="time for each (s)")
    speed_mps: float = Field(0.5, ge=0, le=2, description="speed meanwhile (m/s)")
    within_m: float = Field(0.1, gt=0, le=10, description="error at the end of each height that is success (m)")


class AvoidMission(Mission):
    """Something approaches; get out of its way, warned by event motion alone."""

    kind: Literal["avoid"]
    approaches: int = Field(1, ge=1, le=10_000, description="random approaches")
    speeds_mps: tuple[float, float] = Field((0.5, 2.0), description="slowest and fastest approach (m/s)")
    warn_s: float = Field(3.0, gt=0.2, le=20, description="time to contact below which it moves away (s)")
    calm_s: float = Field(60.0, ge=1, le=3600, description="time without an approach, in which alarms are false (s)")
    rise_m: float = Field(1.4, gt=0, le=10, description="how far up or down it moves out of the way (m)")
    miss_m: float = Field(0.0, ge=0, le=10, description="least free space that is success (m)")


AnyMission = Annotated[
    RouteMission | HoldMission | ProfileMission | AvoidMission, Field(discriminator="kind")
]  # fmt: skip
_ADAPTER: TypeAdapter[AnyMission] = TypeAdapter(AnyMission)


def mission_names() -> list[str]:
    """Names of the shipped missions."""
    return sorted(path.stem for path in missions_dir().glob("*.yaml"))


def load_mission(name: str) -> AnyMission:
    """A shipped mission by its name, or a file.

    Raises:
        ConfigError: there is none, or it is wrong.
    """
    path = Path(name) if name.endswith(".yaml") else missions_dir() / f"{name}.yaml"
    if not path.is_file():
        raise ConfigError(f"unknown mission '{name}': expected one of {', '.join(mission_names())}, or a .yaml file")
    try:
        return _ADAPTER.validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise ConfigError(f"{path}: {where}: {fault['msg'].lower()}, got {fault['input']!r}") from None
