"""The modular network of Hussaini, Milford and Fischer 2022 ("Spiking neural networks for visual place recognition").

Every region of 25 places has a module of 400 neurons, trained alone. Neurons are assigned to the places that they fire
most for; those that also fire for many places of other regions are hyperactive and silenced.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_core.errors import DataError
from snn_perception.places import paper_kernels
from snn_perception.places.images import Array, Images, resize
from snn_perception.places.networks import Answer
from snn_perception.places.patch_normalisation import patch_normalise

Progress = Callable[[Iterable[Any]], Iterable[Any]]
THRESHOLDS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0)  # share of foreign images; 0 = leave all


class PaperConfig(Config):
    """The network of the paper."""

    region_places: int = Field(25, ge=2, le=1000, description="places of a module")
    neurons: int = Field(400, ge=1, le=10000, description="excitatory neurons of a module")
    side_px: int = Field(28, ge=8, le=128, description="side of the input image (px)")
    patch_px: int = Field(7, ge=3, le=63, description="window of the patch normalisation (px)")
    epochs: int = Field(8, ge=1, le=1000, description="presentations of each reference image")
    recorded: int = Field(300, ge=1, le=100000, description="reference images shown to find hyperactive neurons")
    seed: int = Field(0, ge=0, description="seed of weights and spikes")


class PaperPlaces:
    """Modules of the paper, all places of them at once."""

    def __init__(self, config: PaperConfig | None = None, progress: Progress = iter) -> None:
        self.config = config or PaperConfig()
        self.progress = progress
        self.generator = np.random.default_rng(self.config.seed)
        self.places = 0
        self.weights: Array = np.zeros((0, 0, 0), np.float32)  # (module, input, neuron)
        self.theta_mv: Array = np.zeros((0, 0), np.float32)  # (module, neuron)
        self.place_of: NDArray[np.int64] = np.zeros((0, 0), np.int64)  # (module, neuron); -1 = silenced or silent
        self.threshold = 0.0  # share of foreign images from which a neuron was silenced

    @classmethod
    def of(cls, seed: int, epochs: int | None, progress: Progress) -> "PaperPlaces":
        """The network with a seed, and the default number of epochs unless given."""
        chosen = {"seed": seed} | ({} if epochs is None else {"epochs": epochs})
        return cls(PaperConfig.check(chosen, "options"), progress)

    @property
    def bytes(self) -> int:
        """Size of weights, thresholds and assignment."""
        return self.weights.nbytes + self.theta_mv.nbytes + self.place_of.nbytes

    @property
    def macs(self) -> int:
        """Of all weights, once for each time step, as a clocked implementation computes them."""
        return int(self.weights.size) * paper_kernels.SHOWN_MS

    def pixels(self, images: NDArray) -> Array:
        """Images (image, row, column) as input rates (image, input), 0..1 of the full rate."""
        side = self.config.side_px
        patches = patch_normalise(resize(images, side, side), self.config.patch_px)
        return ((patches + np.float32(1.0)) / np.float32(2.0)).reshape(len(images), -1)

    def learn(self, traverses: list[Images]) -> None:
        """Train all modules, assign their neurons, silence the hyperactive ones.

        Raises:
            DataError: places are known already; this network is trained once.
        """
        if self.places:
            raise DataError("expected an empty network, found one with places; the paper's network is trained once")
        self.places = len(traverses[0])
        inputs = [self.pixels(images) for images in traverses]
        size = self.config.region_places
        rows = [np.minimum(np.arange(first, first + size), self.places - 1) for first in range(0, self.places, size)]
        shown = np.stack([np.concatenate([pixels[row] for pixels in inputs]) for row in rows])
        counts = self.train(shown)
        self._assign(counts.reshape(len(rows), len(traverses), size, -1).mean(axis=1), np.stack(rows))
        self._silence(inputs)

    def train(self, shown: Array) -> NDArray[np.int32]:
        """Run all epochs of images (module, image, input) on new weights; returns the spike counts of the last one."""
        modules, images, inputs = shown.shape
        n = self.config.neurons
        start = (self.generator.random((modules, inputs, n), np.float32) + np.float32(0.01)) * np.float32(0.3)
        self.weights = start
        self.theta_mv = np.full((modules, n), paper_kernels.THETA_START_MV, np.float32)
        everything = np.ones(n, np.bool_)
        for weights in self.weights:
            paper_kernels.normalise(weights, everything)
        counts = np.zeros((modules, images, n), np.int32)
        for _ in self.progress(range(self.config.epochs)):
            paper_kernels.train_epoch(self.weights, self.theta_mv, shown, self.generator, counts)
        for weights in self.weights:
            paper_kernels.normalise(weights, everything)
        return counts

    def _assign(self, counts: NDArray, rows: NDArray[np.int64]) -> None:
        """Each neuron to the place that it fired most for: counts (module, place of region, neuron)."""
        best = np.take_along_axis(rows, counts.argmax(axis=1), axis=1)
        self.place_of = np.where(counts.max(axis=1) > 0, best, -1)

    def _silence(self, inputs: list[Array]) -> None:
        """Choose the threshold of hyperactivity at which the reference images, shown anew, are best told apart."""
        drawn = np.sort(self.generator.permutation(self.places)[: self.config.recorded])
        shown = [(place, pixels[place]) for pixels in inputs for place in drawn]
        counts = np.stack([self._spikes(pixels) for _, pixels in self.progress(shown)])  # (image, module, neuron)
        places = np.array([place for place, _ in shown])
        module = np.arange(len(self.weights))[None] != (places // self.config.region_places)[:, None]
        foreign = ((counts > 0) & module[..., None]).sum(axis=0) / np.maximum(module.sum(axis=0), 1)[:, None]
        assigned, best = self.place_of, -1.0
        for threshold in THRESHOLDS if len(self.weights) > 1 else (0.0,):
            kept = np.where((threshold > 0.0) & (foreign >= threshold), -1, assigned)
            right = float(np.mean([self._scores(c, kept).argmax() == p for c, p in zip(counts, places, strict=True)]))
            if right > best:
                best, self.threshold, self.place_of = right, threshold, kept

    def _spikes(self, pixels: Array) -> NDArray[np.int32]:
        counts = np.zeros(self.theta_mv.shape, np.int32)
        paper_kernels.respond(self.weights, self.theta_mv, pixels, self.generator, counts)
        return counts

    def _scores(self, counts: NDArray[np.int32], place_of: NDArray[np.int64]) -> Array:
        """Mean spikes of each place's neurons (place,)."""
        known = place_of >= 0
        spikes = np.bincount(place_of[known], counts[known], self.places)
        neurons = np.bincount(place_of[known], minlength=self.places)
        return np.asarray(spikes / np.maximum(neurons, 1), np.float32)

    def answer(self, image: Images) -> Answer:
        """Scores of one image (row, column)."""
        pixels = self.pixels(image[None])[0]
        counts, n = self._spikes(pixels), self.config.neurons
        spikes = int(counts.sum())
        expected = float(pixels.sum()) * paper_kernels.FULL_RATE_HZ * paper_kernels.SHOWN_MS / 1e3  # input spikes
        synops = round(expected * counts.size) + spikes * n  # to every neuron, and from each to all of its module
        return Answer(self._scores(counts, self.place_of), float(paper_kernels.SHOWN_MS), spikes, synops)
