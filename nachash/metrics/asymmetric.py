"""Rankings by asymmetric distance: a real-valued query against the bits of the gallery.

With the query's activations a and a code c in {-1, +1}^D, the distance is the sum of |a_d| over the
bits in which sign(a_d) and c_d differ, (sum_d |a_d| - <a, c>) / 2. Equal codes stay ties.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from nachash import codes
from nachash.metrics.distance_histogram import Histograms
from nachash.shapes import Float32, Float64, UInt8

_CELLS: Final = 1 << 21  # of queries x gallery at a time


def rankings(
    activations: Float32[np.ndarray, "queries bits"],
    gallery_codes: UInt8[np.ndarray, "gallery gallery_bytes"],
    query_labels: UInt8[np.ndarray, "queries classes"],
    gallery_labels: UInt8[np.ndarray, "gallery classes"],
) -> Iterator[Histograms]:
    """Counts of items and relevant items of some queries after the others, in their order.

    As `distance_histogram.histograms`, with a column for every different distance of a query, the
    smallest first; the last columns of a query with many ties are empty.
    """
    # One product for equal codes: otherwise rounding would break their tie.
    different, which = np.unique(gallery_codes, axis=0, return_inverse=True)
    signs = 2.0 * codes.unpack(different, activations.shape[1]) - 1
    rows = max(1, _CELLS // max(len(which), 1))
    for start in range(0, len(activations), rows):
        some = slice(start, start + rows)
        wanted = query_labels[some].astype(np.float32) @ gallery_labels.T.astype(np.float32) > 0
        similar = activations[some].astype(np.float64) @ signs.T
        yield _counted(similar[:, which], wanted)


def _counted(
    similar: Float64[np.ndarray, "queries gallery"],
    wanted: "np.ndarray[tuple[int, int], np.dtype[np.bool_]]",
) -> Histograms:
    order = np.argsort(-similar, axis=1, kind="stable")
    sorted_ = np.take_along_axis(similar, order, axis=1)
    column = np.zeros(order.shape, np.int64)
    np.cumsum(np.diff(sorted_, axis=1) != 0, axis=1, out=column[:, 1:])
    items, relevant = np.zeros((2, *order.shape), np.int64)
    query = np.arange(len(order))[:, None]
    np.add.at(items, (query, column), 1)
    np.add.at(relevant, (query, column), np.take_along_axis(wanted, order, axis=1))
    return Histograms(items, relevant)
