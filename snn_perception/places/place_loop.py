"""Place recognition in a robot's loop: frames with stamps in, sightings out, refusals counted and named."""

import math
import time
from collections import Counter, deque
from enum import Flag, auto
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.errors import DataError, SnnError
from snn_core.signals import Health, Level, Verdict, health
from snn_core.stamps import judge_stamp
from snn_perception.places.image_shift import outline, shift_between
from snn_perception.places.image_trust import TrustConfig, TrustMonitor
from snn_perception.places.images import Images
from snn_perception.places.place_map import PlaceMap
from snn_perception.places.recogniser import NOTHING, PlaceRecogniser, RecogniserConfig, Recognition
from snn_perception.places.view_comparison import ComparisonConfig, Turn, ViewComparison
from snn_perception.region_of_interest import RegionOfInterestConfig

LATENCIES = 1000  # newest ones that the percentiles stand for
QUIET_IMAGES = 30  # good images until an old complaint is forgotten


class LoopConfig(ComparisonConfig, RecogniserConfig, TrustConfig, RegionOfInterestConfig):
    """How frames are chosen, judged and used."""

    sequence: int = Field(5, ge=1, le=1000, description="images matched together, the newest and those before it")
    early_exit: bool = Field(True, description="stop the presentation of an image when the margin suffices")
    rate_hz: float = Field(10.0, gt=0, le=1000, description="images used at most (Hz)")
    max_image_age_s: float = Field(0.5, gt=0, le=10, description="oldest image that is used (s)")
    future_tolerance_s: float = Field(0.05, ge=0, le=1, description="how far a stamp may be ahead of the clock (s)")
    accept_unstamped: bool = Field(False, description="give images without a stamp the time of their arrival")
    slowest: float = Field(0.0, ge=0, le=10, description="slowest speed (places per image)")
    fastest: float = Field(1.2, ge=0, le=10, validate_default=True, description="fastest speed (places per image)")
    speeds: int = Field(7, ge=1, le=100, description="number of speeds tried, evenly spaced")
    max_places: int = Field(10000, ge=1, le=1_000_000, description="places that may be taught")
    complain_after_s: float = Field(2.0, gt=0, le=3600, description="silence of the camera that is an error (s)")
    restart_after_s: float = Field(5.0, gt=0, le=3600, description="gap between images that restarts the sequence (s)")


class Frame(NamedTuple):
    """An image as it came, decoded to grey, with what its sender said about it."""

    image: Images
    format: str  # size and encoding
    stamp_s: float


class Due(Flag):
    """What a frame is used for."""

    NOTHING = 0
    PLACE = auto()
    TURN = auto()


class Newest(NamedTuple):
    """The newest frame that was believed."""

    stamp_s: float
    image: Images  # region of interest
    view: Images  # the whole


class Sighting(NamedTuple):
    """One answer to one frame."""

    stamp_s: float
    found: Recognition
    pose: NDArray[np.float64]  # (7,) of the place; NaN where it has none


class PlaceLoop:
    """Judges, crops and recognises frames; teaches and resets on request."""

    def __init__(self, places: PlaceMap, config: LoopConfig) -> None:
        self.config = config
        self.recogniser = PlaceRecogniser(places, config)
        self.monitor = TrustMonitor(config)
        self.counts: Counter[str] = Counter()
        self.latencies_s: deque[float] = deque(maxlen=LATENCIES)
        self.last_s: float | None = None
        self.recognised_s: float | None = None
        self.newest: Newest | None = None
        self.views = ViewComparison(places, config)
        self.found = NOTHING
        self.distrust = "no image yet"
        self.complaint, self.format, self._since_complaint = "", "", 0

    def configure(self, config: LoopConfig) -> None:
        """Take over new settings."""
        self.config = self.monitor.config = self.views.config = config
        self.recogniser.configure(config)

    def reset(self) -> None:
        """Begin a new traverse."""
        self.recogniser.start()
        self.found = NOTHING

    def forget(self) -> int:
        """An empty map, of the same networks, takes the place of the one that was there; how many places it had."""
        known = self.recogniser.map
        places = PlaceMap(known.ensemble.config, known.calibration)
        self.recogniser = PlaceRecogniser(places, self.config)
        self.views.map, self.found = places, NOTHING
        return known.places

    def refuse(self, reason: str, complaint: str) -> None:
        """Count a frame that could not even be decoded."""
        self.counts[reason] += 1
        self.complaint, self._since_complaint = complaint, 0

    def due(self, stamp_s: float, now_s: float) -> Due:
        """Judge the stamp before anything is decoded; what is refused is counted. Early frames are left out quietly."""
        if stamp_s <= 0.0 and self.config.accept_unstamped:
            stamp_s = now_s
        config = self.config
        verdict = judge_stamp(stamp_s, now_s, self.last_s, config.max_image_age_s, config.future_tolerance_s)
        if verdict is not Verdict.OK:
            self.refuse(verdict.value, f"{verdict.value}: image {now_s - stamp_s:.3f} s old")
            return Due.NOTHING
        due = Due.TURN if self.views.due(stamp_s) else Due.NOTHING
        if self.recognised_s is None or not 0.0 <= stamp_s - self.recognised_s < 0.9 / config.rate_hz:
            due |= Due.PLACE
        self.counts["early"] += not due
        return due

    def believe(self, frame: Frame, now_s: float) -> Images | None:
        """The region of interest of a frame that was due; none where it is not to be trusted."""
        stamp_s = frame.stamp_s if frame.stamp_s > 0.0 else now_s
        self._follow(frame.format, stamp_s)
        self.last_s = stamp_s
        image = region(frame.image, self.config)
        self.distrust = self.monitor.take(image)
        if self.distrust:
            self.refuse(self.distrust.split(":")[0].replace(" ", "_"), self.distrust)
            self.found, self.newest = NOTHING, None
            return None
        self.newest = Newest(stamp_s, image, frame.image)
        return image

    def take(self, frame: Frame, now_s: float) -> Sighting | None:
        """Recognise a frame that was due; none where it is not believed."""
        began = time.perf_counter()
        image = self.believe(frame, now_s)
        stamp_s = self.recognised_s = frame.stamp_s if frame.stamp_s > 0.0 else now_s
        if image is None:
            return None
        self.found = self.recogniser.recognise(image)
        self.counts["ok"] += 1
        self._since_complaint += 1
        self.latencies_s.append(time.perf_counter() - began)
        return Sighting(stamp_s, self.found, self._pose())

    def compare(self, frame: Frame, now_s: float, position: NDArray[np.float64] | None) -> Turn | None:
        """The turn that makes a frame, which was due and is believed, match the view of a place near here.

        `position` (3,) is in the frame of the map's poses; without it the place recognised last counts.
        """
        stamp_s = frame.stamp_s if frame.stamp_s > 0.0 else now_s
        return None if self.distrust else self.views.compare(frame.image, stamp_s, position, self.found.answer)

    def _pose(self) -> NDArray[np.float64]:
        place = self.found.place
        return np.full(7, np.nan) if place is None else self.recogniser.map.poses[place]

    def _follow(self, form: str, stamp_s: float) -> None:
        """A new camera format, a gap or a clock that was set back begins the sequence anew."""
        if self.format and form != self.format:
            self.refuse("format_changed", f"format changed: {self.format} to {form}")
            self.reset()
        gap = 0.0 if self.last_s is None else stamp_s - self.last_s
        if not 0.0 <= gap <= self.config.restart_after_s:
            self.recogniser.filter.reset()
        self.format = form

    def teach(self, pose: NDArray[np.float64] | None, now_s: float) -> int:
        """Learn what the newest frame shows as a new place.

        Raises:
            DataError: there is no fresh and believed frame, or the map is full.
        """
        if self.newest is None or now_s - self.newest.stamp_s > self.config.max_image_age_s:
            raise DataError(f"expected a fresh image to learn, found none ({self.distrust or 'the newest is too old'})")
        if self.recogniser.map.places >= self.config.max_places:
            raise DataError(f"expected fewer than max_places = {self.config.max_places} places, found as many")
        return self.recogniser.teach(self.newest.image, pose, self.newest.view)

    def health(self, now_s: float) -> Health:
        """Latency, confidence, early exits and trust, and why frames were refused."""
        complaints = []
        silence_s = now_s - self.last_s if self.last_s is not None else math.inf
        if silence_s > self.config.complain_after_s:
            newest = "no image yet" if self.last_s is None else f"no image for {silence_s:.1f} s"
            complaints.append((Level.ERROR, f"{newest} (limit {self.config.complain_after_s:g} s)"))
        if self.distrust and self.last_s is not None:
            complaints.append((Level.WARN, f"image not trusted, {self.distrust}"))
        elif self.complaint and self._since_complaint < QUIET_IMAGES:
            complaints.append((Level.WARN, self.complaint))
        if not self.recogniser.map.places:
            complaints.append((Level.WARN, "the map is empty: teach places or load a map"))
        p50, p99 = np.percentile(self.latencies_s, (50, 99)) if self.latencies_s else (math.nan, math.nan)
        values: dict[str, float | int | str] = {
            "places": self.recogniser.map.places, "place": -1 if self.found.place is None else self.found.place,
            "probability": self.found.probability, "confident": str(self.found.confident),
            "time_steps": self.found.steps, "trust": 0.0 if self.distrust else 1.0,
            "latency_p50_ms": float(p50) * 1e3, "latency_p99_ms": float(p99) * 1e3, "format": self.format,
            "turn": self.views.state, "turn_correlation": self.views.correlation, **self.counts, **self.views.counts,
        }  # fmt: skip
        fine = f"at place {self.found.answer}" if self.found.confident else "no match"
        return health(complaints, values, fine)


def region(image: Images, config: LoopConfig) -> Images:
    """The region of interest of an image (row, column), at least one pixel."""
    height, width = image.shape
    top, left = int(config.roi_top * height), int(config.roi_left * width)
    bottom, right = math.ceil(config.roi_bottom * height), math.ceil(config.roi_right * width)
    return np.ascontiguousarray(image[top : max(bottom, top + 1), left : max(right, left + 1)])


def open_map(text: str) -> PlaceMap:
    """The map of that path, or an empty one to teach where the path is empty.

    Raises:
        SnnError: the file cannot be used.
    """
    return PlaceMap.load(Path(text)) if text else PlaceMap()


def warm() -> None:
    """Compile every kernel of recognition and teaching, with a toy map."""
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16), np.uint8)
    places = PlaceMap()
    recogniser = PlaceRecogniser(places, RecogniserConfig(sequence=2, early_exit=True))
    for image in images:
        recogniser.recognise(image)
        recogniser.teach(image)
    shift_between(outline(images[0]), outline(images[1]))


def save_map(places: PlaceMap, path: str) -> str:
    """Write the map; returns what to tell the caller.

    Raises:
        SnnError: there is no path, or it cannot be written.
    """
    if not path:
        raise SnnError("expected a path to save to, found none; set save_path or map")
    places.save(Path(path), "place_recognizer")
    return f"{places.places} places written to {path}"
