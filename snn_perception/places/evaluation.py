"""Figures of place recognition, all from one similarity matrix (place, query); larger means more alike."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn_perception.places.images import Array

Truth = NDArray[np.bool_]  # (place, query): is it right to answer this place?


class Figures(NamedTuple):
    """Scores in [0, 1] over the queries that have a place."""

    recall_at_1: float  # = precision at 100 % recall, when every query has a place
    recall_at_5: float
    recall_at_10: float
    recall_at_100_precision: float
    auc_pr: float


def index_truth(places: int, queries: int, tolerance: int) -> Truth:
    """Query i shows place i; places up to `tolerance` frames beside it are right too."""
    return np.abs(np.arange(places)[:, None] - np.arange(queries)[None]) <= tolerance


def range_truth(places: int, low: NDArray, high: NDArray) -> Truth:
    """Query i shows the places low[i]..high[i], both included."""
    index = np.arange(places)[:, None]
    return np.asarray((index >= low[None]) & (index <= high[None]))


def distance_truth(place_xy_m: NDArray, query_xy_m: NDArray, tolerance_m: float) -> Truth:
    """Right is every place within `tolerance_m` of the query; positions (place, 2) and (query, 2) in metres."""
    distance = np.linalg.norm(place_xy_m[:, None] - query_xy_m[None], axis=2)
    return np.asarray(distance <= tolerance_m)


def recall_at(similarity: Array, truth: Truth, n: int) -> float:
    """Share of the queries with a place that have a right one among their n best."""
    known = truth.any(axis=0)
    if not known.any():
        return 0.0
    best = np.argsort(-similarity[:, known], axis=0, kind="stable")[:n]
    return float(np.take_along_axis(truth[:, known], best, axis=0).any(axis=0).mean())


def precision_recall(similarity: Array, truth: Truth, confidence: Array | None = None) -> tuple[NDArray, NDArray]:
    """Precision and recall (query,) when the queries are answered in order of falling confidence.

    The confidence of a query is its best similarity unless given. Recall counts the right answers among the queries
    that have a place; answering a query that has none costs precision. Equal confidences are answered together.
    """
    answer = similarity.argmax(axis=0)
    confidence = similarity.max(axis=0) if confidence is None else confidence
    right = truth[answer, np.arange(len(answer))]
    order = np.argsort(-confidence, kind="stable")
    hits = np.cumsum(right[order])
    precision = hits / np.arange(1, len(order) + 1)
    recall = hits / max(int(truth.any(axis=0).sum()), 1)
    last = np.append(np.diff(confidence[order]) != 0, True)
    return precision[last], recall[last]


def auc_pr(precision: NDArray, recall: NDArray) -> float:
    """Area under the curve, as average precision: the sum of precision times the step in recall."""
    return float(np.sum(precision * np.diff(recall, prepend=0.0)))


def recall_at_full_precision(precision: NDArray, recall: NDArray) -> float:
    """Largest recall without one wrong answer."""
    return float(recall[precision >= 1.0].max(initial=0.0))


def figures(similarity: Array, truth: Truth, confidence: Array | None = None) -> Figures:
    """All figures of one matrix."""
    precision, recall = precision_recall(similarity, truth, confidence)
    at_1, at_5, at_10 = (recall_at(similarity, truth, n) for n in (1, 5, 10))
    return Figures(at_1, at_5, at_10, recall_at_full_precision(precision, recall), auc_pr(precision, recall))
