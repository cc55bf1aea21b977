"""`snn events classify`: what a recording shows, how sure that is and when it was clear; or no answer."""

import argparse
import time

from snn_cli.arguments import number
from snn_cli.events_options import add_source, read_source
from snn_cli.output import emit, table
from snn_core.errors import DataError
from snn_perception.classify.classification import ClassifyConfig, classify
from snn_perception.classify.classifier_model import load_classifier
from snn_perception.classify.labelled_recordings import rebased


def add_parser(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the action."""
    parser = actions.add_parser("classify", help="what a recording shows")
    add_source(parser)
    parser.add_argument("--model", default="default", metavar="MODEL", help="'default' (digits) or a trained file")
    parser.add_argument("--from-s", type=number, default=0.0, help="begin so long after the first event (s)")
    parser.add_argument("--min-confidence", type=number, default=0.5, help="least confidence of an answer")
    parser.add_argument("--no-early-exit", action="store_true", help="look at every time step")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Classify the window that begins at `--from-s`, and report."""
    classifier = load_classifier(args.model)
    inputs = classifier.header.inputs
    options = {"min_confidence": args.min_confidence, "early_exit": not args.no_early_exit}
    config = ClassifyConfig.check(options, "options")
    batch = read_source(args)
    if len(batch):
        since = rebased(batch, int(batch.t_us[0]) + round(args.from_s * 1e6))
        batch = since.take((since.t_us >= 0) & (since.t_us < inputs.window_us))
    if not len(batch):
        raise DataError(f"{args.file}: expected events from {args.from_s:g} s on, found none")
    try:
        classify(batch, classifier, config)  # compiles
    except DataError as error:
        raise DataError(f"{args.file}: {error}") from None
    began = time.process_time()
    found = classify(batch, classifier, config)
    result = {
        "file": args.file, "label": found.label, "confidence": found.confidence, "steps": found.steps,
        "of_steps": found.of_steps, "time_ms": found.steps * inputs.step_us * 1e-3, "events": len(batch),
        "spikes": found.spikes, "synops": found.synops, "cpu_ms": (time.process_time() - began) * 1e3,
        "probabilities": found.probabilities,
    }  # fmt: skip
    rows = [[key, value] for key, value in result.items() if key not in ("file", "probabilities")]
    rows += [[f"p({name})", value] for name, value in found.probabilities.items()]
    emit(result, table((args.file, ""), rows), args.json)
