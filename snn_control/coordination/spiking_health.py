"""Is a spiking network alive? Silent, hyperactive and saturated networks give commands that look like commands."""

from enum import Enum
from typing import NamedTuple

from pydantic import Field

from snn_core.config import Config


class SpikingConfig(Config):
    """What a healthy network does."""

    silent_after_s: float = Field(2.0, gt=0, le=600, description="silence off the target that means dead (s)")
    hyperactive_share: float = Field(0.95, gt=0, le=1, description="share of neurons that fire in every step")
    hyperactive_after_s: float = Field(2.0, gt=0, le=600, description="hyperactivity that means sick (s)")
    saturated_after_s: float = Field(8.0, gt=0, le=600, description="command at its limit, error not falling (s)")


class SpikeCounts(NamedTuple):
    """Counters of one network since it started; they only grow, and begin anew with the network."""

    spikes: int  # of the neurons that the read-out sees
    neuron_steps: int  # neurons times control steps
    off_target_steps: int  # control steps with an error that calls for action


class SpikingVerdict(str, Enum):
    """State of a network."""

    HEALTHY = "healthy"
    SILENT = "silent"
    HYPERACTIVE = "hyperactive"
    SATURATED = "saturated"


class SpikingHealth:
    """Watches one network through its counters."""

    def __init__(self, config: SpikingConfig, step_s: float) -> None:
        self.config, self.step_s = config, step_s
        self.counts: SpikeCounts | None = None
        self.silent_s = self.hyperactive_s = 0.0
        self.share = 0.0

    def take(self, counts: SpikeCounts) -> SpikingVerdict:
        """New counters; those that fell belong to a network that started anew."""
        before, self.counts = self.counts, counts
        spikes, neuron_steps, off_target = (new - old for new, old in zip(counts, before or counts, strict=True))
        if min(spikes, neuron_steps, off_target) < 0 or spikes > neuron_steps:
            self.silent_s = self.hyperactive_s = 0.0
            return SpikingVerdict.HEALTHY
        if neuron_steps > 0:
            self._learn(spikes, neuron_steps, off_target)
        return self.verdict

    def _learn(self, spikes: int, neuron_steps: int, off_target: int) -> None:
        self.share = spikes / neuron_steps
        self.silent_s = 0.0 if spikes else self.silent_s + off_target * self.step_s
        hyperactive = self.share >= self.config.hyperactive_share
        self.hyperactive_s = self.hyperactive_s + off_target * self.step_s if hyperactive else 0.0

    @property
    def verdict(self) -> SpikingVerdict:
        """What the counters tell."""
        if self.silent_s >= self.config.silent_after_s:
            return SpikingVerdict.SILENT
        if self.hyperactive_s >= self.config.hyperactive_after_s:
            return SpikingVerdict.HYPERACTIVE
        return SpikingVerdict.HEALTHY


class Saturation:
    """A command that stays at its limit although the error does not fall."""

    def __init__(self, config: SpikingConfig, limit: float) -> None:
        self.config, self.limit = config, limit
        self.since_s: float | None = None
        self.error_then_m = 0.0

    def take(self, command: float, error_m: float, now_s: float) -> bool:
        """Whether it lasts too long."""
        if abs(command) < 0.99 * self.limit or (self.since_s is not None and now_s < self.since_s):
            self.since_s = None
            return False
        if self.since_s is None or abs(error_m) < 0.9 * self.error_then_m:  # it helps: count anew
            self.since_s, self.error_then_m = now_s, abs(error_m)
        return now_s - self.since_s >= self.config.saturated_after_s
