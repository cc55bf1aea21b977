"""`snn runs`: what the folders of runs hold. A list, one run in detail, and the losses of some as a picture."""

import argparse
from pathlib import Path
from typing import Any

from snn_cli.output import emit, table
from snn_cli.run_records import RunRecord, StageRecord, find_runs, read_losses, read_record
from snn_core.errors import OutputError

LISTED = ("run", "status", "at", "last loss", "bad")
BAD_SHOWN = 10


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommands."""
    parser = commands.add_parser("runs", help="list, show and plot the runs of snn evolve")
    ways = parser.add_subparsers(required=True, metavar="list|show|plot")
    listing = ways.add_parser("list", help="the runs in a folder")
    listing.add_argument("folder", nargs="?", type=Path, default=Path("runs"), help="where (default: runs)")
    show = ways.add_parser("show", help="one run: status, settings, stages, speed, bad fitness, model")
    show.add_argument("folder", type=Path, metavar="RUN", help="folder of the run")
    for way, work in ((listing, list_runs), (show, show_run)):
        way.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
        way.set_defaults(run=work)
    plot = ways.add_parser("plot", help="loss of every stage over its steps")
    plot.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folders of runs, drawn over each other")
    plot.add_argument("--out", type=Path, required=True, metavar="PNG", help="picture to write")
    plot.set_defaults(run=plot_runs)


def list_runs(args: argparse.Namespace) -> None:
    """One line per run."""
    records = [read_record(folder) for folder in find_runs(args.folder)]
    text = "\n".join(map(str.rstrip, _list(records).splitlines())) if records else f"{args.folder}: no runs"
    emit([record._asdict() | {"stages": _stages(record)} for record in records], text, args.json)


def _list(records: list[RunRecord]) -> str:
    """The table, its last column flush left."""
    width = max(len(_words(record.settings)) for record in records)
    return table((*LISTED, f"{'settings':{width}}"), [_listed(record, width) for record in records])


def _listed(record: RunRecord, width: int) -> list[Any]:
    last = record.stages[-1].last_loss if record.stages else float("nan")
    bad = sum(stage.bad for stage in record.stages)
    at = record.at if record.status != "damaged" else record.at.split(": ", 1)[-1].split(";")[0].split(" (")[0]
    return [record.run, record.status, at or "-", last, bad, f"{_words(record.settings):{width}}"]


def _words(settings: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in settings.items())


def _stages(record: RunRecord) -> list[dict[str, Any]]:
    return [stage._asdict() for stage in record.stages]


def show_run(args: argparse.Namespace) -> None:
    """Everything about one run."""
    record = read_record(args.folder)
    about = {
        "status": f"{record.status} {record.at}".strip(), "settings": _words(record.settings) or "-",
        "model": record.model or "-", "score": _words(record.score) or "-",
    }  # fmt: skip
    lines = [f"{name:8}  {value}" for name, value in {"run": record.run, **about}.items()]
    if record.stages:
        lines += ["", table(StageRecord._fields, record.stages)]
    if record.bad:
        rows = [[bad["stage"], bad["generation"], bad["individual"], bad["reason"]] for bad in record.bad[:BAD_SHOWN]]
        lines += ["", table(("costs not finite in", "generation", "individual", "reason"), rows)]
    emit(record._asdict() | {"stages": _stages(record)}, "\n".join(lines), args.json)


def plot_runs(args: argparse.Namespace) -> None:
    """The losses of some runs as one picture."""
    from snn_cli.loss_plot import save_loss_figure

    if args.out.suffix.lower() != ".png":
        raise OutputError(f"{args.out}: expected a name that ends in .png")
    save_loss_figure(args.out, {_label(run, args.runs): read_losses(run) for run in args.runs})
    print(f"plot: {args.out}")


def _label(run: Path, runs: list[Path]) -> str:
    """A run's name, or its whole path where another has the same name."""
    name = run.resolve().name
    return name if [other.resolve().name for other in runs].count(name) == 1 else str(run)
