"""By how much the view must turn to match what was seen when a place near here was taught."""

from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_perception.places.image_shift import outline, shift_between
from snn_perception.places.images import Images
from snn_perception.places.place_map import PlaceMap

Array = NDArray[np.float64]


class ComparisonConfig(Config):
    """Which images are compared, and what is believed."""

    turn_rate_hz: float = Field(5.0, ge=0, le=100, description="images compared with the taught view, 0 = none (Hz)")
    min_correlation: float = Field(0.15, ge=-1, le=1, description="views that match worse tell no turn")
    turn_stddev_rad: float = Field(
        0.004, gt=0, le=10, description="standard deviation of a turn of views that match perfectly (rad)"
    )


class Turn(NamedTuple):
    """The view would match that of a place if the robot turned."""

    stamp_s: float  # of the image
    place: int
    pose: Array  # (7,) of the place; NaN where it has none
    turn_rad: float  # to the left
    variance: float
    correlation: float


class ViewComparison:
    """Compares images with the outlines of a map's places."""

    def __init__(self, places: PlaceMap, config: ComparisonConfig) -> None:
        self.map, self.config = places, config
        self.focal: float | None = None  # length, as a share of the image's width
        self.compared_s: float | None = None  # stamp of the newest image that was
        self.correlation = 0.0
        self.state = "no image yet"
        self.counts: Counter[str] = Counter()

    def due(self, stamp_s: float) -> bool:
        """Whether to compare an image of that stamp."""
        rate_hz = self.config.turn_rate_hz
        if rate_hz == 0.0 or self.focal is None or not self.map.has_outlines:
            self.state = (
                "off" if rate_hz == 0.0
                else "no place was taught with its view" if self.focal is not None
                else "no focal length: expected camera_info, or focal"
            )  # fmt: skip
            return False
        return self.compared_s is None or not 0.0 <= stamp_s - self.compared_s < 0.9 / rate_hz

    def compare(self, image: Images, stamp_s: float, position: Array | None, recognised: int | None) -> Turn | None:
        """The turn to the left that makes a view match; none where it matches nowhere.

        Args:
            image: (row, column), the whole of it.
            stamp_s: its time.
            position: (3,) of the robot in the frame of the map's poses, or none.
            recognised: the place that the image shows, or none; used where no position is known.
        """
        self.compared_s = stamp_s
        place = self.near(position) if position is not None else None
        place = recognised if place is None else place
        if place is None or self.focal is None or not self.map.outlines[place].size:
            self._note("nowhere", "at no taught place")
            return None
        taught, seen = self.map.outlines[place].astype(np.float64), outline(image)
        if taught.shape != seen.shape:
            self._note(
                "other_size", f"place {place} was taught with images of another size: {taught.shape}, now {seen.shape}"
            )
            return None
        shift = shift_between(seen, taught)
        self.correlation = shift.correlation
        if np.isnan(shift.pixels) or shift.correlation <= self.config.min_correlation:
            self._note("unsure", f"place {place} does not match, correlation {shift.correlation:.2f}")
            return None
        self.counts["turns"] += 1
        self.state = f"compared with place {place}"
        deviation = self.config.turn_stddev_rad / max(shift.correlation, 0.01)
        turn_rad = shift.turn_rad(self.focal)
        return Turn(stamp_s, place, self.map.poses[place], turn_rad, deviation**2, shift.correlation)

    def near(self, position: Array) -> int | None:
        """The place with a view whose pose is nearest; none where no place has both."""
        distance = np.linalg.norm(self.map.poses[:, :3] - position, axis=1)
        usable = np.isfinite(distance) & np.array([known.size > 0 for known in self.map.outlines], bool)
        return int(np.where(usable, distance, np.inf).argmin()) if usable.any() else None

    def _note(self, cause: str, state: str) -> None:
        self.counts[f"turns_{cause}"] += 1
        self.state = state
