"""What may differ between the world that a controller was made for and the one that it meets, as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim_worlds.blimp import BlimpParams, blimp_params
from sim_worlds.lidar import LidarParams
from snn_core.errors import ConfigError

Array = NDArray[np.float64]
Condition = Mapping[str, float]
"""Levels of the factors that are off their nominal value, by name; {} is the nominal world."""

BALLAST_G_PER_MPS2 = 5.0 / 0.12  # 5 g of ballast pull a blimp of 0.4 kg, its air included, down by 0.12 m/s^2


@dataclass(frozen=True)
class Factor:
    """One thing that a robot's maker cannot fix for good."""

    name: str
    unit: str
    fields: tuple[str, ...]  # of BlimpParams or of LidarParams, the same level for all
    levels: tuple[float, ...]
    scales: bool = False  # a level multiplies the world's own values instead of replacing them

    def nominal(self, world: str) -> float:
        """The level at which nothing is changed."""
        return 1.0 if self.scales else float(_own(world, self.fields[0]))

    def levels_in(self, world: str) -> tuple[float, ...]:
        """The levels to fly, ascending, with the nominal one among them."""
        return tuple(sorted({*self.levels, self.nominal(world)}))

    def label(self, level: float) -> str:
        """A level for people, with the ballast that a buoyancy stands for."""
        text = f"{level:.3g} {self.unit}"
        return f"{text} ({ballast_g(self, level):+.1f} g of ballast)" if self.name == "buoyancy" and level else text


FACTORS = {
    factor.name: factor
    for factor in (
        Factor("buoyancy", "m/s²", ("buoyancy_mps2",), (-0.18, -0.12, -0.06, 0.0, 0.06, 0.12, 0.18)),
        Factor("thrust_gain", "×", ("thrust_gain",), (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3)),
        Factor("dead_time", "s", ("dead_time_s",), (0.0, 0.1, 0.2, 0.4, 0.5, 0.6)),
        Factor("drag", "×", ("drag_per_s", "drag_per_m"), (0.5, 0.7, 1.0, 1.4, 2.0), scales=True),
        Factor("lidar_noise", "m", ("noise_m",), (0.0, 0.01, 0.02, 0.03, 0.05)),
        Factor("drop_outs", "share", ("dropout",), (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)),
        Factor("jitter", "s", ("jitter_s",), (0.0, 0.05, 0.1, 0.15, 0.2, 0.3)),
        Factor("servo", "s", ("servo_s",), (0.0, 0.1, 0.2, 0.3, 0.4)),
        Factor("draft", "m/s²", ("draft_std_mps2",), (0.0, 0.005, 0.01, 0.015, 0.02, 0.03)),
    )
}


def ballast_g(factor: Factor, level: float) -> float | None:
    """Grams of ballast that a level of the buoyancy stands for, positive = heavy; None for other factors."""
    return -level * BALLAST_G_PER_MPS2 if factor.name == "buoyancy" else None


def _own(world: str, field: str) -> float | Array:
    """What the unchanged world has in a field of its physics or of its lidar."""
    if field in BlimpParams._fields:
        return float(getattr(blimp_params(world), field)[0])
    own: float | Array = getattr(LidarParams(), field)
    return own


def perturbed(world: str, conditions: Sequence[Condition]) -> tuple[BlimpParams, LidarParams]:
    """Physics and lidar of one world per condition; raises ConfigError for an unknown factor or impossible physics."""
    unknown = {name for condition in conditions for name in condition} - set(FACTORS)
    if unknown:
        raise ConfigError(f"unknown factor {sorted(unknown)}: expected one of {', '.join(FACTORS)}")
    values: dict[str, Array] = {}
    for factor in FACTORS.values():
        level = np.array([condition.get(factor.name, factor.nominal(world)) for condition in conditions])
        for field in factor.fields:
            values[field] = level * _own(world, field) if factor.scales else level
    physics = {field: value for field, value in values.items() if field in BlimpParams._fields}
    lidar: dict[str, Any] = {field: value for field, value in values.items() if field not in physics}
    return blimp_params(world, len(conditions), **physics), LidarParams(**lidar)
