"""The picture of a Pareto front: tracking error against command effort, spikes as colour."""

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

Array = NDArray[np.float64]
MARKERS = {"pid": ("s", "#30638e"), "pd": ("^", "#8a8a8a")}


def front_figure(costs: dict[str, Array]) -> Figure:
    """Fronts of the contenders; costs (individual, objective) as in `snn_control.fine_tuning.OBJECTIVES`."""
    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.subplots()
    for name, (marker, colour) in MARKERS.items():
        axes.scatter(costs[name][:, 1], 100 * costs[name][:, 0], marker=marker, color=colour, label=name.upper(), s=22)
    snn = costs["snn"]
    dots = axes.scatter(
        snn[:, 1], 100 * snn[:, 0], c=snn[:, 2], cmap="plasma", s=34, label="SNN", edgecolors="k", lw=0.3
    )
    figure.colorbar(dots, label="spikes per step of the SNN")
    axes.set(
        xlabel="total variation of the command per step (command units)",
        ylabel="RMSE + steady-state error (cm)", xscale="log", yscale="log",
        title="Fronts in validation worlds",
    )  # fmt: skip
    axes.grid(alpha=0.3, which="both")
    axes.legend(frameon=False)
    return figure
