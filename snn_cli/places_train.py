"""`snn places train`: learn the places of one or more reference traverses into a map file."""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snn_cli.output import emit, table
from snn_cli.places_options import SOURCES, add_network_options, ensemble_config, read_sources, traverses
from snn_core.errors import DataError
from snn_perception.places.image_sources import read_arrays
from snn_perception.places.place_map import POSE, PlaceMap


def add_parser(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the action."""
    parser = actions.add_parser("train", help="learn places into a map")
    parser.add_argument("references", nargs="+", metavar="REF", help=f"traverse of the places: {SOURCES}")
    parser.add_argument("--out", required=True, metavar="MAP", help="map file to write (.safetensors)")
    parser.add_argument("--map", metavar="MAP", help="map whose places come first; it is not changed")
    parser.add_argument("--poses", metavar="NPZ:KEY", help="poses (place, 7): x y z in m, quaternion x y z w")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    add_network_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Train, save and report."""
    images = traverses(read_sources(args.references))
    places = PlaceMap.load(Path(args.map)) if args.map else PlaceMap(ensemble_config(args))
    before = places.places
    poses = read_poses(args.poses, len(images[0])) if args.poses else None
    start = time.perf_counter()
    places.add(images[0], poses, views=True)
    for more in images[1:]:
        places.add_traverse(more, np.arange(before, places.places))
    train_s = time.perf_counter() - start
    places.save(Path(args.out), " ".join(["snn", *sys.argv[1:]]))
    result = {
        "map": args.out, "places": places.places, "new_places": places.places - before, "traverses": len(images),
        "train_s": train_s, "map_bytes": Path(args.out).stat().st_size,
    }  # fmt: skip
    emit(result, table((args.out, ""), [[key, value] for key, value in result.items() if key != "map"]), args.json)


def read_poses(text: str, places: int) -> NDArray[np.float64]:
    """Poses (place, 7) of an npz.

    Raises:
        DataError: not that many, or not poses.
    """
    path, _, key = text.rpartition(":")
    arrays = read_arrays(Path(path))
    if key not in arrays or arrays[key].shape != (places, POSE):
        found = arrays[key].shape if key in arrays else f"the keys {', '.join(arrays)}"
        raise DataError(f"{text}: expected poses ({places}, {POSE}), one for each image, found {found}")
    return np.asarray(arrays[key], np.float64)
