"""The fast network: oriented energies, latency code and region modules, for one traverse after the other."""

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_core.errors import DataError
from snn_perception.places.images import Array
from snn_perception.places.latency_code import (
    Adaptation,
    LatencyConfig,
    adaptation_from,
    adaptation_step,
    drive,
    first_spikes,
    unadapted,
)  # fmt: skip
from snn_perception.places.oriented_energy import EnergyConfig, oriented_energies
from snn_perception.places.region_modules import RegionConfig, RegionModules, Responses

PRIOR_IMAGES = 1  # weight of what the neurons were used to before a traverse is learnt


class FastConfig(Config):
    """One fast network."""

    energy: EnergyConfig = Field(default_factory=EnergyConfig, description="retina and oriented filters")
    latency: LatencyConfig = Field(default_factory=LatencyConfig, description="input neurons")
    region: RegionConfig = Field(default_factory=RegionConfig, description="place neurons")
    shuffle: bool = Field(True, description="draw the places of a region at random instead of along the route")
    seed: int = Field(0, ge=0, description="seed of the shuffle, of the replays and of lost spikes")
    lost_spikes: float = Field(0.0, ge=0, le=1, description="share of input spikes that get lost, for ablations")


class FastNetwork:
    """A map of places in spiking neurons; one member of an ensemble."""

    def __init__(self, config: FastConfig | None = None) -> None:
        self.config = config or FastConfig()
        energy, latency = self.config.energy, self.config.latency
        self.modules = RegionModules(energy.features, energy.cells, latency.input_steps, self.config.region)
        self.generator = np.random.default_rng(self.config.seed)
        self.mean: Array | None = None  # (feature,) energies that a new traverse starts adapted to

    @property
    def places(self) -> int:
        """Number of places known."""
        return self.modules.places

    def learn(self, images: NDArray, place_of: NDArray[np.int64] | None = None) -> None:
        """Learn a traverse (image, row, column), adapted to its own mean; by default its images are new places.

        What the neurons were used to before counts as one image, so that a single one can be learnt.

        `place_of` (image,) names the place of each image, to add another traverse to places that are known. Modules
        that exist are left as they are.
        """
        energies = oriented_energies(images, self.config.energy)
        before = np.full(energies.shape[1], energies.mean(), np.float32) if self.mean is None else self.mean
        mean = (PRIOR_IMAGES * before + energies.sum(axis=0)) / np.float32(len(energies) + PRIOR_IMAGES)
        if place_of is None:
            place_of = np.arange(len(images), dtype=np.int64) + self.places
        self._mix(mean, len(images))
        self._learn(drive(energies, mean), place_of)

    def learn_seen(self, driven: Array, energy: Array, place: int) -> None:
        """Learn one place from the drive of the input neurons (feature,), adapted as they are to what came before."""
        self._mix(energy, 1)
        self._learn(driven[None], np.array([place], np.int64))

    def _mix(self, mean: Array, images: int) -> None:
        """Let new images count for the mean that a traverse starts adapted to."""
        known = self.modules.count
        mixed = mean if self.mean is None else (self.mean * known + mean * images) / (known + images)
        self.mean = np.asarray(mixed, np.float32)

    def _learn(self, drives: Array, place_of: NDArray[np.int64]) -> None:
        begin = self.modules.count
        order = self.generator.permutation(len(drives)) if self.config.shuffle else np.arange(len(drives))
        first = int(self.modules.region_of[:begin].max()) + 1 if begin else 0
        regions = np.empty(len(drives), np.int64)
        regions[order] = first + np.arange(len(drives)) // self.config.region.region_places
        self.modules.learn(first_spikes(drives, self.config.latency), place_of, regions)
        self.modules.regularise(begin, self.generator)

    def extend(self, other: "FastNetwork") -> None:
        """Take over the places of another map behind our own, without touching either's modules."""
        theirs = other.modules.count
        if other.mean is not None:
            self._mix(other.mean, theirs)
        self.modules.extend(other.modules, self.places)

    def start(self) -> Adaptation:
        """Adaptation at the beginning of a query traverse."""
        if self.mean is None:
            raise DataError("expected a map with places, found an empty one; train it or teach it first")
        return adaptation_from(self.mean, self.config.latency)

    def see(self, state: Adaptation | None, image: NDArray) -> tuple[Adaptation, Array]:
        """Adapt to one image (row, column); returns the state and the drive (feature,) of the input neurons."""
        energy = oriented_energies(image[None], self.config.energy)[0]
        return adaptation_step(state or unadapted(energy, self.config.latency), energy, self.config.latency)

    def respond(
        self, drives: Array, exit_margin: Array | None = None, hidden: NDArray[np.bool_] | None = None
    ) -> Responses:
        """Present one image's drive (feature,) to the place neurons; `hidden` as in `RegionModules.respond`."""
        latencies = first_spikes(drives, self.config.latency)
        if self.config.lost_spikes > 0.0:
            latencies[self.generator.random(len(latencies)) < self.config.lost_spikes] = 0
        return self.modules.respond(latencies, exit_margin, hidden)
