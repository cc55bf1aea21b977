"""`snn events convert`: a recording in another format, filtered, cut or transformed on the way."""

import argparse
from pathlib import Path

import numpy as np

from snn_cli.arguments import number, seed, whole
from snn_cli.events_options import add_source, read_source
from snn_cli.output import emit, table
from snn_core.errors import DataError
from snn_perception.events.sources import WRITERS, write_events
from snn_perception.events.transforms import TransformConfig, transform_events


def add_parser(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the action."""
    parser = actions.add_parser("convert", help="write a recording in another format")
    add_source(parser)
    parser.add_argument("out", metavar="OUT", help=f"file to write: {', '.join(WRITERS)}")
    parser.add_argument("--from-s", type=number, default=0.0, help="leave out what comes before (s from the start)")
    parser.add_argument("--to-s", type=number, default=float("inf"), help="leave out what comes after (s)")
    fields = TransformConfig.model_fields
    group = parser.add_argument_group("transforms, in this order")
    group.add_argument("--rotate", type=whole, default=0, help=fields["rotate"].description)
    group.add_argument("--reverse", action="store_true", help=fields["reverse"].description)
    for name in ("stretch", "drop", "noise"):
        text = f"{fields[name].description} (default: %(default)s)"
        group.add_argument(f"--{name}", type=number, default=fields[name].default, help=text)
    group.add_argument("--seed", type=seed, default=0, help="seed of what is dropped and added")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Read, cut, transform, write and report."""
    values = {name: getattr(args, name) for name in TransformConfig.model_fields}
    config = TransformConfig.check(values, "options")
    batch = read_source(args)
    if len(batch):
        since_us = batch.t_us - batch.t_us[0]
        batch = batch.take((since_us >= round(args.from_s * 1e6)) & (since_us <= args.to_s * 1e6))
    if not len(batch):
        raise DataError(f"{args.file}: expected events to write, found none left")
    batch = transform_events(batch, config, np.random.default_rng(args.seed))
    if not len(batch):
        raise DataError(f"{args.file}: expected events to write, found none left by --drop")
    write_events(batch, Path(args.out))
    result = {"out": args.out, "events": len(batch), "bytes": Path(args.out).stat().st_size, **batch.faults}
    emit(result, table((args.out, ""), [[key, value] for key, value in result.items() if key != "out"]), args.json)
