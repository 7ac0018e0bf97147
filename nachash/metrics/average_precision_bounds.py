"""The best and the worst average precision that an order of the tied items can give."""

import numpy as np

from nachash.metrics._ties import Blocks, Cut, Harmonic, Over
from nachash.metrics.distance_histogram import Histograms
from nachash.shapes import Float64, Int64


def optimistic(
    histograms: Histograms, at: int | None = None, *, over: Over = "found"
) -> Float64[np.ndarray, "n"]:
    """The largest AP of each query over all orders of its ties; nan without relevant item.

    Relevant items stand first in every tie. Of the h relevant items that can stand before a
    cut, either as many or as few as possible are best: AP@K is a mean whose further terms grow
    with h, so it falls before it rises. Over the possible ones it only rises.
    """
    blocks, harmonic = _prepared(histograms)
    sums = harmonic.precisions(blocks.N, blocks.R, blocks.r)
    if at is None:
        return _over_all(histograms, sums)
    cut = Cut.at(blocks, at)
    before = np.where(cut.whole, sums, 0).sum(axis=1)
    if over == "possible":
        most = before + harmonic.precisions(cut.N, cut.R, cut.most)
        return _or_nan(histograms, _mean(most, _possible(histograms, at)))

    def value(h: Int64[np.ndarray, "n"]) -> Float64[np.ndarray, "n"]:
        return _mean(before + harmonic.precisions(cut.N, cut.R, h), cut.R + h)

    return _or_nan(histograms, np.maximum(value(cut.fewest), value(cut.most)))


def pessimistic(
    histograms: Histograms, at: int | None = None, *, over: Over = "found"
) -> Float64[np.ndarray, "n"]:
    """The smallest AP of each query over all orders of its ties; nan without relevant item.

    Relevant items stand last in every tie, and last among the ranks before a cut. AP@K falls
    and then rises with the number h of relevant items there, so the smallest value is found by
    bisection.
    """
    blocks, harmonic = _prepared(histograms)
    sums = harmonic.precisions(blocks.N + blocks.n - blocks.r, blocks.R, blocks.r)
    if at is None:
        return _over_all(histograms, sums)
    cut = Cut.at(blocks, at)
    before = np.where(cut.whole, sums, 0).sum(axis=1)
    if over == "possible":
        last = cut.N + cut.m - cut.fewest
        least = before + harmonic.precisions(last, cut.R, cut.fewest)
        return _or_nan(histograms, _mean(least, _possible(histograms, at)))

    def value(h: Int64[np.ndarray, "n"]) -> Float64[np.ndarray, "n"]:
        return _mean(before + harmonic.precisions(cut.N + cut.m - h, cut.R, h), cut.R + h)

    low, high = cut.fewest.copy(), cut.most.copy()
    while (low < high).any():
        middle = (low + high) // 2
        rises = value(np.minimum(middle + 1, cut.most)) >= value(middle)
        high = np.where(rises, middle, high)
        low = np.where(rises, low, np.minimum(middle + 1, high))
    return _or_nan(histograms, value(low))


def _prepared(histograms: Histograms) -> tuple[Blocks, Harmonic]:
    return Blocks.of(histograms), Harmonic(int(histograms.items.sum(axis=1).max(initial=0)))


def _over_all(
    histograms: Histograms, sums: Float64[np.ndarray, "n distances"]
) -> Float64[np.ndarray, "n"]:
    return _or_nan(histograms, _mean(sums.sum(axis=1), histograms.relevant.sum(axis=1)))


def _possible(histograms: Histograms, at: int) -> Int64[np.ndarray, "n"]:
    """Relevant items that could stand among the first `at`."""
    return np.minimum(histograms.relevant.sum(axis=1), at)


def _mean(
    total: Float64[np.ndarray, "n"], count: Int64[np.ndarray, "n"]
) -> Float64[np.ndarray, "n"]:
    return np.where(count > 0, total / np.maximum(count, 1), 0.0)


def _or_nan(histograms: Histograms, values: Float64[np.ndarray, "n"]) -> Float64[np.ndarray, "n"]:
    return np.where(histograms.relevant.sum(axis=1) > 0, values, np.nan)
