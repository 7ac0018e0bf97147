"""`nachash.mean_average_precision`: retrieval quality of packed codes, exact over ties."""

from collections.abc import Sequence

import numpy as np

from nachash.errors import UsageError
from nachash.metrics.average_precision import average_precision
from nachash.metrics.distance_histogram import histograms
from nachash.shapes import UInt8


def mean_average_precision(
    queries: UInt8[np.ndarray, "queries bytes"],
    gallery: UInt8[np.ndarray, "gallery bytes"],
    query_labels: Sequence[object] | np.ndarray,
    gallery_labels: Sequence[object] | np.ndarray,
    *,
    bits: int | None = None,
    at: int | None = None,
) -> float:
    """Mean over the queries of the average precision, in [0, 1].

    Labels are a class per image [n], or multi-hot [n classes]; relevant is what shares a label.
    Equal distances count by their expectation over random orders. A query without a relevant
    image counts as zero. `at` cuts the ranking; `bits` is needed where codes have padding.

    Raises:
        UsageError: codes and labels differ in number, or codes in length.
    """
    if len(queries) != len(query_labels) or len(gallery) != len(gallery_labels):
        raise UsageError("there must be a label for each code")
    if queries.shape[1] != gallery.shape[1]:
        raise UsageError("codes of queries and gallery differ in length")
    one, other = _multi_hot(np.asarray(query_labels), np.asarray(gallery_labels))
    ranking = histograms(
        queries, gallery, one, other, bits=bits or 8 * queries.shape[1], score="hamming"
    )
    return float(np.nan_to_num(average_precision(ranking, at)).mean())


def _multi_hot(
    one: np.ndarray, other: np.ndarray
) -> tuple[UInt8[np.ndarray, "queries classes"], UInt8[np.ndarray, "gallery classes"]]:
    if one.ndim == 2:
        return (one > 0).astype(np.uint8), (other > 0).astype(np.uint8)
    classes = np.union1d(one, other)
    return tuple((each[:, None] == classes).astype(np.uint8) for each in (one, other))
