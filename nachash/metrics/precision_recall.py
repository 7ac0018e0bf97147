"""The precision-recall curve by Hamming radius."""

from dataclasses import dataclass

import numpy as np

from nachash.metrics.distance_histogram import Histograms
from nachash.shapes import Float64, Int64


@dataclass(frozen=True, slots=True)
class Curve:
    """Means over queries at each radius, 0 to D bits; precision is nan where all are empty."""

    radius: Int64[np.ndarray, "distances"]
    precision: Float64[np.ndarray, "distances"]
    recall: Float64[np.ndarray, "distances"]


def precision_recall(histograms: Histograms) -> Curve:
    """A point for every radius (inclusive).

    Precision is the mean over queries with anything in their ball, recall the mean over all;
    queries without relevant item are left out of both. Unlike `precision_within`, empty balls
    do not count as 0: the curve would fall towards small radii for a reason that is not
    precision. BiHalf's `pr_curve` leaves out more, queries without a hit, which flatters.
    """
    items = np.cumsum(histograms.items, axis=1)
    relevant = np.cumsum(histograms.relevant, axis=1)
    asked = relevant[:, -1] > 0
    items, relevant = items[asked], relevant[asked]
    return Curve(
        np.arange(histograms.items.shape[1]),
        _mean_of(relevant / np.maximum(items, 1), items > 0),
        _mean_of(relevant / relevant[:, -1:], np.ones(items.shape, bool)),
    )


def _mean_of(
    values: Float64[np.ndarray, "queries distances"], counted: np.ndarray
) -> Float64[np.ndarray, "distances"]:
    count = counted.sum(axis=0)
    total = np.where(counted, values, 0.0).sum(axis=0)
    return np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
