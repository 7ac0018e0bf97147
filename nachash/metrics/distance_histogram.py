"""How many items, and how many relevant ones, lie at each distance from each query."""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np

from nachash.codes import as_words, code_bytes
from nachash.cores import usable_cores
from nachash.errors import UsageError
from nachash.metrics.label_sets import LabelSets, of_multi_hot
from nachash.shapes import Int64, UInt8

if TYPE_CHECKING or find_spec("numba"):
    from nachash.metrics._pairs import count_pairs
else:
    from nachash.metrics._pairs_numpy import count_pairs

Score = Literal["hamming", "dot01"]
SCORES: Final = get_args(Score)
_AT_ONCE: Final = 1024  # queries for which it is known at once what they want


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
    if query_labels.shape[1] != gallery_labels.shape[1]:
        raise UsageError(
            f"the queries have {query_labels.shape[1]} classes, the gallery "
            f"{gallery_labels.shape[1]}: the labels are not the same"
        )
    return by_sets(
        query_codes,
        gallery_codes,
        of_multi_hot(query_labels, gallery_labels),
        bits=bits,
        score=score,
        exclude=exclude,
        threads=threads,
    )


def by_sets(
    query_codes: UInt8[np.ndarray, "queries query_bytes"],
    gallery_codes: UInt8[np.ndarray, "gallery gallery_bytes"],
    sets: LabelSets,
    *,
    bits: int,
    score: str = "hamming",
    exclude: Int64[np.ndarray, "queries"] | None = None,
    threads: int | None = None,
) -> Histograms:
    """As `histograms`, with labels in any form.

    Raises:
        UsageError: for another score, or codes that do not fit each other.
    """
    _check(query_codes, gallery_codes, bits, score)
    queries = as_words(query_codes)
    gallery = np.ascontiguousarray(as_words(gallery_codes).T)
    counts = np.zeros((len(queries), 2, bits + 1), np.int64)
    own = np.zeros(len(queries), np.uint8)

    def fill(some: slice) -> None:
        wanted = sets.wanted(some)
        count_pairs(queries[some], gallery, wanted, sets.of, score == "dot01", counts[some])
        if exclude is not None:
            own[some] = wanted[np.arange(len(wanted)), sets.of[exclude[some]]]

    _in_threads(fill, len(queries), threads)
    if score == "dot01":
        counts = counts[:, :, ::-1]
    items, relevant = counts.sum(axis=1), counts[:, 1].copy()
    if exclude is not None:
        keys = _paired(query_codes, gallery_codes[exclude], bits, score)
        rows = np.arange(len(queries))
        items[rows, keys] -= 1
        relevant[rows, keys] -= own
    return Histograms(items, relevant)


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
    parts = max(workers, -(-queries // _AT_ONCE))
    bounds = [queries * part // parts for part in range(parts + 1)]
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(fill, itertools.starmap(slice, itertools.pairwise(bounds))))


def _check(
    query_codes: UInt8[np.ndarray, "queries query_bytes"],
    gallery_codes: UInt8[np.ndarray, "gallery gallery_bytes"],
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
