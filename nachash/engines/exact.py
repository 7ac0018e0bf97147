"""Exact search in numpy: slow, obvious, and the truth that other engines are compared with."""

from typing import final

import numpy as np

from nachash import codes as code
from nachash.engines import Engine
from nachash.engines._gallery import Gallery, checked_k, checked_length, checked_radius
from nachash.records import Hits
from nachash.shapes import Int64, UInt8, UInt16


def build(codes: UInt8[np.ndarray, "n bytes"], *, ids: Int64[np.ndarray, "n"], bits: int) -> Engine:
    """An engine that computes every distance and sorts them all.

    Raises:
        UsageError: for an id that comes twice, or codes that have not `bits` bits.
    """
    return _Exact(Gallery.of(codes, ids, bits))


@final
class _Exact:
    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery

    def search(self, queries: UInt8[np.ndarray, "queries bytes"], k: int) -> Hits:
        checked_k(k)
        return self._hits([row[:k] for row in self._ranked(queries)], queries)

    def within(self, queries: UInt8[np.ndarray, "queries bytes"], radius: int) -> Hits:
        checked_radius(radius)
        found = [
            row[self._distances(query)[row] <= radius]
            for query, row in zip(queries, self._ranked(queries), strict=True)
        ]
        return self._hits(found, queries)

    def among(self, ids: Int64[np.ndarray, "n"]) -> Engine:
        return _Exact(self._gallery.at(self._gallery.rows_of(ids)))

    def _distances(self, query: UInt8[np.ndarray, "bytes"]) -> UInt16[np.ndarray, "n"]:
        return code.hamming(query[None], self._gallery.codes)[0]

    def _ranked(self, queries: UInt8[np.ndarray, "queries bytes"]) -> list[np.ndarray]:
        checked_length(queries, self._gallery.bits)
        # Rows ascend by id, so a stable sort by distance orders by (distance, id).
        return [np.argsort(self._distances(query), kind="stable") for query in queries]

    def _hits(self, rows: list[np.ndarray], queries: UInt8[np.ndarray, "queries bytes"]) -> Hits:
        distances = [self._distances(query)[row] for query, row in zip(queries, rows, strict=True)]
        flat = np.concatenate([*rows, np.zeros(0, np.int64)])
        return Hits(
            self._gallery.ids[flat],
            np.concatenate([*distances, np.zeros(0, np.int64)]),
            np.cumsum([len(row) for row in rows], dtype=np.int64),
        )
