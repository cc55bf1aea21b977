"""What every place network does, whatever its neurons are like."""

from typing import NamedTuple, Protocol

from snn_perception.places.calibration import Calibration
from snn_perception.places.ensemble import EnsembleConfig
from snn_perception.places.images import Array, Images
from snn_perception.places.place_map import PlaceMap
from snn_perception.places.recogniser import PlaceRecogniser, RecogniserConfig


class Answer(NamedTuple):
    """What a network said to one image."""

    scores: Array  # (place,) from spike trains; larger is more alike
    steps: float  # simulated time steps
    spikes: int  # of the neurons that answer
    synops: int  # synapses that spikes crossed


class PlaceNetwork(Protocol):
    """Learns traverses of the same places, and answers images."""

    def learn(self, traverses: list[Images]) -> None:
        """Learn places from one or more traverses, frame by frame the same."""

    def answer(self, image: Images) -> Answer:
        """Scores of the next image (row, column) of a query traverse."""

    @property
    def bytes(self) -> int:
        """Size of the map."""

    @property
    def macs(self) -> int:
        """Multiply-accumulates of a dense network of the same size, for one answer."""


class FastPlaces:
    """The fast network behind the interface."""

    def __init__(
        self, config: EnsembleConfig, calibration: Calibration | None = None, early_exit: bool = False
    ) -> None:
        self.map = PlaceMap(config, calibration)
        self.early_exit = early_exit
        self.recogniser: PlaceRecogniser | None = None

    def learn(self, traverses: list[Images]) -> None:
        """The first traverse makes the places, the others add their conditions."""
        self.map.add(traverses[0])
        for images in traverses[1:]:
            self.map.add_traverse(images)
        self.recogniser = PlaceRecogniser(self.map, RecogniserConfig(early_exit=self.early_exit))

    def answer(self, image: Images) -> Answer:
        """Scores of the next image; the input neurons adapt from image to image."""
        recogniser = self.recogniser = self.recogniser or PlaceRecogniser(self.map)
        found = recogniser.recognise(image)
        return Answer(found.scores, found.steps, found.spikes, found.synops)

    @property
    def bytes(self) -> int:
        """Size of all tensors of the map."""
        return self.map.bytes

    @property
    def macs(self) -> int:
        """Of comparing all features with every place in every gaze."""
        return self.map.ensemble.macs
