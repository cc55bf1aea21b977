"""Adaptation that turns back and forth is seen and frozen."""

from collections import deque

from pydantic import Field

from snn_core.config import Config


class OscillationConfig(Config):
    """How much turning is too much."""

    oscillation_reversals: int = Field(10, ge=2, le=1000, description="reversals of a rate that count as oscillation")
    oscillation_s: float = Field(20.0, gt=0, le=3600, description="window of oscillation_reversals (s)")
    freeze_s: float = Field(30.0, gt=0, le=3600, description="time that an oscillating rate is frozen at nominal (s)")


class Oscillation:
    """Counts the reversals of one dial."""

    def __init__(self, config: OscillationConfig) -> None:
        self.config = config
        self.limit = config.oscillation_reversals
        self.reset()

    def reset(self) -> None:
        """Forget every turn."""
        self.rising: bool | None = None
        self.reversals_s: deque[float] = deque(maxlen=self.limit)
        self.frozen_s: float | None = None

    def turned(self, up: bool, now_s: float) -> None:
        """The dial was turned."""
        if self.rising is not None and up != self.rising:
            self.reversals_s.append(now_s)
            if len(self.reversals_s) == self.limit and 0.0 <= now_s - self.reversals_s[0] <= self.config.oscillation_s:
                self.frozen_s = now_s
        self.rising = up

    def frozen(self, now_s: float) -> bool:
        """Whether the dial must stay at nominal now."""
        if self.frozen_s is None:
            return False
        if 0.0 <= now_s - self.frozen_s < self.config.freeze_s:
            return True
        self.reset()
        return False
