"""`snn events simulate`: what an event camera would have seen of a film."""

import argparse
from pathlib import Path

import numpy as np

from snn_cli.arguments import number, seed
from snn_cli.output import emit, table
from snn_cli.places_options import SOURCES, progress, read
from snn_core.errors import DataError
from snn_core.event_camera import EventCameraConfig
from snn_perception.events.film import simulate
from snn_perception.events.sources import WRITERS, write_events


def add_parser(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the action."""
    parser = actions.add_parser("simulate", help="events of a film, as an event camera would have seen it")
    parser.add_argument("film", metavar="VIDEO", help=SOURCES)
    parser.add_argument("--out", required=True, metavar="FILE", help=f"file to write: {', '.join(WRITERS)}")
    parser.add_argument("--rate-hz", type=number, default=30.0, help="images per second (default: %(default)s)")
    parser.add_argument("--gamma", type=number, default=1.0, help="2.2 where a film was encoded for displays")
    for name, field in EventCameraConfig.model_fields.items():
        text = f"{field.description} (default: %(default)s)"
        parser.add_argument(f"--{name.replace('_', '-')}", type=number, default=field.default, help=text)
    parser.add_argument("--seed", type=seed, default=0, help="seed of thresholds and noise")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Read, simulate, write and report."""
    if not 0.001 <= args.rate_hz <= 1e6:
        raise DataError(f"--rate-hz: expected 0.001 to 1000000 images per second, found {args.rate_hz:g}")
    if not 0.1 <= args.gamma <= 10:
        raise DataError(f"--gamma: expected 0.1 to 10, found {args.gamma:g}")
    config = EventCameraConfig.check({name: getattr(args, name) for name in EventCameraConfig.model_fields}, "options")
    images = read(args.film).images
    shown = progress(images, "simulating")
    batch = simulate(shown, args.rate_hz, config, np.random.default_rng(args.seed), args.gamma, args.film)
    write_events(batch, Path(args.out))
    result = {
        "out": args.out, "images": len(images), "width": batch.width, "height": batch.height, "events": len(batch),
        "on": int(batch.on.sum()), "off": int((~batch.on).sum()), "seconds": (len(images) - 1) / args.rate_hz,
    }  # fmt: skip
    emit(result, table((args.out, ""), [[key, value] for key, value in result.items() if key != "out"]), args.json)
