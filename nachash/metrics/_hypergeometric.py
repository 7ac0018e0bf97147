"""The expectation over how many relevant items of a tie block fall before the cut."""

import math

import numpy as np

from nachash.metrics._ties import Cut
from nachash.shapes import Float64, Int64

# Hoeffding (1963) holds without replacement too: P(|h - mean| >= s) <= 2 exp(-2 s^2 / m).
# With s = sqrt(21 m) what is left out is below 2e-18.
_TAIL = 21.0
_CELLS = 1 << 20


def expectation(
    cut: Cut,
    before: Float64[np.ndarray, "queries"],
    a: Float64[np.ndarray, "queries"],
    b: Float64[np.ndarray, "queries"],
) -> Float64[np.ndarray, "queries"]:
    """E[(S + a h + b h (h - 1)) / (R + h)], h ~ Hypergeometric(n, r, m); 0/0 counts as 0."""
    mean = cut.m * cut.r / np.maximum(cut.n, 1)
    reach = np.sqrt(_TAIL * cut.m)
    low = np.maximum(cut.fewest, np.floor(mean - reach).astype(np.int64))
    high = np.minimum(cut.most, np.ceil(mean + reach).astype(np.int64))
    width = int((high - low).max(initial=0)) + 1
    found = np.empty(len(before))
    for start in range(0, len(before), max(1, _CELLS // width)):
        rows = slice(start, start + max(1, _CELLS // width))
        h = low[rows, None] + np.arange(width)
        probability = _probabilities(cut, rows, h, high[rows, None])
        values = before[rows, None] + a[rows, None] * h + b[rows, None] * h * (h - 1)
        hits = cut.R[rows, None] + h
        values = np.where(hits > 0, values / np.maximum(hits, 1), 0)
        found[rows] = (probability * values).sum(axis=1)
    return found


def expected_sum(
    cut: Cut,
    before: Float64[np.ndarray, "queries"],
    a: Float64[np.ndarray, "queries"],
    b: Float64[np.ndarray, "queries"],
) -> Float64[np.ndarray, "queries"]:
    """E[S + a h + b h (h - 1)], h as above: by its first two factorial moments."""
    share = cut.r / np.maximum(cut.n, 1)
    pairs = (cut.r - 1) / np.maximum(cut.n - 1, 1)
    return before + a * cut.m * share + b * cut.m * (cut.m - 1) * share * pairs


def _probabilities(
    cut: Cut,
    rows: slice,
    h: Int64[np.ndarray, "rows hits"],
    high: Int64[np.ndarray, "rows 1"],
) -> Float64[np.ndarray, "rows hits"]:
    """P(h) from the ratios of neighbours, which needs no large factorials.

    P(h + 1) / P(h) = (r - h)(m - h) / ((h + 1)(n - r - m + h + 1)).
    """
    n, r, m = cut.n[rows, None], cut.r[rows, None], cut.m[rows, None]
    inside = h < high
    ratio = (r - h) * (m - h) / ((h + 1) * np.maximum(n - r - m + h + 1, 1))
    steps = np.log(ratio, out=np.full(h.shape, -math.inf), where=inside)
    logarithms = np.zeros(h.shape)
    np.cumsum(steps[:, :-1], axis=1, out=logarithms[:, 1:])
    weights = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)
