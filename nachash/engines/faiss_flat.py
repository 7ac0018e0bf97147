"""Exact search by FAISS (IndexBinaryFlat): every distance, fast."""

import contextlib
import os
from collections.abc import Iterator
from typing import Final, final

import numpy as np

# Idle OpenMP threads that spin take the processor from the one that searches.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
import faiss

from nachash.engines import Capabilities, Engine
from nachash.engines._gallery import Gallery, checked_k, checked_length, checked_radius
from nachash.records import Hits
from nachash.shapes import Int64, UInt8

_FEW_QUERIES: Final = 8


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
        self._gallery = gallery
        self._index = _filled(gallery)

    def search(self, queries: UInt8[np.ndarray, "queries bytes"], k: int) -> Hits:
        checked_length(queries, self._gallery.bits)
        k = min(checked_k(k), len(self._gallery.ids))
        ends = np.arange(1, len(queries) + 1) * k
        if not len(queries) or not k:
            return Hits(np.zeros(0, np.int64), np.zeros(0, np.int64), ends)
        with _threads(len(queries)):
            distances, rows = self._index.search(np.ascontiguousarray(queries), k)
        return Hits(self._gallery.ids[rows.ravel()], distances.ravel().astype(np.int64), ends)

    def within(self, queries: UInt8[np.ndarray, "queries bytes"], radius: int) -> Hits:
        checked_length(queries, self._gallery.bits)
        reach = min(checked_radius(radius), self._gallery.bits) + 1  # FAISS's radius is exclusive
        if not len(queries) or not len(self._gallery.ids):
            return Hits(
                np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(len(queries), np.int64)
            )
        with _threads(len(queries)):
            bounds, distances, rows = self._index.range_search(np.ascontiguousarray(queries), reach)
        bounds, distances = bounds.astype(np.int64), distances.astype(np.int64)
        query = np.repeat(np.arange(len(queries)), np.diff(bounds))
        order = np.lexsort((rows, distances, query))
        return Hits(self._gallery.ids[rows[order]], distances[order], bounds[1:])

    def add(self, codes: UInt8[np.ndarray, "n bytes"], ids: Int64[np.ndarray, "n"]) -> None:
        self._gallery = self._gallery.with_added(codes, ids)
        self._index = _filled(self._gallery)

    def remove(self, ids: Int64[np.ndarray, "n"]) -> None:
        self._gallery = self._gallery.without(ids)
        self._index = _filled(self._gallery)


def _filled(gallery: Gallery) -> faiss.IndexBinaryFlat:
    index = faiss.IndexBinaryFlat(gallery.codes.shape[1] * 8)
    index.add(np.ascontiguousarray(gallery.codes))
    return index


@contextlib.contextmanager
def _threads(queries: int) -> Iterator[None]:
    """One thread for few queries, which FAISS cannot share out; all for many."""
    present = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1 if queries <= _FEW_QUERIES else present)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(present)
