"""Average precision, expected over all orders of tied items."""

import numpy as np

from nachash.metrics._hypergeometric import expectation, expected_sum
from nachash.metrics._ties import Blocks, Cut, Harmonic, Over
from nachash.metrics.distance_histogram import Histograms
from nachash.shapes import Float64


def average_precision(
    histograms: Histograms, at: int | None = None, *, over: Over = "found"
) -> Float64[np.ndarray, "n"]:
    """AP of each query over all items, or over the first `at`; nan without relevant item.

    The exact mean over all orders of the items within each tie, each equally likely. Over all
    items, with the symbols of `_ties`,

        AP = 1/R_all sum_blocks r/n sum_{t=1..n} (R + 1 + (t - 1)(r - 1)/(n - 1)) / (N + t).

    AP@K divides by the relevant items among the first K, as the field does, and without one is
    0. Over the "possible" ones it divides by as many as could stand there, min(K, R_all): one that
    is found at once, and no other, is then not perfect. Over those "found", when the cut is inside
    a block, of which m ranks count, the number h of relevant items within them is
    hypergeometric, and with S the sum over the blocks before

        AP@K = sum_h P(h) (S + T(h)) / (R + h),
        T(h) = h/m sum_{j=1..m} (R + 1 + (j - 1)(h - 1)/(m - 1)) / (N + j).

    Source: McSherry and Najork, "Computing information retrieval performance measures
    efficiently in the presence of tied scores", ECIR 2008; for hashing He et al., "Hashing as
    tie-aware learning to rank", CVPR 2018, whose code ignores the cut.
    """
    blocks = Blocks.of(histograms)
    total = histograms.relevant.sum(axis=1)
    harmonic = Harmonic(int(histograms.items.sum(axis=1).max(initial=0)))
    a, b = harmonic.shuffled(blocks.N, blocks.R, blocks.n)
    sums = a * blocks.r + b * blocks.r * (blocks.r - 1)
    if at is None:
        found = sums.sum(axis=1) / np.maximum(total, 1)
    else:
        cut = Cut.at(blocks, at)
        before = np.where(cut.whole, sums, 0).sum(axis=1)
        mean = expectation if over == "found" else expected_sum
        found = mean(cut, before, *harmonic.shuffled(cut.N, cut.R, cut.m))
        if over == "possible":
            found = found / np.maximum(np.minimum(total, at), 1)
    return np.where(total > 0, found, np.nan)
