"""A route as a robot learns it by flying it once: recorded on the way, and kept in a file."""

import math
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_core.errors import DataError, ModelError
from snn_core.tensor_files import Tensors, checked_tensor, parse_header, parse_tensors, read_payload, write_tensor_file
from snn_core.version import VERSION

Array = NDArray[np.float64]
LARGEST_FILE = 64 * 1024 * 1024
LEAST_STEP_M = 1e-6
DRIFT_S = 1.0  # time constant of the mean of the drift angle
SLOWEST_MPS = 0.3  # speed that a drift angle is told for; a slower robot has that one's
_HINT = "give the path of a route that 'route/save' wrote"
_REMAKE = "teach"


class RouteHeader(Config):
    """What a route file says about itself."""

    kind: Literal["taught_route"] = Field("taught_route", description="what the file is")
    format_version: int = Field(1, description="version of this header")
    samples: int = Field(ge=2, le=10_000_000, description="samples along the route")
    length_m: float = Field(gt=0, le=1e7, description="length by the robot's own odometry (m)")
    created_by: str = Field(f"snn_robotics {VERSION}", description="software and version")


class TaughtRoute(NamedTuple):
    """What the robot knows of a route from flying it once, (sample,) each."""

    along_m: Array  # by its own odometry, rising
    heading_rad: Array  # by its own gyro
    drift_rad: Array  # from the nose to where it went, to the left, by its own odometry

    def heading_at(self, along_m: float) -> float:
        """Heading at a place; straight on beyond the ends."""
        return float(np.interp(along_m, self.along_m, self.heading_rad))

    def drift_at(self, along_m: float) -> float:
        """Drift angle at a place."""
        return float(np.interp(along_m, self.along_m, self.drift_rad))

    @property
    def length_m(self) -> float:
        """How long it is, by that odometry."""
        return float(self.along_m[-1])

    def save(self, path: Path) -> None:
        """Write the route in one step: either the whole new file is there, or what was there before."""
        header = RouteHeader(samples=len(self.along_m), length_m=self.length_m)
        write_tensor_file(path, header, {name: np.asarray(self[k]) for k, name in enumerate(self._fields)})

    @classmethod
    def load(cls, path: Path) -> "TaughtRoute":
        """Read and check a route.

        Raises:
            ModelError: missing, foreign, damaged, of another version, or with values that no route has.
        """
        payload = read_payload(path, LARGEST_FILE, _HINT)
        header = parse_header(path, payload, RouteHeader, _REMAKE)
        tensors = parse_tensors(path, payload, _REMAKE)
        route = cls(*(_samples(path, tensors, name, header.samples) for name in cls._fields))
        if not (np.diff(route.along_m) > 0.0).all():
            raise ModelError(f"{path}: along_m: expected rising numbers, found others; damaged, teach it again")
        return route


def _samples(path: Path, tensors: Tensors, name: str, count: int) -> Array:
    found = checked_tensor(path, tensors, name, ((count,), np.float64), _REMAKE)
    if not np.isfinite(found).all():
        raise ModelError(f"{path}: {name}: expected finite numbers, found others; damaged, teach it again")
    return found


class RouteRecorder:
    """Adds up what the robot measures while somebody flies it along a route."""

    def __init__(self) -> None:
        self.along_m = self.heading_rad = self.drift_rad = 0.0
        self.samples: list[tuple[float, float, float]] = [(0.0, 0.0, 0.0)]

    def move(self, velocity_mps: tuple[float, float] | None, turned_rad: float, dt_s: float) -> None:
        """One period: velocity forward and left, none where nothing told it, and the turn to the left.

        Backwards counts as standing: a route only grows. The drift angle is smoothed (first order).
        """
        self.heading_rad += turned_rad
        if velocity_mps is not None:
            forward, left = velocity_mps
            self.along_m += max(forward, 0.0) * dt_s
            drift = math.atan2(left, max(forward, SLOWEST_MPS))
            self.drift_rad += min(dt_s / DRIFT_S, 1.0) * (drift - self.drift_rad)
        sample = (self.along_m, self.heading_rad, self.drift_rad)
        if self.along_m - self.samples[-1][0] > LEAST_STEP_M:
            self.samples.append(sample)
        else:
            self.samples[-1] = (self.samples[-1][0], *sample[1:])  # at the same place the newest counts

    def route(self) -> TaughtRoute:
        """The route up to now: headings over positions that rise.

        Raises:
            DataError: the robot has not moved.
        """
        if len(self.samples) < 2:
            raise DataError("expected a route, found a robot that has not moved; is velocity measured?")
        return TaughtRoute(*np.array(self.samples).T.copy())
