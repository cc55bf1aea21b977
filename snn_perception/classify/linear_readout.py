"""A linear read-out: ridge regression to one neuron for each class, its strength chosen by leaving one out."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn_perception.classify.labelled_recordings import Whole

Doubles = NDArray[np.float64]
STRENGTHS = np.geomspace(1e-4, 1e4, 33)  # times the mean eigenvalue


class LinearReadout(NamedTuple):
    """Weights (feature, class) of standardised features, and how they are standardised."""

    weights: Doubles
    mean: Doubles
    scale: Doubles

    def answers(self, features: NDArray) -> Whole:
        """The class of each row of features."""
        return ((features - self.mean) * self.scale @ self.weights).argmax(axis=1)


def fit_readout(features: NDArray, label: Whole) -> LinearReadout:
    """Fit to rows of features, with the strength under which each row is predicted best by the others."""
    mean, spread = features.mean(axis=0), features.std(axis=0)
    scale = np.where(spread > 0, 1.0 / np.maximum(spread, 1e-12), 0.0)
    rows = (features - mean) * scale
    wanted = np.eye(int(label.max()) + 1)[label] - 1.0 / (int(label.max()) + 1)
    values, vectors = np.linalg.eigh(rows @ rows.T)
    values, turned = np.maximum(values, 0.0), vectors.T @ wanted
    best, least = 0.0, np.inf
    for strength in STRENGTHS * values.mean():
        shrunk = values / (values + strength)
        left_over = wanted - vectors @ (shrunk[:, None] * turned)
        error = ((left_over / (1.0 - (vectors**2 @ shrunk))[:, None]) ** 2).sum()
        if error < least:
            best, least = float(strength), float(error)
    return LinearReadout(rows.T @ (vectors @ (turned / (values + best)[:, None])), mean, scale)
