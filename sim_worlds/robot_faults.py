"""What may be broken on a robot while it flies, and a robot that breaks at stated times."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field

from sim_worlds.renderer import Array
from sim_worlds.robot import Events, Robot, Senses
from sim_worlds.robot_config import RobotConfig
from sim_worlds.scene import Scene
from snn_core.config import Config


class FaultConfig(Config):
    """What may be broken while it flies."""

    lose_range: bool = Field(False, description="fault: the lidar reports nothing")
    stuck_range: bool = Field(False, description="fault: the lidar repeats one range")
    blind_camera: bool = Field(False, description="fault: the image is black")
    silent_events: bool = Field(False, description="fault: the event camera sends empty packets")
    gyro_offset_radps: float = Field(0.0, ge=-1, le=1, description="fault: what the yaw gyro adds (rad/s)")
    dead_motors: bool = Field(False, description="fault: the motors do not turn")


FAULTS = tuple(FaultConfig.model_fields)


class FaultInjector:
    """Between the sensors and whoever reads them."""

    def __init__(self) -> None:
        self.stuck_m: float | None = None

    def take(self, senses: Senses, faults: FaultConfig) -> Senses:
        """The senses with these faults."""
        changes = dict[str, Any]()
        self.stuck_m = (senses.range_m if self.stuck_m is None else self.stuck_m) if faults.stuck_range else None
        if self.stuck_m is not None:
            changes["range_m"] = self.stuck_m
        if faults.lose_range:
            changes["range_m"] = math.nan
        if faults.blind_camera:
            changes["image"] = np.zeros_like(senses.image)
        if faults.silent_events:
            x, y, t_us, on = senses.events
            changes["events"] = Events(x[:0], y[:0], t_us[:0], on[:0])
        changes["gyro_radps"] = senses.gyro_radps + np.array([0.0, 0.0, faults.gyro_offset_radps])
        return senses._replace(**changes)


class TimedFault(FaultConfig):
    """Faults that hold for a while."""

    from_s: float = Field(0.0, ge=0, le=100_000, description="when they begin (s)")
    for_s: float = Field(100_000.0, gt=0, le=100_000, description="how long they last (s)")

    def active(self, time_s: float) -> bool:
        """Whether they hold now."""
        return self.from_s <= time_s < self.from_s + self.for_s

    def __str__(self) -> str:
        names = [name for name in FAULTS if getattr(self, name)]
        return f"{', '.join(names)} from {self.from_s:g} s for {self.for_s:g} s"


class FaultyRobot(Robot):
    """A robot of which parts break at stated times."""

    def __init__(
        self, scene: Scene, config: RobotConfig, seed: int, start: tuple[float, float, float, float],
        faults: Sequence[TimedFault] = (),
    ) -> None:  # fmt: skip
        super().__init__(scene, config, seed, start)
        self.faults, self.injector = faults, FaultInjector()

    def advance(self, commands: Array) -> Senses:
        """Fly one period; what is sensed at its end has the faults that hold now."""
        active = [fault for fault in self.faults if fault.active(self.time_s)]
        joined = FaultConfig(
            gyro_offset_radps=float(np.clip(sum(fault.gyro_offset_radps for fault in active), -1.0, 1.0)),
            **{name: any(getattr(fault, name) for fault in active) for name in FAULTS if name != "gyro_offset_radps"},
        )
        senses = super().advance(np.zeros(3) if joined.dead_motors else commands)
        return self.injector.take(senses, joined)
