"""How many items, and how many relevant ones, lie at each distance from each query."""

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from nachash.codes import code_bytes
from nachash.errors import UsageError
from nachash.metrics import _relevance
from nachash.shapes import Int64, UInt8

Score = Literal["hamming", "dot01"]
SCORES: Final = get_args(Score)
_BLOCK: Final = 1 << 15  # items whose words and distances stay in the cache


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
    threads: int = 2,
) -> Histograms:
    """Items and relevant items of the gallery at each distance from each query.

    An item is relevant when it shares at least one label (multi-hot rows) with the query. With
    score "dot01" the "distance" is D minus the number of ones that both codes have: the ranking
    of the NAC authors' code, which equals that by Hamming distance only where all codes of the
    gallery have equally many ones.

    Args:
        exclude: for each query a position in the gallery to leave out (leave-one-out).
        threads: how many to use. numpy counts one block at a time, so two hide each other's
            waiting and more gain little.

    Raises:
        UsageError: for another score, or codes or labels that do not fit each other.
    """
    _check(query_codes, gallery_codes, query_labels, gallery_labels, bits, score)
    relevance = _relevance.arranged(query_labels, gallery_labels)
    queries = _words(query_codes)
    gallery = np.ascontiguousarray(_words(gallery_codes)[relevance.order].T)
    counts = np.zeros((2, len(queries), bits + 1), np.int64)

    def fill(span: range) -> None:
        distances = _Distances(len(gallery.T), bits, score)
        for query in span:
            for start, block in distances.blocks(queries[query], gallery):
                relevance.count(query, start, block, counts[:, query])

    _in_threads(fill, len(queries), threads)
    if exclude is not None:
        keys = _paired(query_codes, gallery_codes[exclude], bits, score)
        rows = np.arange(len(queries))
        shares = (query_labels & gallery_labels[exclude]).any(axis=1)
        counts[0, rows, keys] -= 1
        counts[1, rows, keys] -= shares
    return Histograms(counts[0], counts[1])


class _Distances:
    """Distances of one query after the other, in memory that is used again."""

    def __init__(self, items: int, bits: int, score: str) -> None:
        size = min(items, _BLOCK)
        self._words = np.empty(size, np.uint64)
        self._ones = np.empty(size, np.uint8)
        self._sum: npt.NDArray[np.unsignedinteger] = np.empty(
            size, np.uint8 if bits < 256 else np.uint16
        )
        self._bits = bits
        self._shared = score == "dot01"

    def blocks(
        self, query: npt.NDArray[np.uint64], gallery: npt.NDArray[np.uint64]
    ) -> Iterator[tuple[int, npt.NDArray[np.unsignedinteger]]]:
        """The first position of each block of the gallery, and the distances in it."""
        combine: np.ufunc = np.bitwise_and if self._shared else np.bitwise_xor
        for start in range(0, gallery.shape[1], _BLOCK):
            block = gallery[:, start : start + _BLOCK]
            size = block.shape[1]
            words, ones, total = self._words[:size], self._ones[:size], self._sum[:size]
            for number, word in enumerate(query):
                combine(block[number], word, out=words)
                np.bitwise_count(words, out=total if number == 0 else ones)
                if number:
                    np.add(total, ones, out=total)
            if self._shared:
                np.subtract(self._bits, total, out=total)
            yield start, total


def _words(codes: UInt8[np.ndarray, "n bytes"]) -> npt.NDArray[np.uint64]:
    """Codes as rows of 64-bit words; padding bits are zero and add to no distance."""
    padded = np.zeros((len(codes), -(-codes.shape[1] // 8) * 8), np.uint8)
    padded[:, : codes.shape[1]] = codes
    return padded.view(np.uint64)


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


def _in_threads(fill: Callable[[range], None], queries: int, threads: int) -> None:
    workers = max(1, min(threads, queries))
    bounds = [queries * worker // workers for worker in range(workers + 1)]
    spans = [range(low, high) for low, high in itertools.pairwise(bounds)]
    if workers == 1:
        fill(spans[0])
        return
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(fill, spans))


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
