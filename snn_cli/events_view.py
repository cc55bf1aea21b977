"""`snn events view`: pictures of a recording, ON events red and OFF events blue."""

import argparse
from pathlib import Path

import numpy as np

from snn_cli.arguments import count, number
from snn_cli.events_options import add_source, read_source
from snn_cli.events_plots import events_figure
from snn_cli.output import emit, table
from snn_cli.places_plots import save
from snn_core.errors import DataError


def add_parser(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the action."""
    parser = actions.add_parser("view", help="draw a recording")
    add_source(parser)
    parser.add_argument("--out", default="events.png", metavar="PNG", help="picture to write (default: %(default)s)")
    parser.add_argument("--window-ms", type=number, default=20.0, help="time that a panel shows (default: %(default)s)")
    parser.add_argument("--panels", type=count, default=6, help="panels, evenly spread (default: %(default)s)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Read, draw and report."""
    batch = read_source(args)
    if not len(batch) or args.window_ms <= 0:
        raise DataError(f"{args.file}: expected events and a window above 0 ms, found {len(batch)} events")
    starts = np.linspace(batch.t_us[0], max(batch.t_us[-1] - args.window_ms * 1e3, batch.t_us[0]), args.panels)
    save(events_figure(batch, starts, args.window_ms * 1e3), Path(args.out))
    emit({"out": args.out, "panels": args.panels}, table((args.out, ""), [["panels", args.panels]]), args.json)
