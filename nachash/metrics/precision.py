"""Precision among the first k items, and within a Hamming radius."""

import numpy as np

from nachash.metrics._ties import Blocks, Cut
from nachash.metrics.distance_histogram import Histograms
from nachash.shapes import Float64


def precision_at(histograms: Histograms, k: int) -> Float64[np.ndarray, "queries"]:
    """Share of relevant items among the first k, expected over all orders of tied items.

    Hits divided by k, also where the gallery is smaller; of a tie block that the cut divides,
    the part m/n of its relevant items is expected before it. Nan without relevant item.
    """
    cut = Cut.at(Blocks.of(histograms), k)
    hits = cut.R + cut.r * cut.m / np.maximum(cut.n, 1)
    return np.where(histograms.relevant.sum(axis=1) > 0, hits / k, np.nan)


def precision_within(histograms: Histograms, radius: int) -> Float64[np.ndarray, "queries"]:
    """Share of relevant items among those at most `radius` bits away; nan without relevant item.

    A query with nothing in its ball counts as 0, as in the field's "precision within radius 2"
    (Liu et al., CVPR 2012; thulab/DeepHash): leaving it out would flatter long codes.
    """
    items = histograms.items[:, : radius + 1].sum(axis=1)
    relevant = histograms.relevant[:, : radius + 1].sum(axis=1)
    return np.where(histograms.relevant.sum(axis=1) > 0, relevant / np.maximum(items, 1), np.nan)
