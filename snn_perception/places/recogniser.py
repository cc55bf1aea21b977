"""Recognition image by image, as the robot runs it and as evaluations replay it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_perception.places.images import Array, Images
from snn_perception.places.latency_code import Adaptation
from snn_perception.places.oriented_energy import oriented_energies
from snn_perception.places.place_map import PlaceMap
from snn_perception.places.sequence import SequenceConfig, SequenceFilter


class RecogniserConfig(SequenceConfig):
    """How answers are made."""

    min_probability: float = Field(0.5, ge=0, le=1, description="least probability of an answer that is given")
    early_exit: bool = Field(False, description="stop the presentation of an image when the margin suffices")
    max_time_steps: int = Field(0, ge=0, le=1000, description="stop it after this many time steps, 0 = at its end")


class Recognition(NamedTuple):
    """What is known after one image."""

    place: int | None  # best place; none while the map is empty
    probability: float  # that it is right
    confident: bool  # probable enough to be told
    scores: Array  # (place,) after the sequence filter
    steps: float
    spikes: int
    synops: int

    @property
    def answer(self) -> int | None:
        """The place, or none: an honest "no match"."""
        return self.place if self.confident else None


NOTHING = Recognition(None, 0.0, False, np.zeros(0, np.float32), 0.0, 0, 0)


class PlaceRecogniser:
    """A map with memory of the images before: adaptation to the conditions and the sequence."""

    def __init__(self, places: PlaceMap, config: RecogniserConfig | None = None) -> None:
        self.map = places
        self.config = config or RecogniserConfig()
        self.filter = SequenceFilter(self.config)
        self.adaptation: list[Adaptation] | None = None
        self.drives: list[Array] | None = None  # of the newest image
        self.start()

    def start(self) -> None:
        """A new traverse: adapted to the map's mean, no images before."""
        self.adaptation = self.map.ensemble.start() if self.map.places else None
        self.drives = None
        self.filter.reset()

    def configure(self, config: RecogniserConfig) -> None:
        """Take over new settings; the sequence starts anew where its own settings changed."""
        before, self.config = self.config, config
        if any(getattr(before, name) != getattr(config, name) for name in SequenceConfig.model_fields):
            self.filter = SequenceFilter(config)

    def recognise(self, image: Images, elapsed: float = 1.0) -> Recognition:
        """Take in the next image (row, column) of the traverse, `elapsed` times the usual interval after the last."""
        ensemble, calibration = self.map.ensemble, self.map.calibration
        self.adaptation, self.drives = ensemble.see(self.adaptation, image)
        if not self.map.places:
            return NOTHING
        region = self.map.ensemble.config.network.region
        margins = self._exit_margins(region.steps)
        said = ensemble.respond(self.drives, margins)
        scores = said.scores if self.config.sequence == 1 else self.filter.step(said.scores, elapsed)
        images = max(len(self.filter.history), 1)
        probability = calibration.probability(scores, region.neighbours, images, self.config.early_exit)
        place = int(scores.argmax())
        spoke = said.spikes > 0
        confident = spoke and probability >= self.config.min_probability
        return Recognition(place, probability, confident, scores, said.steps, said.spikes, said.synops)

    def _exit_margins(self, steps: int) -> Array | None:
        """Margins at which the presentation stops, (steps + 1,); none where it always runs to its end."""
        config = self.config
        if not config.early_exit and not config.max_time_steps:
            return None
        margins = (
            self.map.calibration.exit_margin(steps) if config.early_exit else np.full(steps + 1, np.inf, np.float32)
        )
        if config.max_time_steps:
            margins[config.max_time_steps :] = -np.inf
        return margins

    def teach(self, image: Images, pose: NDArray | None = None, view: Images | None = None) -> int:
        """Learn the newest image, seen by `recognise` before, as a new place; returns its number.

        `view` is the whole of what the camera saw, of which an outline is kept.
        """
        if self.drives is None:
            self.recognise(image)
        energies = [oriented_energies(image[None], m.config.energy)[0] for m in self.map.ensemble.members]
        return self.map.teach(self.drives or [], energies, pose, view)
