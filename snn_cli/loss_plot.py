"""The losses of some runs: one panel per stage, the runs over each other."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from snn_cli.plots import COLOURS
from snn_control.checkpoints import Row
from snn_core.files import write_atomically

Array = NDArray[np.float64]
RUN_COLOURS = (COLOURS["snn"], COLOURS["pid"], "#2a9d6f", "#8e5ea2", "#d99a2b", "#4f4f4f", "#00a1b3", "#9c6644")
SMOOTHING = 40  # parts of a curve over which its mean is drawn
LOG_FROM = 4.0  # ratio of largest to smallest loss from which a logarithmic axis helps


def loss_figure(losses: Mapping[str, Sequence[Row]]) -> Figure:
    """Logged losses (thin) and their running means (thick) of every run, by stage."""
    stages = list(dict.fromkeys(row.stage for rows in losses.values() for row in rows))
    figure = Figure(figsize=(4.5 * len(stages) + 1.0, 4.2), layout="constrained")
    panels = figure.subplots(1, len(stages), squeeze=False)[0]
    for axes, stage in zip(panels, stages, strict=True):
        _draw_stage(axes, stage, {run: [row for row in rows if row.stage == stage] for run, rows in losses.items()})
    panels[0].set_ylabel("loss of the stage")
    handles = {label: line for axes in panels for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=min(4, len(handles)), frameon=False
    )
    return figure


def _draw_stage(axes: Axes, stage: str, losses: Mapping[str, Sequence[Row]]) -> None:
    everything = [row.loss for rows in losses.values() for row in rows]
    for (run, rows), colour in zip(losses.items(), RUN_COLOURS * (1 + len(losses) // len(RUN_COLOURS)), strict=False):
        if rows:
            step, loss = np.array([row.step + 1 for row in rows]), np.array([row.loss for row in rows])
            axes.plot(step, loss, color=colour, lw=0.6, alpha=0.4)
            axes.plot(step, running_mean(loss, len(loss) // SMOOTHING), color=colour, lw=1.6, label=run)
    if min(everything) > 0.0 and max(everything) / min(everything) >= LOG_FROM:
        axes.set_yscale("log")
    axes.set(title=f"stage {stage}", xlabel="step" if stage == "pd" else "generation")
    axes.grid(alpha=0.3, which="both")


def running_mean(values: Array, window: int) -> Array:
    """Mean of each value and those within `window` of it, fewer at the ends."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    first = np.maximum(np.arange(len(values)) - window, 0)
    last = np.minimum(np.arange(len(values)) + window + 1, len(values))
    return (sums[last] - sums[first]) / (last - first)


def save_loss_figure(path: Path, losses: Mapping[str, Sequence[Row]]) -> None:
    """Write the picture as PNG; raises OutputError if it cannot be."""
    buffer = io.BytesIO()
    loss_figure(losses).savefig(buffer, format="png", dpi=110)
    write_atomically(path, buffer.getvalue())
