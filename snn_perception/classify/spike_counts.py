"""Events as counts of input spikes for each time step, as they are or seen through a random warp."""

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_perception.classify.labelled_recordings import LabelledRecordings, Whole
from snn_perception.events.batch import EventBatch

Counts = NDArray[np.uint8]  # (sample, step, polarity, row, column)
Floats = NDArray[np.float32]


class InputConfig(Config):
    """How events reach the first layer."""

    width: int = Field(gt=0, le=8192, description="sensor width (px)")
    height: int = Field(gt=0, le=8192, description="sensor height (px)")
    pooling: int = Field(1, ge=1, le=512, description="sensor pixels a side that share an input neuron")
    steps: int = Field(21, ge=1, le=1000, description="time steps of a sample")
    step_us: int = Field(15_000, ge=1, le=10_000_000, description="length of a time step (us)")
    most: int = Field(3, ge=1, le=255, description="most spikes of an input neuron in a step")

    @property
    def columns(self) -> int:
        """Input neurons in a row."""
        return -(-self.width // self.pooling)

    @property
    def rows(self) -> int:
        """Rows of input neurons."""
        return -(-self.height // self.pooling)

    @property
    def window_us(self) -> int:
        """Length of a sample."""
        return self.steps * self.step_us


class WarpConfig(Config):
    """Random changes of a sample that leave its class alone; zeros leave everything."""

    shift: float = Field(2.0, ge=0, le=100, description="largest shift (input neurons)")
    turn: float = Field(0.2, ge=0, le=3.15, description="largest turn (rad)")
    scale: float = Field(0.15, ge=0, le=0.9, description="largest change of size, of width against height, and shear")
    bend: float = Field(1.2, ge=0, le=20, description="standard deviation of elastic displacement (input neurons)")
    drop: float = Field(0.3, ge=0, le=0.99, description="largest share of events that is dropped")
    stretch: float = Field(0.1, ge=0, le=0.9, description="largest change of tempo")


def count_spikes(batch: EventBatch, config: InputConfig) -> Counts:
    """Counts (step, polarity, row, column) of one sample whose clock begins at 0; what comes later is left out."""
    counts = np.zeros((config.steps, 2, config.rows, config.columns), np.uint8)
    _count(batch.x, batch.y, batch.t_us, batch.on, config.pooling, config.step_us, config.most, counts)
    return counts


def count_samples(data: LabelledRecordings, chosen: Whole, config: InputConfig) -> Counts:
    """Counts of the chosen samples."""
    counts = np.zeros((len(chosen), config.steps, 2, config.rows, config.columns), np.uint8)
    for k, sample in enumerate(chosen):
        counts[k] = count_spikes(data.sample(int(sample)), config)
    return counts


def warp_samples(
    data: LabelledRecordings, chosen: Whole, config: InputConfig, warp: WarpConfig, rng: np.random.Generator
) -> Counts:
    """Counts of the chosen samples, each turned, bent, thinned and hurried in its own way."""
    counts = np.zeros((len(chosen), config.steps, 2, config.rows, config.columns), np.uint8)
    for k, sample in enumerate(chosen):
        batch = data.sample(int(sample))
        draws = rng.random((len(batch), 3), dtype=np.float32)
        _count_warped(
            batch.x, batch.y, batch.t_us, batch.on, config.pooling,
            config.step_us / (1 + _within(warp.stretch, rng)), config.most,
            displacement(config.rows, config.columns, warp, rng), rng.random() * warp.drop, draws, counts[k],
        )  # fmt: skip
    return counts


def displacement(rows: int, columns: int, warp: WarpConfig, rng: np.random.Generator) -> Floats:
    """Where each input neuron goes, (x or y, row, column): an affine map about the middle and a smooth bend."""
    angle, size, aspect, shear = (_within(most, rng) for most in (warp.turn, *3 * (warp.scale,)))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[1 + size + aspect / 2, shear], [0.0, 1 + size - aspect / 2]]) - np.eye(2)
    x, y = np.arange(columns) - (columns - 1) / 2, np.arange(rows)[:, None] - (rows - 1) / 2
    field = np.stack([m[0] * x + m[1] * y + _within(warp.shift, rng) for m in matrix])
    return (field + warp.bend * _smooth(rows, columns, rng)).astype(np.float32)


def _smooth(rows: int, columns: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Two random fields of unit variance whose bends are about a quarter of the picture long (Simard et al. 2003)."""
    f2 = np.fft.fftfreq(rows)[:, None] ** 2 + np.fft.rfftfreq(columns)[None] ** 2
    blur = np.exp(-2 * np.pi**2 * (0.12 * max(rows, columns)) ** 2 * f2)
    blur[0, 0] = 0.0
    field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((2, rows, columns))) * blur, s=(rows, columns))
    return field / (field.std() or 1.0)


def _within(most: float, rng: np.random.Generator) -> float:
    return most * rng.uniform(-1.0, 1.0)


@njit(cache=True, nogil=True)
def _count(x, y, t_us, on, pooling, step_us, most, counts):
    for k in range(len(x)):
        step = t_us[k] // step_us
        if 0 <= step < counts.shape[0]:
            at = step, np.int64(on[k]), y[k] // pooling, x[k] // pooling
            if counts[at] < most:
                counts[at] += 1


@njit(cache=True, nogil=True)
def _count_warped(x, y, t_us, on, pooling, step_us, most, field, drop, draws, counts):
    """As `_count`; places between two neurons are drawn, so that the grid leaves no pattern."""
    for k in range(len(x)):
        step = np.int64(t_us[k] / step_us)
        row, column = y[k] // pooling, x[k] // pooling
        if draws[k, 0] < drop or step >= counts.shape[0]:
            continue
        i = np.int64(np.floor(row + field[1, row, column] + draws[k, 1]))
        j = np.int64(np.floor(column + field[0, row, column] + draws[k, 2]))
        if 0 <= i < counts.shape[2] and 0 <= j < counts.shape[3]:
            at = step, np.int64(on[k]), i, j
            if counts[at] < most:
                counts[at] += 1
