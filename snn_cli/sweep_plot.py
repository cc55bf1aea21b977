"""A robustness sweep in pictures: the error over each factor, and maps over dead time and thrust gain."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure, SubFigure

from sim_worlds.margins import MOST
from sim_worlds.perturbations import BALLAST_G_PER_MPS2, FACTORS, Factor
from snn_cli.plots import COLOURS
from snn_cli.sweep import GRID_DEAD_TIMES_S, GRID_GAINS, Row
from snn_core.files import write_atomically

OTHERS = ("#2a9d6f", "#8e5ea2", "#d99a2b", "#4f4f4f", "#00a1b3", "#9c6644")
COLUMNS = 3
TICKS_CM = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0)
SCALE_CM = (5.0, 200.0)  # one colour scale for all maps of all sweeps


def _colours(controllers: Sequence[str]) -> dict[str, str]:
    others = iter(OTHERS * (1 + len(controllers) // len(OTHERS)))
    return {name: COLOURS.get(name) or next(others) for name in controllers}


def _draw_factor(axes: Axes, factor: Factor, rows: list[Row], colours: Mapping[str, str]) -> None:
    """RMSE (solid, with its range over the seeds) and steady-state error (dashed) of every controller."""
    for controller, colour in colours.items():
        mine = [row for row in rows if row["controller"] == controller]
        level = [row["level"] for row in mine]
        for score, line in (("rmse_m", "-o"), ("steady_state_error_m", "--")):
            mean, low, high = (100.0 * np.array([row[score + end] for row in mine]) for end in ("", "_min", "_max"))
            label = controller if line == "-o" else None
            axes.plot(level, mean, line, color=colour, ms=3.5, lw=1.4 if label else 1.0, label=label)
            axes.fill_between(level, low, high, color=colour, alpha=0.15, lw=0)
        bad = [(row["level"], 100.0 * row["rmse_m"]) for row in mine if max(row["oscillating"], row["unstable"]) > MOST]
        axes.plot(*zip(*bad, strict=True) if bad else ([], []), "x", color=colour, ms=9, mew=2)
    axes.axvline(next(row["level"] for row in rows if row["nominal"]), color=COLOURS["setpoint"], lw=0.8, ls=":")
    grams = f" ({1 / BALLAST_G_PER_MPS2:.3f} m/s² = 1 g of ballast)" if factor.name == "buoyancy" else ""
    axes.set(title=factor.name.replace("_", " "), xlabel=factor.unit + grams, yscale="log")
    axes.set_yticks(TICKS_CM, [f"{tick:g}" for tick in TICKS_CM])
    axes.minorticks_off()
    axes.grid(alpha=0.3)


def _draw_map(axes: Axes, controller: str, rows: list[Row], norm: LogNorm) -> None:
    """RMSE over thrust gain and dead time; o = oscillates, x = unstable, in more than half of the seeds."""
    cells = {(row["dead_time_s"], row["thrust_gain"]): row for row in rows if row["controller"] == controller}
    rmse = [[100.0 * cells[delay, gain]["rmse_m"] for gain in GRID_GAINS] for delay in GRID_DEAD_TIMES_S]
    axes.imshow(rmse, origin="lower", aspect="auto", norm=norm, cmap="cividis")
    for y, delay in enumerate(GRID_DEAD_TIMES_S):
        for x, gain in enumerate(GRID_GAINS):
            cell = cells[delay, gain]
            mark = "x" if cell["unstable"] > MOST else "o" if cell["oscillating"] > MOST else ""
            if mark:
                axes.plot(x, y, mark, color="#b3001b", ms=8, mew=1.8, mfc="none")
    axes.set(title=controller, xlabel="thrust gain (×)", ylabel="dead time (s)")
    axes.set_xticks(range(len(GRID_GAINS)), [f"{gain:g}" for gain in GRID_GAINS])
    axes.set_yticks(range(len(GRID_DEAD_TIMES_S)), [f"{delay:g}" for delay in GRID_DEAD_TIMES_S])


def _draw_maps(part: SubFigure, controllers: Sequence[str], grid: list[Row]) -> None:
    norm, maps = LogNorm(*SCALE_CM), part.subplots(1, len(controllers), squeeze=False)[0]
    for axes, controller in zip(maps, controllers, strict=True):
        _draw_map(axes, controller, grid, norm)
    bar = part.colorbar(ScalarMappable(norm, "cividis"), ax=list(maps), label="RMSE (cm)", ticks=TICKS_CM[2:])
    bar.ax.set_yticklabels([f"{tick:g}" for tick in TICKS_CM[2:]])
    part.suptitle("dead time and thrust gain together (o oscillates, × unstable, in more than half of the seeds)")


def sweep_figure(result: Mapping[str, list[Row]], title: str) -> Figure:
    """The whole sweep on one page."""
    colours = _colours(list(dict.fromkeys(row["controller"] for row in result["factors"])))
    figure = Figure(figsize=(14, 12), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=(5, 4))
    panels = upper.subplots(-(-len(FACTORS) // COLUMNS), COLUMNS, squeeze=False, sharey=True)
    for axes, factor in zip(panels.flat, FACTORS.values(), strict=True):
        _draw_factor(axes, factor, [row for row in result["factors"] if row["factor"] == factor.name], colours)
    for axes in panels[:, 0]:
        axes.set_ylabel("error (cm)")
    upper.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=8, frameon=False)
    legend = "RMSE (solid, band = range over the seeds), steady-state error (dashed), × = oscillates or unstable"
    upper.suptitle(f"{title}\n{legend}")
    _draw_maps(lower, list(colours), result["grid"])
    return figure


def save_sweep_figure(path: Path, result: Mapping[str, list[Row]], title: str) -> None:
    """Write the page as PNG; raises OutputError if it cannot be."""
    buffer = io.BytesIO()
    sweep_figure(result, title).savefig(buffer, format="png", dpi=110)
    write_atomically(path, buffer.getvalue())
