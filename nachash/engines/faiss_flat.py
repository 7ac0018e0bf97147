"""Exact search by FAISS (IndexBinaryFlat): every distance, fast."""

import copy
import os
from collections.abc import Sequence
from typing import final

import numpy as np

# Idle OpenMP threads that spin take the processor from the one that searches.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
import faiss

from nachash.engines import Engine
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
    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery
        self._rows = len(gallery.ids)
        self._sharing = Sharing(self._rows)
        self._index = faiss.IndexBinaryFlat(gallery.codes.shape[1] * 8)
        self._index.add(np.ascontiguousarray(gallery.codes))
        self._bitmap: UInt8[np.ndarray, "eighths"] | None = None
        self._chosen: faiss.SearchParameters | None = None

    def search(self, queries: UInt8[np.ndarray, "queries bytes"], k: int) -> Hits:
        checked_length(queries, self._gallery.bits)
        k = min(checked_k(k), self._rows)
        if not len(queries) or not k:
            return _nothing(len(queries))
        found = self._sharing.answers(
            np.ascontiguousarray(queries),
            lambda portion: self._index.search(portion, k, params=self._chosen),
        )
        distances, rows = (_joined([part[column].ravel() for part in found]) for column in (0, 1))
        ends = np.arange(k, (len(queries) + 1) * k, k)
        return Hits(self._gallery.ids[rows], distances.astype(np.int64), ends)

    def within(self, queries: UInt8[np.ndarray, "queries bytes"], radius: int) -> Hits:
        checked_length(queries, self._gallery.bits)
        reach = min(checked_radius(radius), self._gallery.bits) + 1  # FAISS's radius is exclusive
        if not len(queries) or not self._rows:
            return _nothing(len(queries))
        found = self._sharing.answers(
            np.ascontiguousarray(queries),
            lambda portion: self._index.range_search(portion, reach, params=self._chosen),
        )
        counts = _joined([np.diff(bounds.astype(np.int64)) for bounds, _, _ in found])
        distances = _joined([part.astype(np.int64) for _, part, _ in found])
        rows = _joined([part for _, _, part in found])
        order = np.lexsort((rows, distances, np.repeat(np.arange(len(queries)), counts)))
        return Hits(self._gallery.ids[rows[order]], distances[order], np.cumsum(counts))

    def among(self, ids: Int64[np.ndarray, "n"]) -> Engine:
        self._own().rows_of(ids)  # whether all are there
        rows = self._gallery.rows_of(ids)
        part = copy.copy(self)
        part._rows = len(rows)
        part._bitmap = _bitmap(rows, len(self._gallery.ids))
        # What Python's FAISS adds to its classes is not in their types.
        selector = faiss.IDSelectorBitmap(part._bitmap)  # type: ignore[call-arg,arg-type]
        part._chosen = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        return part

    def _own(self) -> Gallery:
        """What this engine finds: a part of what FAISS holds after `among`."""
        if self._bitmap is None:
            return self._gallery
        kept = np.unpackbits(self._bitmap, count=len(self._gallery.ids), bitorder="little")
        return self._gallery.at(np.flatnonzero(kept))


def _bitmap(rows: Int64[np.ndarray, "k"], count: int) -> UInt8[np.ndarray, "eighths"]:
    """A bit for each of `count` rows, as FAISS reads them: the lowest bit first."""
    chosen = np.zeros(count, bool)
    chosen[rows] = True
    return np.packbits(chosen, bitorder="little")


def _nothing(queries: int) -> Hits:
    empty = np.zeros(0, np.int64)
    return Hits(empty, empty, np.zeros(queries, np.int64))


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Parts as one array; the only one as it is."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
