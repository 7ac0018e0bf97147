"""How many items, and how many relevant ones, lie at each distance from each query."""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from nachash.codes import as_words, code_bytes
from nachash.cores import usable_cores
from nachash.errors import UsageError
from nachash.shapes import Int64, UInt8

if TYPE_CHECKING or find_spec("numba"):
    from nachash.metrics._pairs import count_pairs
else:
    from nachash.metrics._pairs_numpy import count_pairs

Score = Literal["hamming", "dot01"]
SCORES: Final = get_args(Score)


@dataclass(frozen=True, slots=True)
class Histograms:
    """Counts by distance, 0 to D bits: all items, and those that share a label with the query."""

    items: Int64[np.ndarray, "queries distances"]
    relevant: Int64[np.ndarray, "queries distances"]


def histograms(
    query_codes: UInt8[np.ndarray, "queries query_bytes"],
    gallery_codes: UInt8[np.ndarray, "gallery gallery_bytes"],
    query_labels: UInt8[np.ndarray, "queries query_classes"],
    gallery_labels: UInt8[np.ndarray, "gallery gallery_classes"],
    *,
    bits: int,
    score: str = "hamming",
    exclude: Int64[np.ndarray, "queries"] | None = None,
    threads: int | None = None,
) -> Histograms:
    """Items and relevant items of the gallery at each distance from each query.

    An item is relevant when it shares at least one label (multi-hot rows) with the query. With
    score "dot01" the "distance" is D minus the number of ones that both codes have: the ranking
    of the NAC authors' code, which equals that by Hamming distance only where all codes of the
    gallery have equally many ones.

    Args:
        exclude: for each query a position in the gallery to leave out (leave-one-out).
        threads: how many to use; None for one per core.

    Raises:
        UsageError: for another score, or codes or labels that do not fit each other.
    """
    _check(query_codes, gallery_codes, query_labels, gallery_labels, bits, score)
    label_sets, label_set = _label_sets(gallery_labels)
    wanted = (query_labels.astype(np.float32) @ label_sets.T.astype(np.float32) > 0).view(np.uint8)
    queries = as_words(query_codes)
    gallery = np.ascontiguousarray(as_words(gallery_codes).T)
    counts = np.zeros((len(queries), 2, bits + 1), np.int64)

    def fill(span: slice) -> None:
        count_pairs(queries[span], gallery, wanted[span], label_set, score == "dot01", counts[span])

    _in_threads(fill, len(queries), threads)
    if score == "dot01":
        counts = counts[:, :, ::-1]
    items, relevant = counts.sum(axis=1), counts[:, 1].copy()
    if exclude is not None:
        keys = _paired(query_codes, gallery_codes[exclude], bits, score)
        rows = np.arange(len(queries))
        items[rows, keys] -= 1
        relevant[rows, keys] -= (query_labels & gallery_labels[exclude]).any(axis=1)
    return Histograms(items, relevant)


def _label_sets(
    labels: UInt8[np.ndarray, "n classes"],
) -> tuple[UInt8[np.ndarray, "sets classes"], npt.NDArray[np.unsignedinteger]]:
    """The different rows of labels, and which of them each item has."""
    packed = as_words(np.packbits(labels, axis=1))
    rows = packed[:, 0] if packed.shape[1] == 1 else packed  # one word is sorted much faster
    _, first, label_set = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    return labels[first], label_set.astype(np.min_scalar_type(len(first)))


def _paired(
    queries: UInt8[np.ndarray, "n bytes"],
    others: UInt8[np.ndarray, "n bytes"],
    bits: int,
    score: str,
) -> Int64[np.ndarray, "n"]:
    """Distance of each query to the item of the same row."""
    if score == "dot01":
        return bits - np.bitwise_count(queries & others).sum(axis=1, dtype=np.int64)
    return np.bitwise_count(queries ^ others).sum(axis=1, dtype=np.int64)


def _in_threads(fill: Callable[[slice], None], queries: int, threads: int | None) -> None:
    workers = max(1, min(threads or usable_cores(), queries))
    bounds = [queries * worker // workers for worker in range(workers + 1)]
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(fill, itertools.starmap(slice, itertools.pairwise(bounds))))


def _check(
    query_codes: UInt8[np.ndarray, "queries query_bytes"],
    gallery_codes: UInt8[np.ndarray, "gallery gallery_bytes"],
    query_labels: UInt8[np.ndarray, "queries query_classes"],
    gallery_labels: UInt8[np.ndarray, "gallery gallery_classes"],
    bits: int,
    score: str,
) -> None:
    if score not in SCORES:
        raise UsageError(f"'{score}' is not one of the scores: {', '.join(SCORES)}")
    if not query_codes.shape[1] == gallery_codes.shape[1] == code_bytes(bits):
        raise UsageError(
            f"codes of {bits} bits have {code_bytes(bits)} bytes, but the queries have "
            f"{query_codes.shape[1]} and the gallery {gallery_codes.shape[1]}"
        )
    if query_labels.shape[1] != gallery_labels.shape[1]:
        raise UsageError(
            f"the queries have {query_labels.shape[1]} classes, the gallery "
            f"{gallery_labels.shape[1]}: the labels are not the same"
        )
