"""Options and reading that the places commands share."""

import argparse
import sys
from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

from snn_cli.arguments import count, number, seed
from snn_core.config import Config
from snn_core.errors import DataError
from snn_perception.places.ensemble import EnsembleConfig
from snn_perception.places.fast_network import FastConfig
from snn_perception.places.image_sources import ImageSource, read_source
from snn_perception.places.images import Images
from snn_perception.places.latency_code import LatencyConfig
from snn_perception.places.region_modules import RegionConfig

SOURCES = "folder, file.npz:key, video, rosbag2[:/topic] or npz of events; [first:last] behind it takes a part"
T = TypeVar("T")


def add_network_options(parser: argparse.ArgumentParser) -> None:
    """What a fast network is made of."""
    group = parser.add_argument_group("fast network")
    group.add_argument("--members", type=count, default=1, metavar="K", help="networks of the ensemble")
    group.add_argument("--seed", type=seed, default=0, help="seed of shuffles and replays")
    group.add_argument("--steps", type=count, default=None, metavar="T", help="time steps of a presentation")
    group.add_argument("--input-steps", type=count, default=None, metavar="T", help="time steps in which inputs fire")
    group.add_argument("--regularisation", type=number, default=None, help="0 leaves hyperactive neurons alone")
    group.add_argument("--lost-spikes", type=number, default=0.0, metavar="SHARE", help="input spikes to drop, 0 to 1")


def ensemble_config(args: argparse.Namespace) -> EnsembleConfig:
    """The configuration that the options name; a ConfigError where a value is out of bounds."""
    region = _given(RegionConfig, steps=args.steps, regularisation=args.regularisation)
    latency = _given(LatencyConfig, input_steps=args.input_steps)
    fast = FastConfig.check(
        {"region": region, "latency": latency, "seed": args.seed, "lost_spikes": args.lost_spikes}, "options"
    )
    return EnsembleConfig.check({"members": args.members, "network": fast}, "options")


C = TypeVar("C", bound=Config)


def _given(config_type: type[C], **values: object) -> C:
    return config_type.check({name: value for name, value in values.items() if value is not None}, "options")


def read_sources(texts: list[str]) -> list[ImageSource]:
    """Read image sources; `file.npz:key,key` names several traverses."""
    return [read(text) for text in _split_keys(texts)]


def read(text: str) -> ImageSource:
    """Read one image source, with a bar on a terminal."""
    return read_source(text, lambda items: progress(items, f"reading {text}"))


def _split_keys(texts: list[str]) -> Iterable[str]:
    for text in texts:
        file, colon, keys = text.rpartition(".npz:")
        yield from (f"{file}{colon}{key}" for key in keys.split(",")) if colon else (text,)


def traverses(sources: list[ImageSource]) -> list[Images]:
    """The images of reference traverses.

    Raises:
        DataError: they have not the same number of places.
    """
    counts = {source.name: len(source.images) for source in sources}
    if len(set(counts.values())) > 1:
        raise DataError(f"expected reference traverses of the same places, frame by frame, found {counts} images")
    return [source.images for source in sources]


def progress(items: Iterable[T], what: str) -> Iterable[T]:
    """A bar on a terminal, for what takes long."""
    return tqdm(items, desc=what, disable=None, leave=False, file=sys.stderr)
