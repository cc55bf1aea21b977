"""`snn train gesture`: train a spiking classifier of event recordings, with delays that are learnt too."""

import argparse
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from snn_cli.arguments import count, number, seed, whole
from snn_cli.output import emit, table
from snn_cli.places_options import progress
from snn_core.errors import ConfigError, DataError
from snn_perception.classify.classifier_model import Classifier, ClassifierHeader, save_classifier
from snn_perception.classify.classifier_trials import Trained, evidence_of, figures, inputs_for, train_members
from snn_perception.classify.labelled_recordings import LabelledRecordings, Whole, balanced_split, read_labelled
from snn_perception.classify.spiking_layers import LayerConfig, NetworkConfig
from snn_perception.classify.training_config import TrainingConfig

LAYERS = (
    LayerConfig(channels=24, kernel=5, stride=2, delays=6),
    LayerConfig(channels=48, kernel=3, stride=2, delays=4),
)


def add_parser(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the action."""
    parser = actions.add_parser("gesture", help="train a classifier of recordings (gestures, digits, ...)")
    parser.add_argument("data", metavar="DATA", help="npz with x y t_us on offset label, or a folder of class folders")
    parser.add_argument("--out", required=True, metavar="MODEL", help="file to write (.safetensors)")
    parser.add_argument("--seed", type=seed, default=0, help="seed of weights, order and changes")
    parser.add_argument("--split-seed", type=seed, default=0, help="seed of the samples that are held out")
    parser.add_argument("--held-out", type=whole, default=100, help="samples to test on (default: %(default)s)")
    parser.add_argument("--members", type=count, default=3, help="networks that are averaged (default: %(default)s)")
    parser.add_argument("--steps", type=count, default=21, help="time steps of a sample (default: %(default)s)")
    parser.add_argument("--step-ms", type=number, default=15.0, help="length of a time step (default: %(default)s)")
    parser.add_argument("--lost", type=number, default=0.005, help="share of answers that early exit may cost")
    fields = TrainingConfig.model_fields
    for name in ("epochs", "batch"):
        text = f"{fields[name].description} (default: %(default)s)"
        parser.add_argument(f"--{name}", type=count, default=fields[name].default, help=text)
    parser.add_argument("--method", choices=("bptt", "sltt"), default="bptt", help=fields["method"].description)
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Split, train, calibrate, score, save and report."""
    options = {name: getattr(args, name) for name in ("epochs", "batch", "method", "seed")}
    config = TrainingConfig.check(options, "options")
    data = read_labelled(args.data, round(args.steps * args.step_ms * 1e3))
    inputs = inputs_for(data, args.steps, round(args.step_ms * 1e3))
    network = NetworkConfig(layers=LAYERS, classes=len(data.names))
    chosen, held_out = split(data, args.held_out, args.split_seed)
    began = time.perf_counter()
    workers = min(args.members, os.cpu_count() or 1)
    trained = train_members(data, chosen, inputs, network, config, args.members, args.lost, trainer(), workers)
    train_s = time.perf_counter() - began
    header = ClassifierHeader(
        inputs=inputs, network=network, members=args.members, names=data.names, exit=trained.exit, training=config,
        data_digest=data.digest, command=" ".join(["snn", *sys.argv[1:]]),
    )  # fmt: skip
    classifier = Classifier(header, trained.members)
    score = scored(classifier, trained, data, held_out)
    save_classifier(Path(args.out), Classifier(header.model_copy(update={"score": score}), trained.members))
    result = {"model": args.out, "classes": len(data.names), "learnt_from": len(chosen), "train_s": train_s, **score}
    emit(result, table((args.out, ""), [[key, value] for key, value in result.items() if key != "model"]), args.json)


def split(data: LabelledRecordings, held_out: int, split_seed: int) -> tuple[Whole, Whole]:
    """What to learn from, and what to test on."""
    if held_out > len(data) // 2:
        raise DataError(f"--held-out: expected at most half of the {len(data)} samples, found {held_out}")
    return balanced_split(data.label, held_out, np.random.default_rng(split_seed))


def trainer() -> Any:
    """The training function, with a bar for each member; a ConfigError where torch is not installed."""
    try:
        from snn_perception.classify.classifier_training import train
    except ImportError:
        raise ConfigError(
            "training needs torch, which is not installed: pip install torch, or the extra 'train'"
        ) from None
    return partial(train, progress=lambda items: progress(items, "training"))


def scored(classifier: Classifier, trained: Trained, data: LabelledRecordings, held_out: Whole) -> dict[str, float]:
    """Figures of the validation samples, and of those held out."""
    score = {f"validation_{name}": value for name, value in trained.validation.items()}
    score |= {"alpha": trained.exit.alpha, "threshold": trained.exit.threshold}
    if len(held_out):
        found = figures(evidence_of(classifier, data, held_out), data.label[held_out], trained.exit)
        score |= {f"test_{name}": value for name, value in found.items()}
    return score
