"""What the command prints: tables for people, JSON for programs."""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from snn_core.files import write_atomically


def plain(value: Any) -> Any:
    """A value as JSON can hold it: numbers that are not finite become null."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value


def emit(result: Any, table: str, target: str | None) -> None:
    """Print the table, or write the result as JSON to a file, or to standard output alone when target is '-'."""
    text = json.dumps(plain(result), indent=2)
    if target == "-":
        print(text)
        return
    print(table)
    if target is not None:
        write_atomically(Path(target), (text + "\n").encode())
        print(f"written: {target}", file=sys.stderr)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A plain text table; floats with three decimals, NaN as a dash."""
    cells = [list(columns), *[[_cell(value) for value in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    sides = ["<", *">" * (len(columns) - 1)]
    lines = ["  ".join(f"{cell:{s}{w}}" for cell, s, w in zip(row, sides, widths, strict=True)) for row in cells]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """The same table as Markdown, to be pasted into a page."""
    sides = ["---", *["---:"] * (len(columns) - 1)]
    cells = [columns, sides, *[[_cell(value) for value in row] for row in rows]]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}" if math.isfinite(value) else "-"
    return str(value)
