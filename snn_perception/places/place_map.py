"""A map of places that grows: spiking networks that know them, a pose for each, and a file that holds it all."""

import hashlib
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from snn_core.config import Config
from snn_core.errors import DataError, ModelError
from snn_core.tensor_files import Tensors, checked_tensor, parse_header, parse_tensors, read_payload, write_tensor_file
from snn_core.version import VERSION
from snn_perception.places.calibration import Calibration
from snn_perception.places.ensemble import EnsembleConfig, PlaceEnsemble
from snn_perception.places.fast_network import FastNetwork
from snn_perception.places.image_shift import outline, packed
from snn_perception.places.images import Images
from snn_perception.places.region_modules import PER_TEMPLATE

LARGEST_FILE = 512 * 1024 * 1024
POSE = 7  # x, y, z in metres, then the quaternion x, y, z, w; NaN where nobody told
LARGEST_OUTLINE = 8192  # px a side
NO_OUTLINE: NDArray[np.int8] = np.zeros((0, 0), np.int8)
_HINT = "give the path of a map that 'snn places train' or the node wrote"
_REMAKE = "train"


class MapHeader(Config):
    """What a map file says about itself."""

    kind: Literal["place_map"] = Field("place_map", description="what the file is")
    format_version: int = Field(1, description="version of this header")
    ensemble: EnsembleConfig = Field(description="the networks")
    calibration: Calibration = Field(default_factory=Calibration, description="what a margin is worth")
    places: int = Field(ge=0, le=10_000_000, description="places known")
    templates: int = Field(ge=0, le=10_000_000, description="place neurons of each member and gaze")
    frame: str = Field("map", description="frame of the poses")
    data_digest: str = Field("", description="SHA-256 of the images learnt, one after the other")
    command: str = Field("", description="the command that made the file")
    created_by: str = Field(f"snn_robotics {VERSION}", description="software and version")


class PlaceMap:
    """Places, in the order of the route, each with a pose or none, and the outline of its view or none."""

    def __init__(self, config: EnsembleConfig | None = None, calibration: Calibration | None = None) -> None:
        self.ensemble = PlaceEnsemble(config)
        self.calibration = calibration or Calibration()
        self.poses: NDArray[np.float64] = np.zeros((0, POSE))
        self.outlines: list[NDArray[np.int8]] = []  # (row, column) of each place, as `image_shift.packed`
        self.digest = ""

    @property
    def has_outlines(self) -> bool:
        """Whether any place has one."""
        return any(known.size for known in self.outlines)

    @property
    def places(self) -> int:
        """Number of places known."""
        return len(self.poses)

    @property
    def bytes(self) -> int:
        """Size of all tensors."""
        return sum(tensor.nbytes for tensor in self._tensors().values())

    def add(self, images: NDArray, poses: NDArray[np.float64] | None = None, views: bool = False) -> None:
        """Learn new places behind the known ones, from images (place, row, column); poses (place, 7).

        With `views` the outline of each image is kept too, for a robot that turns by it.
        """
        poses = np.full((len(images), POSE), np.nan) if poses is None else np.asarray(poses, np.float64)
        if poses.shape != (len(images), POSE):
            raise DataError(f"poses: expected ({len(images)}, {POSE}) for as many images, found {poses.shape}")
        self.ensemble.learn(images)
        self.poses = np.concatenate([self.poses, poses])
        self.outlines += [packed(outline(image)) if views else NO_OUTLINE for image in images]
        self._note(images)

    def add_traverse(self, images: NDArray, place_of: NDArray[np.int64] | None = None) -> None:
        """Learn known places under other conditions; by default image i shows place i.

        Raises:
            DataError: an image names a place that is not there.
        """
        place_of = np.arange(len(images)) if place_of is None else place_of
        if len(place_of) != len(images) or (len(images) and not 0 <= place_of.min() <= place_of.max() < self.places):
            raise DataError(
                f"expected one of {self.places} places for each image of another traverse, found {len(images)} images; "
                "give traverses of the same places, frame by frame"
            )
        self.ensemble.learn(images, np.asarray(place_of, np.int64))
        self._note(images)

    def teach(
        self, drives: list[NDArray], energies: list[NDArray], pose: NDArray | None = None, view: Images | None = None
    ) -> int:
        """Learn one new place from what the members' input neurons get now; returns its number.

        `energies` (feature,) of each member count for the mean that the next traverse starts from; the outline of the
        image `view` (row, column) is kept.
        """
        for member, drive, energy in zip(self.ensemble.members, drives, energies, strict=True):
            member.learn_seen(drive, energy, self.places)
        row = np.full((1, POSE), np.nan) if pose is None else np.asarray(pose, np.float64).reshape(1, POSE)
        self.poses = np.concatenate([self.poses, row])
        self.outlines.append(NO_OUTLINE if view is None else packed(outline(view)))
        return self.places - 1

    def remove(self, places: NDArray[np.int64]) -> None:
        """Forget places; those behind them move up, and keep every synapse."""
        kept = np.ones(self.places, bool)
        kept[places] = False
        number = np.cumsum(kept) - 1
        for member in self.ensemble.members:
            modules = member.modules
            modules.keep(kept[modules.place_of[: modules.count]])
            modules.place_of = number[modules.place_of]
        self.poses = self.poses[kept]
        self.outlines = [known for known, keep in zip(self.outlines, kept, strict=True) if keep]

    def merge(self, other: "PlaceMap") -> None:
        """Take over the places of another map behind our own.

        Raises:
            DataError: its networks are made otherwise.
        """
        if other.ensemble.config != self.ensemble.config:
            raise DataError("expected a map of the same networks to merge, found another configuration; train it alike")
        for member, theirs in zip(self.ensemble.members, other.ensemble.members, strict=True):
            member.extend(theirs)
        self.poses = np.concatenate([self.poses, other.poses])
        self.outlines += other.outlines
        self.digest = hashlib.sha256((self.digest + other.digest).encode()).hexdigest()

    def _note(self, images: NDArray) -> None:
        self.digest = hashlib.sha256(self.digest.encode() + np.ascontiguousarray(images).tobytes()).hexdigest()

    def _tensors(self) -> Tensors:
        tensors: Tensors = {"poses": self.poses}
        if self.has_outlines:
            tensors["outlines"] = np.concatenate([known.reshape(-1) for known in self.outlines])
            tensors["outline_shapes"] = np.array([known.shape for known in self.outlines], np.int32)
        for k, member in enumerate(self.ensemble.members):
            n = member.modules.count
            tensors[f"{k}.synapses"] = np.ascontiguousarray(member.modules.synapses[:, :n])
            tensors |= {f"{k}.{name}": getattr(member.modules, name)[:n] for name in PER_TEMPLATE}
            tensors[f"{k}.mean"] = np.zeros(0, np.float32) if member.mean is None else member.mean
        return tensors

    def save(self, path: Path, command: str = "", frame: str = "map") -> None:
        """Write the map in one step: either the whole new file is there, or what was there before."""
        header = MapHeader(
            ensemble=self.ensemble.config, calibration=self.calibration, places=self.places, frame=frame,
            templates=self.ensemble.members[0].modules.count, data_digest=self.digest, command=command,
        )  # fmt: skip
        write_tensor_file(path, header, self._tensors())

    @classmethod
    def load(cls, path: Path) -> "PlaceMap":
        """Read and check a map.

        Raises:
            ModelError: missing, foreign, damaged, of another version, or with values that no map has.
        """
        payload = read_payload(path, LARGEST_FILE, _HINT)
        header = parse_header(path, payload, MapHeader, _REMAKE)
        tensors = parse_tensors(path, payload, _REMAKE)
        found = cls(header.ensemble, header.calibration)
        found.digest = header.data_digest
        found.poses = _tensor(path, tensors, "poses", (header.places, POSE), np.float64)
        found.outlines = _outlines(path, tensors, header.places)
        for k, member in enumerate(found.ensemble.members):
            _restore(path, tensors, k, member, header)
        return found


def _outlines(path: Path, tensors: Tensors, places: int) -> list[NDArray[np.int8]]:
    """Outlines of all places; none where the map was made without them."""
    if "outlines" not in tensors:
        return [NO_OUTLINE] * places
    shapes = _tensor(path, tensors, "outline_shapes", (places, 2), np.int32).astype(np.int64)
    if ((shapes < 0) | (shapes > LARGEST_OUTLINE)).any():
        raise ModelError(
            f"{path}: outline_shapes: expected sides of 0 to {LARGEST_OUTLINE} px, found {shapes.min()} to "
            f"{shapes.max()}; damaged, train it again"
        )
    sizes = shapes.prod(axis=1)
    pixels = _tensor(path, tensors, "outlines", (int(sizes.sum()),), np.int8)
    parts = np.split(pixels, np.cumsum(sizes)[:-1]) if places else []
    return [part.reshape(tuple(shape)) for part, shape in zip(parts, shapes.tolist(), strict=True)]


def _restore(path: Path, tensors: Tensors, k: int, member: FastNetwork, header: MapHeader) -> None:
    modules, n = member.modules, header.templates
    modules.synapses = _tensor(path, tensors, f"{k}.synapses", (modules.features, n), np.int8)
    for name in PER_TEMPLATE:
        value = _tensor(path, tensors, f"{k}.{name}", (n,), getattr(modules, name).dtype)
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise ModelError(f"{path}: {k}.{name}: expected finite numbers, found others; damaged, train it again")
        setattr(modules, name, value)
    known = modules.place_of
    if n and not (known.min() >= 0 and np.array_equal(np.unique(known), np.arange(header.places))):
        raise ModelError(f"{path}: {k}.place_of: expected each of {header.places} places, found others; train it again")
    modules.count = n
    mean = _tensor(path, tensors, f"{k}.mean", (modules.features if n else 0,), np.float32)
    if not np.isfinite(mean).all():
        raise ModelError(f"{path}: {k}.mean: expected finite numbers, found others; damaged, train it again")
    member.mean = mean if n else None


def _tensor(path: Path, tensors: Tensors, name: str, shape: tuple[int, ...], dtype: object) -> NDArray:
    return checked_tensor(path, tensors, name, (shape, dtype), _REMAKE)
