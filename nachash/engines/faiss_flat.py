"""Exact search by FAISS (IndexBinaryFlat): every distance, fast."""

import os
from collections.abc import Sequence
from typing import Final, final

import numpy as np

# Idle OpenMP threads that spin take the processor from the one that searches.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
import faiss

from nachash.engines import Capabilities, Engine
from nachash.engines._gallery import Gallery, checked_k, checked_length, checked_radius
from nachash.engines._sharing import Sharing
from nachash.records import Hits
from nachash.shapes import Int64, UInt8


def build(codes: UInt8[np.ndarray, "n bytes"], *, ids: Int64[np.ndarray, "n"], bits: int) -> Engine:
    """An engine that lets FAISS compare every query with every code.

    Codes whose length is not a multiple of 8 keep their padding, which is zero and adds to no
    distance. FAISS keeps the earlier row of a tie, and rows ascend by id: rows of hits need no
    further order. tests/engines holds it to that.

    Raises:
        UsageError: for an id that comes twice, or codes that have not `bits` bits.
    """
    return _FaissFlat(Gallery.of(codes, ids, bits))


@final
class _FaissFlat:
    capabilities: Final = Capabilities(exact=True, radius=True, change=True)

    def __init__(self, gallery: Gallery) -> None:
        self._fill(gallery)

    def search(self, queries: UInt8[np.ndarray, "queries bytes"], k: int) -> Hits:
        checked_length(queries, self._gallery.bits)
        k = min(checked_k(k), len(self._gallery.ids))
        if not len(queries) or not k:
            return _nothing(len(queries))
        found = self._sharing.answers(
            np.ascontiguousarray(queries), lambda portion: self._index.search(portion, k)
        )
        distances, rows = (_joined([part[column].ravel() for part in found]) for column in (0, 1))
        ends = np.arange(k, (len(queries) + 1) * k, k)
        return Hits(self._gallery.ids[rows], distances.astype(np.int64), ends)

    def within(self, queries: UInt8[np.ndarray, "queries bytes"], radius: int) -> Hits:
        checked_length(queries, self._gallery.bits)
        reach = min(checked_radius(radius), self._gallery.bits) + 1  # FAISS's radius is exclusive
        if not len(queries) or not len(self._gallery.ids):
            return _nothing(len(queries))
        found = self._sharing.answers(
            np.ascontiguousarray(queries), lambda portion: self._index.range_search(portion, reach)
        )
        counts = _joined([np.diff(bounds.astype(np.int64)) for bounds, _, _ in found])
        distances = _joined([part.astype(np.int64) for _, part, _ in found])
        rows = _joined([part for _, _, part in found])
        order = np.lexsort((rows, distances, np.repeat(np.arange(len(queries)), counts)))
        return Hits(self._gallery.ids[rows[order]], distances[order], np.cumsum(counts))

    def add(self, codes: UInt8[np.ndarray, "n bytes"], ids: Int64[np.ndarray, "n"]) -> None:
        self._fill(self._gallery.with_added(codes, ids))

    def remove(self, ids: Int64[np.ndarray, "n"]) -> None:
        self._fill(self._gallery.without(ids))

    def _fill(self, gallery: Gallery) -> None:
        self._gallery = gallery
        self._sharing = Sharing(len(gallery.ids))
        self._index = faiss.IndexBinaryFlat(gallery.codes.shape[1] * 8)
        self._index.add(np.ascontiguousarray(gallery.codes))


def _nothing(queries: int) -> Hits:
    empty = np.zeros(0, np.int64)
    return Hits(empty, empty, np.zeros(queries, np.int64))


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Parts as one array; the only one as it is."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
