"""Plots of events."""

import io
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from snn_core.files import write_atomically
from snn_perception.events.batch import EventBatch

OFF_COLOUR, ON_COLOUR = np.array([0.19, 0.39, 0.56]), np.array([0.82, 0.29, 0.36])


def events_figure(batch: EventBatch, starts_us: NDArray, window_us: float) -> Figure:
    """One panel for each start."""
    columns = min(len(starts_us), 3)
    rows = -(-len(starts_us) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(4 * columns, 4 * rows * batch.height / batch.width + 0.4), layout="constrained",
        squeeze=False,
    )  # fmt: skip
    for ax, start in zip(axes.flat, starts_us, strict=False):
        ax.imshow(picture(batch.take((batch.t_us >= start) & (batch.t_us < start + window_us))), aspect="equal")
        ax.set_title(f"{(start - batch.t_us[0]) * 1e-3:.0f} ms", fontsize=8)
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
    return figure


def write_picture(image: NDArray[np.uint8], path: Path) -> None:
    """Write an RGB image (row, column, 3) as PNG."""
    buffer = io.BytesIO()
    plt.imsave(buffer, image, format="png")
    write_atomically(path, buffer.getvalue())


def picture(batch: EventBatch) -> NDArray[np.float64]:
    """Events as an RGB image (row, column, 3) on white; the more events, the more colour."""
    image: NDArray[np.float64] = np.ones((batch.height, batch.width, 3))
    for on, colour in ((True, ON_COLOUR), (False, OFF_COLOUR)):
        counts = np.zeros((batch.height, batch.width))
        np.add.at(counts, (batch.y[batch.on == on], batch.x[batch.on == on]), 1.0)
        strength = np.minimum(counts, 3.0)[..., None] / 3.0
        image = image * (1 - strength) + colour * strength
    return image
