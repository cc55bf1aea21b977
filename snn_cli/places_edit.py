"""`snn places merge` and `remove`: put maps together, take places out."""

import argparse
import re
from pathlib import Path

import numpy as np

from snn_cli.output import emit, table
from snn_core.errors import DataError
from snn_perception.places.place_map import PlaceMap


def add_parser(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare both actions."""
    merging = actions.add_parser("merge", help="put the places of several maps behind one another")
    merging.add_argument("maps", nargs="+", metavar="MAP", help="map files")
    merging.set_defaults(run=merge)
    removing = actions.add_parser("remove", help="take places out of a map")
    removing.add_argument("map", metavar="MAP", help="map file")
    removing.add_argument("places", nargs="+", type=span, metavar="PLACE", help="number, or first:last as in Python")
    removing.set_defaults(run=remove)
    for parser in (merging, removing):
        parser.add_argument("--out", required=True, metavar="MAP", help="map file to write")
        parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")


def span(text: str) -> range:
    """`7` or `3:9`."""
    found = re.fullmatch(r"(\d+)(?::(\d+))?", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"expected a place or first:last, got '{text}'")
    first = int(found[1])
    return range(first, int(found[2]) if found[2] else first + 1)


def merge(args: argparse.Namespace) -> None:
    """Merge in the order given."""
    first, *others = (PlaceMap.load(Path(name)) for name in args.maps)
    for other in others:
        first.merge(other)
    _write(first, args)


def remove(args: argparse.Namespace) -> None:
    """Remove; a place that is not there is an error."""
    places = PlaceMap.load(Path(args.map))
    chosen = np.array(sorted({place for part in args.places for place in part}), np.int64)
    if len(chosen) and chosen[-1] >= places.places:
        raise DataError(f"{args.map}: expected places below {places.places}, found {chosen[-1]}")
    places.remove(chosen)
    _write(places, args)


def _write(places: PlaceMap, args: argparse.Namespace) -> None:
    places.save(Path(args.out), "snn places")
    result = {"map": args.out, "places": places.places, "map_bytes": Path(args.out).stat().st_size}
    emit(result, table((args.out, ""), [["places", places.places], ["bytes", result["map_bytes"]]]), args.json)
