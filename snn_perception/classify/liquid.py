"""A liquid state machine: random recurrent synapses, never trained, and spike counts for a linear read-out.

Neurons stand on a grid; the nearer two are, the more likely a synapse: C exp(-(d / lambda)^2), C by the kinds of both
(Maass, Natschlaeger, Markram 2002; constants after NALSM, Ivanov and Michmizos 2021). Inputs come from the pixels
around the place that a neuron's column looks at. Synapses from inhibitory to excitatory neurons balance the network by
themselves, without labels: they grow when both fire and shrink when only the first does, until every neuron fires at
its rate (Vogels et al. 2011).
"""

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_perception.classify.labelled_recordings import LabelledRecordings, Whole
from snn_perception.classify.liquid_kernels import Synapses, run_liquid
from snn_perception.classify.spike_counts import Floats
from snn_perception.events.batch import EventBatch


class LiquidConfig(Config):
    """Structure and constants of the liquid."""

    side: int = Field(17, ge=1, le=200, description="neurons along either side of the grid, which spans the sensor")
    depth: int = Field(7, ge=1, le=200, description="neurons in each column")
    inhibitory: float = Field(0.2, ge=0, le=1, description="share of inhibitory neurons")
    reach: float = Field(3.0, gt=0, le=100, description="lambda of recurrent synapses (neurons of the grid)")
    density: tuple[float, float, float, float] = Field((0.2, 0.1, 0.3, 0.05), description="C of EE, EI, IE and II")
    strength: float = Field(0.08, ge=0, le=10, description="mean weight of a recurrent synapse (thresholds)")
    input_reach: float = Field(2.5, gt=0, le=1000, description="lambda of input synapses (pixels)")
    input_density: float = Field(0.6, ge=0, le=1, description="C of input synapses")
    input_strength: float = Field(0.6, ge=0, le=10, description="standard deviation of their weights (thresholds)")
    tau_ms: float = Field(30.0, gt=0, le=10_000, description="time constant of membranes and traces (ms)")
    refractory_ms: int = Field(2, ge=0, le=1000, description="silence after a spike (ms)")
    rate_hz: float = Field(20.0, gt=0, le=500, description="rate that inhibition settles at (Hz)")
    learning: float = Field(0.002, ge=0, le=1, description="step of inhibitory weights (thresholds)")
    windows: int = Field(3, ge=1, le=100, description="parts of a sample in which spikes are counted")
    seed: int = Field(0, ge=0, description="seed of the wiring")

    @property
    def neurons(self) -> int:
        """How many there are."""
        return self.side**2 * self.depth


class Liquid:
    """Wiring, drawn from the seed, and the inhibitory weights, which may adapt."""

    def __init__(self, width: int, height: int, config: LiquidConfig) -> None:
        self.config, self.width, self.height = config, width, height
        rng = np.random.default_rng([config.seed, 7])
        grid = np.indices((config.side, config.side, config.depth)).reshape(3, -1).T
        self.is_inhibitory = rng.permutation(config.neurons) < round(config.inhibitory * config.neurons)
        self.inputs = self._input_synapses(grid, rng)
        self.recurrent = self._recurrent_synapses(grid, rng)
        self.incoming = self._plastic_synapses()

    def _input_synapses(self, grid: Whole, rng: np.random.Generator) -> Synapses:
        """From (polarity, row, column) to the neurons whose column looks there; weights of either sign."""
        scale = np.array([self.height, self.width]) / self.config.side
        looks_at = (grid[:, :2] + 0.5) * scale - 0.5
        pixels = np.indices((self.height, self.width)).reshape(2, -1).T
        squared = ((pixels[:, None] - looks_at[None]) ** 2).sum(axis=2)
        likely = self.config.input_density * np.exp(-squared / self.config.input_reach**2)
        there = rng.random((2, *likely.shape)) < likely
        source, target = np.nonzero(there.reshape(-1, self.config.neurons))
        weight = rng.normal(0, self.config.input_strength, len(source))
        return _sparse(source, target, weight, 2 * self.width * self.height)

    def _recurrent_synapses(self, grid: Whole, rng: np.random.Generator) -> Synapses:
        squared = ((grid[:, None] - grid[None]) ** 2).sum(axis=2)
        kinds = 2 * self.is_inhibitory[:, None] + self.is_inhibitory[None]
        likely = np.array(self.config.density)[kinds.astype(np.int64)] * np.exp(-squared / self.config.reach**2)
        np.fill_diagonal(likely, 0.0)
        source, target = np.nonzero(rng.random(likely.shape) < likely)
        weight = rng.uniform(0, 2 * self.config.strength, len(source)) * np.where(self.is_inhibitory[source], -1, 1)
        return _sparse(source, target, weight, self.config.neurons)

    def _plastic_synapses(self) -> tuple[Whole, Whole, Whole]:
        """Synapses from inhibitory to excitatory neurons, by their target: first, synapse, source."""
        source = np.repeat(np.arange(self.config.neurons), np.diff(self.recurrent.first))
        plastic = np.flatnonzero(self.is_inhibitory[source] & ~self.is_inhibitory[self.recurrent.target])
        target = self.recurrent.target[plastic]
        order = np.argsort(target, kind="stable")
        first = np.concatenate([[0], np.cumsum(np.bincount(target, minlength=self.config.neurons))])
        return first, plastic[order], source[plastic][order]

    def listen(self, batch: EventBatch, window_us: int, adapt: bool = False) -> Floats:
        """Spike counts (window, neuron) of a sample whose clock begins at 0; inhibition adapts while it listens."""
        config = self.config
        pixel = (batch.on.astype(np.int64) * self.height + batch.y) * self.width + batch.x
        steps = window_us // 1000
        counts = np.zeros((config.windows, config.neurons), np.float32)
        learning = config.learning if adapt else 0.0
        run_liquid(
            batch.t_us // 1000, pixel, steps, self.inputs, self.recurrent, self.incoming, self.is_inhibitory,
            np.float32(np.exp(-1.0 / config.tau_ms)), config.refractory_ms, np.float32(learning),
            np.float32(2e-3 * config.rate_hz * config.tau_ms), counts,
        )  # fmt: skip
        return counts


def _sparse(source: Whole, target: Whole, weight: NDArray, sources: int) -> Synapses:
    first = np.concatenate([[0], np.cumsum(np.bincount(source, minlength=sources))])
    return Synapses(first.astype(np.int64), target.astype(np.int64), weight.astype(np.float32))


def liquid_features(
    liquid: Liquid, data: LabelledRecordings, chosen: Whole, window_us: int, adapt: bool = False
) -> Floats:
    """Features (sample, window * neuron) of the chosen samples."""
    return np.stack([liquid.listen(data.sample(int(k)), window_us, adapt).reshape(-1) for k in chosen])
