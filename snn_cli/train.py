"""`snn train`: train a perception network, or the model of healthy flight."""

import argparse
import sys
import time
from pathlib import Path

from snn_cli import novelty_train, train_gesture
from snn_cli.arguments import count, seed
from snn_cli.output import emit, table
from snn_cli.places_options import progress
from snn_perception.motion.motion_model import MotionHeader, MotionModel, save_motion_model
from snn_perception.motion.motion_training import MotionTrainingConfig, train, watch
from snn_perception.motion.motion_trials import calibrate, directions_score, with_calibration

VALIDATION, TEST = 1000, 2000  # added to the seed: textures that nobody learnt from


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    group = commands.add_parser("train", help="train a perception network, or the model of healthy flight")
    ways = group.add_subparsers(required=True, metavar="motion|gesture|novelty")
    novelty_train.add_parser(ways)
    train_gesture.add_parser(ways)
    parser = ways.add_parser("motion", help="train the layer of delays on procedural textures")
    fields = MotionTrainingConfig.model_fields
    parser.add_argument("--out", required=True, metavar="MODEL", help="file to write (.safetensors)")
    parser.add_argument("--seed", type=seed, default=0, help="seed of textures, motion and order")
    for name in ("movies", "epochs"):
        text = f"{fields[name].description} (default: %(default)s)"
        parser.add_argument(f"--{name}", type=count, default=fields[name].default, help=text)
    parser.add_argument("--rounds", type=count, default=15, help="held-out textures for each of twelve directions")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Watch, train, calibrate, score, save and report."""
    config = MotionTrainingConfig.check({"movies": args.movies, "epochs": args.epochs, "seed": args.seed}, "options")
    began = time.perf_counter()
    samples = watch(config, 0, lambda items: progress(items, "textures"))
    watched = time.perf_counter()
    weights = train(samples, config, lambda items: progress(items, "training"))
    trained = time.perf_counter()
    header = MotionHeader(training=config, command=" ".join(["snn", *sys.argv[1:]]))
    model = MotionModel(header, weights)
    calibration = calibrate(model, args.seed + VALIDATION, progress=lambda items: progress(items, "calibration"))
    model = with_calibration(model, calibration, {})
    score = directions_score(model, args.seed + TEST, args.rounds, lambda items: progress(items, "held-out textures"))
    save_motion_model(Path(args.out), with_calibration(model, model.header.calibration, score))
    result = {
        "model": args.out, "samples": len(samples.patches), "textures_s": watched - began, "train_s": trained - watched,
        "total_s": time.perf_counter() - began, **score,
    }  # fmt: skip
    emit(result, table((args.out, ""), [[key, value] for key, value in result.items() if key != "model"]), args.json)
