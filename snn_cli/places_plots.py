"""Plots of place recognition: precision against recall, and answers beside their questions."""

import io
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from snn_core.files import write_atomically
from snn_perception.places.evaluation import Truth
from snn_perception.places.images import Array, Images

EXAMPLES = 6  # of right answers, and of wrong ones
COLUMN_IN, TITLE_IN = 1.7, 0.35  # of the figure of matches
COLOURS = {"fast": "#d1495b", "paper": "#edae49", "hog": "#30638e", "sad": "#8a8a8a"}


def precision_recall_figure(curves: dict[str, tuple[NDArray, NDArray]]) -> Figure:
    """One curve (precision, recall) for each method."""
    figure, axes = plt.subplots(figsize=(6, 4.5), layout="constrained")
    for name, (precision, recall) in curves.items():
        axes.plot(recall, precision, label=name, color=COLOURS.get(name), lw=1.6)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.03))
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="lower left")
    return figure


def match_figure(similarity: Array, truth: Truth, references: Images, queries: Images) -> Figure:
    """Queries above the places they were taken for: right answers on the left, wrong ones on the right."""
    answers = similarity.argmax(axis=0)
    right = truth[answers, np.arange(len(answers))]
    chosen = np.concatenate([_spread(np.flatnonzero(right)), _spread(np.flatnonzero(~right))]).astype(int)
    columns, slope = max(len(chosen), 1), queries.shape[1] / queries.shape[2]
    size = (COLUMN_IN * columns + 0.4, 2 * (COLUMN_IN * slope + TITLE_IN))
    figure, axes = plt.subplots(2, columns, figsize=size, layout="constrained", squeeze=False)
    for column, query in enumerate(chosen):
        place, colour = answers[query], "#2a9d8f" if right[query] else "#d1495b"
        for row, (image, title) in enumerate(
            ((queries[query], f"query {query}"), (references[place], f"place {place}"))
        ):
            axes[row, column].imshow(image, cmap="gray", vmin=0, vmax=255, aspect="equal")
            axes[row, column].set_title(title, fontsize=8, color=colour)
            axes[row, column].set(xticks=[], yticks=[])
            for spine in axes[row, column].spines.values():
                spine.set(color=colour, linewidth=2)
    return figure


def _spread(index: NDArray) -> NDArray:
    """A few, evenly spread."""
    return index[np.unique(np.linspace(0, len(index) - 1, EXAMPLES).astype(int))] if len(index) else index


def save(figure: Figure, path: Path) -> None:
    """Write a PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    plt.close(figure)
    write_atomically(path, buffer.getvalue())
