"""`snn places match`: recognise the places of a map in images one by one, or say that there is none."""

import argparse
import math
from pathlib import Path
from typing import Any

from snn_cli.arguments import count, number
from snn_cli.output import emit, table
from snn_cli.places_options import SOURCES, progress, read
from snn_perception.places.place_map import PlaceMap
from snn_perception.places.recogniser import PlaceRecogniser, RecogniserConfig, Recognition


def add_parser(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the action."""
    parser = actions.add_parser("match", help="recognise places of a map")
    parser.add_argument("map", metavar="MAP", help="map file")
    parser.add_argument("query", metavar="QUERY", help=SOURCES)
    parser.add_argument("--sequence", type=count, default=1, metavar="L", help="images matched together")
    parser.add_argument("--min-probability", type=number, default=0.5, help="least probability of an answer")
    parser.add_argument("--early-exit", action="store_true", help="stop presentations when the margin suffices")
    parser.add_argument("--top", type=count, default=3, metavar="K", help="candidates to list (default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Match and report."""
    places = PlaceMap.load(Path(args.map))
    settings = {
        "sequence": args.sequence, "min_probability": args.min_probability, "early_exit": args.early_exit,
    }  # fmt: skip
    recogniser = PlaceRecogniser(places, RecogniserConfig.check(settings, "options"))
    source = read(args.query)
    results = [
        entry(index, recogniser.recognise(image), places, args.top)
        for index, image in enumerate(progress(source.images, "queries"))
    ]
    rows = [[r["query"], r["place"] if r["confident"] else "no match", r["probability"]] for r in results]
    emit(results, table(("query", "place", "probability"), rows), args.json)


def entry(index: int, found: Recognition, places: PlaceMap, top: int) -> dict[str, Any]:
    """One image's result; `place` is null where no answer is given, `best` is what it would have been."""
    order = (-found.scores).argsort(kind="stable")[:top]
    known = found.place is not None and not math.isnan(places.poses[found.place, 0])
    return {
        "query": index, "place": found.answer, "best": found.place, "probability": found.probability,
        "confident": found.confident, "pose": places.poses[found.place].tolist() if known else None,
        "candidates": [{"place": int(k), "score": float(found.scores[k])} for k in order],
        "time_steps": found.steps, "spikes": found.spikes,
    }  # fmt: skip
