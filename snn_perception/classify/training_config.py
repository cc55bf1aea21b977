"""How a classifier learns: what a user may choose, known without torch."""

from typing import Literal

from pydantic import Field

from snn_core.config import Config
from snn_perception.classify.spike_counts import WarpConfig


class TrainingConfig(Config):
    """How a network learns."""

    method: Literal["bptt", "sltt"] = Field("bptt", description="gradients through all of time, or step by step")
    epochs: int = Field(60, ge=1, le=10_000, description="passes over the samples")
    batch: int = Field(40, ge=1, le=10_000, description="samples of a step")
    rate: float = Field(3e-3, gt=0, le=1, description="largest step size of AdamW")
    delay_rate: float = Field(0.03, ge=0, le=10, description="largest step size of delays (steps)")
    decay: float = Field(0.01, ge=0, le=1, description="weight decay")
    dropout: float = Field(0.3, ge=0, lt=1, description="share of features that the read-out does without")
    smoothing: float = Field(0.05, ge=0, lt=1, description="share of the wanted answer that is spread over all classes")
    tap_width: float = Field(1.5, gt=0, le=100, description="standard deviation of the taps at first (steps)")
    last_width: float = Field(0.25, gt=0, le=100, description="standard deviation of the taps before they are rounded")
    rounded: float = Field(0.2, ge=0, le=1, description="share of the epochs, at the end, in which delays are whole")
    deaf: int = Field(4, ge=0, description="first steps whose evidence is not judged")
    warp: WarpConfig = Field(default_factory=lambda: WarpConfig(), description="random changes of the samples")
    seed: int = Field(0, ge=0, description="seed of weights, order and changes")

    def width_at(self, epoch: int) -> float:
        """Width of the taps in an epoch: it falls by the same factor each time, and is 0 once delays are whole."""
        learning = round(self.epochs * (1 - self.rounded))
        if epoch >= learning:
            return 0.0
        return float(self.tap_width * (self.last_width / self.tap_width) ** (epoch / max(learning - 1, 1)))
