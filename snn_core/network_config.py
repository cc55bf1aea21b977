"""Structure of a paired network and the bounds of its parameters."""

from typing import Literal

from pydantic import Field, field_validator

from snn_core.config import Config
from snn_core.network import NetworkParams

HiddenLayer = Literal["lif", "iwta", "recurrent", "recurrent_iwta"]
LEAKS = ("leak_in", "leak_syn", "leak_mem", "leak_trace", "leak_out")
THRESHOLDS = ("threshold_in", "threshold")

# Bounds (low, high) after table I of Burgers et al. 2023. Two differ on purpose: leaks and thresholds start just above
# zero instead of at zero, so that a model file can be checked for leak > 0 and threshold > 0.
PAPER_BOUNDS: dict[str, tuple[float, float]] = {
    "w_in": (-2.0, 2.0),
    "bias": (-1.0, 1.0),
    "leak_in": (1e-3, 1.0),
    "threshold_in": (1e-3, 10.0),
    "w_own": (-2.0, 2.0),
    "w_cross": (-2.0, 2.0),
    "leak_syn": (1e-3, 1.0),
    "leak_mem": (1e-3, 1.0),
    "threshold": (1e-3, 10.0),
    "leak_trace": (1e-3, 1.0),
    "w_threshold": (-1.0, 1.0),
    "w_recurrent": (-1.0, 1.0),
    "w_out": (-1.0, 1.0),
    "leak_out": (1e-3, 1.0),
}


class NetworkConfig(Config):
    """What a network is made of; with 20 pairs it has 40 encoding and 40 hidden neurons."""

    pairs: int = Field(20, ge=1, le=512, description="pairs of neurons per layer")
    hidden: HiddenLayer = Field("lif", description="hidden layer")
    connectivity: Literal["paired", "dense"] = Field("dense", description="adaptation and recurrent matrices")
    opposed: bool = Field(False, description="tie w_cross to -w_own: hidden neurons see only a pair's difference")
    bounds: dict[str, tuple[float, float]] = Field(default_factory=dict, description="bounds that differ from table I")

    @field_validator("bounds")
    @classmethod
    def _known_bounds(cls, value: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
        for name, (low, high) in value.items():
            if name not in PAPER_BOUNDS or not low < high:
                raise ValueError(f"bounds of '{name}' must name a parameter and have low < high")
        return value

    @property
    def neurons(self) -> int:
        """Neurons per layer."""
        return 2 * self.pairs

    @property
    def adaptive(self) -> bool:
        return self.hidden in ("iwta", "recurrent_iwta")

    @property
    def recurrent(self) -> bool:
        return self.hidden in ("recurrent", "recurrent_iwta")

    def bound(self, name: str) -> tuple[float, float]:
        """Bounds of one parameter."""
        return self.bounds.get(name, PAPER_BOUNDS[name])

    def matrix_shape(self, present: bool) -> tuple[int, int]:
        """Shape of an adaptation or recurrent matrix: absent (0, 0), paired (2, N) or dense (N, N)."""
        if not present:
            return (0, 0)
        return (2 if self.connectivity == "paired" else self.neurons, self.neurons)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter of one network."""
        per_neuron = dict.fromkeys(NetworkParams._fields, (self.neurons,))
        matrices = {
            "w_threshold": self.matrix_shape(self.adaptive),
            "w_recurrent": self.matrix_shape(self.recurrent),
        }
        return {**per_neuron, **matrices, "leak_out": ()}
