"""`snn places calibrate`: fit on traverses what a margin is worth, for early exits and for an honest "no match"."""

import argparse
from pathlib import Path

from snn_cli.arguments import whole
from snn_cli.output import emit, table
from snn_cli.places_options import SOURCES, add_network_options, ensemble_config, progress, read
from snn_perception.places.calibration import Evidence, calibrate, gather
from snn_perception.places.ensemble import PlaceEnsemble
from snn_perception.places.evaluation import index_truth
from snn_perception.places.place_map import PlaceMap


def add_parser(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the action."""
    parser = actions.add_parser("calibrate", help="fit the confidence on traverses with known places")
    parser.add_argument("pairs", nargs="+", metavar="REF QUERY", help=f"pairs of traverses, frame by frame: {SOURCES}")
    parser.add_argument("--tolerance", type=whole, default=0, metavar="N", help="frames beside the true one that count")
    parser.add_argument("--map", metavar="MAP", help="store the result in this map file")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    add_network_options(parser)
    parser.set_defaults(run=run, usage_error=parser.error)


def run(args: argparse.Namespace) -> None:
    """Fit and report."""
    if len(args.pairs) % 2:
        args.usage_error("expected pairs: a reference traverse and its query traverse, and so on")
    places = PlaceMap.load(Path(args.map)) if args.map else None
    config = places.ensemble.config if places else ensemble_config(args)
    evidence: list[Evidence] = []
    for k in progress(range(0, len(args.pairs), 2), "traverses"):
        reference, query = (read(text).images for text in args.pairs[k : k + 2])
        ensemble = PlaceEnsemble(config)
        ensemble.learn(reference)
        evidence += gather(ensemble, query, index_truth(len(reference), len(query), args.tolerance))
    found = calibrate(evidence)
    if places is not None:
        places.calibration = found
        places.save(Path(args.map), "snn places calibrate")
    rows: list[list[object]] = [
        ["single image: offset, slope", f"{found.single.offset:.3f} {found.single.slope:.3f}"],
        ["with early exit: offset, slope", f"{found.early.offset:.3f} {found.early.slope:.3f}"],
        ["sequence: offset, slope", f"{found.sequence.offset:.3f} {found.sequence.slope:.3f}"],
    ]
    rows += [[f"exit at step {step}, margin", f"{margin:.2f}"] for step, margin in found.exit_margins.items()]
    emit(found.model_dump(), table((f"{len(evidence)} images", "value"), rows), args.json)
