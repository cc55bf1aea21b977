"""`snn faults list`: the table of cases."""

import argparse
from typing import Any

from snn_cli.faults.table import CASES
from snn_cli.output import emit, table

COLUMNS = ("case", "name", "level", "injected", "expected")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the subcommand."""
    parser = commands.add_parser("list", help="print the table of cases")
    parser.add_argument("--json", metavar="FILE", help="write the table as JSON ('-' = standard output)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Print every case with what is injected and expected."""
    rows: list[dict[str, Any]] = [dict(zip(COLUMNS, case, strict=True)) for case in CASES]
    emit(rows, table(COLUMNS, [[str(row[column]) for column in COLUMNS] for row in rows]), args.json)
