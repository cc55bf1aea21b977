"""The spiking controller and its PID twin fly along side by side: does one of them see another world?

Neither is the truth, and they differ in every transient. So the comparison looks at the smoothed difference, which in a
healthy flight stays within a band; only one that lasts is an alarm.
"""

import math

from pydantic import Field

from snn_core.config import Config

SMOOTH_S = 3.0


class ShadowConfig(Config):
    """When the two disagree."""

    shadow_band: float = Field(4.0, gt=0, le=20, description="smoothed difference that is no sign of a fault (command)")
    shadow_after_s: float = Field(3.0, gt=0, le=600, description="time beyond the band that is an alarm (s)")
    shadow_worse_m: float = Field(0.3, gt=0, le=100, description="error at which an alarm hands over to the PID (m)")


class Shadow:
    """Compares two commands over time."""

    def __init__(self, config: ShadowConfig) -> None:
        self.config = config
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        self.difference, self.beyond_s, self.at_s = 0.0, 0.0, math.nan

    def compare(self, snn: float, pid: float, now_s: float) -> bool:
        """Whether the disagreement has lasted too long. A gap or a set clock begins anew."""
        dt = now_s - self.at_s
        if not 0.0 <= dt <= 1.0:
            self.reset()
            dt = 0.0
        self.at_s = now_s
        self.difference += (snn - pid - self.difference) * (1.0 - math.exp(-dt / SMOOTH_S))
        self.beyond_s = self.beyond_s + dt if abs(self.difference) > self.config.shadow_band else 0.0
        return self.alarm

    @property
    def alarm(self) -> bool:
        """Whether the two have disagreed for too long."""
        return self.beyond_s >= self.config.shadow_after_s
