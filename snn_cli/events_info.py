"""`snn events info`: what a recording holds, and what was wrong with it."""

import argparse

from snn_cli.events_options import add_source, read_source
from snn_cli.output import emit, table


def add_parser(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the action."""
    parser = actions.add_parser("info", help="what a recording holds")
    add_source(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Read, count and report."""
    batch = read_source(args)
    on, span_s = int(batch.on.sum()), float(batch.t_us[-1] - batch.t_us[0]) * 1e-6 if len(batch) else 0.0
    result = {
        "width": batch.width, "height": batch.height, "events": len(batch), "on": on, "off": len(batch) - on,
        "t_first_us": int(batch.t_us[0]) if len(batch) else None,
        "t_last_us": int(batch.t_us[-1]) if len(batch) else None, "format": batch.format,
        "events_per_s": len(batch) / span_s if span_s else None, "faults": dict(batch.faults),
    }  # fmt: skip
    rows = [[key, value] for key, value in result.items() if key != "faults"] + list(map(list, batch.faults.items()))
    emit(result, table((args.file, ""), rows), args.json)
