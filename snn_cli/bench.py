"""`snn bench`: the speed measurements of the source tree, as ratios against a named peer in the same run."""

import argparse
import importlib
import sys
from pathlib import Path
from typing import Any

from snn_cli.output import emit, table
from snn_core.errors import ConfigError

SOURCE_TREE = Path(__file__).resolve().parents[1]
COLUMNS = ("name", "value", "unit", "peer", "peer_value", "ratio")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    parser = commands.add_parser("bench", help="measure speed against named peers")
    parser.add_argument("name", nargs="?", default="all", help="which (default: all)")
    parser.add_argument("--json", metavar="FILE", help="write the result as JSON ('-' = standard output)")
    parser.set_defaults(run=run, usage_error=parser.error)


def benchmarks() -> dict[str, Any]:
    """The measurements by name; a ConfigError where only the installed package is there."""
    if not (SOURCE_TREE / "benchmarks" / "__init__.py").is_file():
        raise ConfigError("benchmarks belong to the source tree, not to an installation; clone it and run 'make bench'")
    sys.path.insert(0, str(SOURCE_TREE))
    return importlib.import_module("benchmarks").BENCHMARKS


def run(args: argparse.Namespace) -> None:
    """Measure and report."""
    known = benchmarks()
    if args.name != "all" and args.name not in known:
        args.usage_error(f"unknown benchmark '{args.name}': expected all or one of {', '.join(known)}")
    rows = [row._asdict() for name, work in known.items() if args.name in ("all", name) for row in work()]
    emit(rows, table(COLUMNS, [[row[c] for c in COLUMNS] for row in rows]), args.json)
