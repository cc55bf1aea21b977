"""One self-contained HTML page about some flights: a table, plots, and where it all came from."""

import html
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from snn_cli.plots import embedded
from snn_core.files import write_atomically
from snn_core.version import VERSION

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1060px; margin: 2rem auto; padding: 0 1rem; color: #222; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child, .facts td { text-align: left; }
td:first-child { white-space: nowrap; }
th { font-weight: 600; border-bottom: 2px solid #888; }
img { max-width: 100%; } .note { color: #666; font-size: .9rem; } code { background: #f2f2f2; padding: .1em .3em; }
"""


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3f}" if math.isfinite(value) else "–"
    return html.escape(str(value))


def cells(columns: Sequence[str], rows: Sequence[Sequence[Any]], kind: str = "scores") -> str:
    """A table as HTML."""
    head = "".join(f"<th>{html.escape(column.replace('_', ' '))}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>" for row in rows)
    return f"<table class={kind}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def write_report(
    path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]], figures: Sequence[Any], facts: dict[str, str]
) -> None:
    """Write the page; raises OutputError if it cannot be."""
    pictures = "".join(f'<img alt="flight plot" src="{embedded(figure)}">' for figure in figures)
    origin = cells(("", ""), list(facts.items()), "facts")
    page = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>snn_robotics: altitude flights</title><style>{STYLE}</style></head>
<body><h1>Two spiking networks hold a blimp's altitude</h1>
<p>160 neurons, evolved to mimic a PID on the error signals of real flights, fly a blimp whose physics were fitted to
real flights, through rclpy nodes over DDS. Beside them the PID that taught them. Lengths in metres, times in seconds,
one flight per row.</p>
{cells(columns, rows)}
<p class="note">steady-state error: mean |error| over the last 10 s of each hold · overshoot: furthest beyond the target
within 30 s, mean over the steps · settling: until within ±5 cm for good, else the whole hold
· oscillation: half of peak to peak over the last 30 s of each hold.</p>
<h2>Flights</h2>{pictures}
<h2>Where this comes from</h2>{origin}
<p class="note">snn_robotics {VERSION}</p></body></html>
"""
    write_atomically(path, page.encode())
