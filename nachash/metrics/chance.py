"""What a random ranking would score: the share of relevant items."""

import numpy as np

from nachash.metrics.distance_histogram import Histograms
from nachash.shapes import Float64


def chance(histograms: Histograms) -> Float64[np.ndarray, "queries"]:
    """Relevant items divided by all items of each query; nan without relevant item."""
    relevant = histograms.relevant.sum(axis=1)
    items = histograms.items.sum(axis=1)
    return np.where(relevant > 0, relevant / np.maximum(items, 1), np.nan)
