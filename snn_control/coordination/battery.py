"""What is left in the battery: less sensing first, then the mission."""

import math
from enum import IntEnum

from pydantic import Field, model_validator

from snn_core.config import Config

HYSTERESIS = 0.05


class BatteryConfig(Config):
    """When the battery has a say."""

    battery_low: float = Field(0.3, ge=0, le=1, description="charge below which less is sensed (share)")
    battery_critical: float = Field(0.15, ge=0, le=1, description="charge below which the mission ends (share)")

    @model_validator(mode="after")
    def _falling(self) -> "BatteryConfig":
        if self.battery_critical > self.battery_low:
            raise ValueError(f"battery_critical {self.battery_critical} exceeds battery_low {self.battery_low}")
        return self


class Charge(IntEnum):
    """How much is left, worst last."""

    FULL = 0
    LOW = 1
    CRITICAL = 2


MISSION = {Charge.FULL: "go on", Charge.LOW: "go on, sense less", Charge.CRITICAL: "land"}


def next_charge(before: Charge, share: float, config: BatteryConfig) -> Charge:
    """The state after a reading; what is not known (NaN, or outside 0 to 1) changes nothing.

    A loaded battery sags: the way back needs a share that is clearly higher.
    """
    if math.isnan(share) or not 0.0 <= share <= 1.0:
        return before
    for charge, limit in ((Charge.CRITICAL, config.battery_critical), (Charge.LOW, config.battery_low)):
        if share < limit + (HYSTERESIS if before >= charge else 0.0):
            return charge
    return Charge.FULL
