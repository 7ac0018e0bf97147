"""Queries of one call, shared out over threads; in each of them FAISS itself has one.

FAISS's own threads meet at a barrier after every 65,536 codes of every 32 queries, and wait there
by spinning unless OMP_WAIT_POLICY=PASSIVE was set before FAISS was loaded, which a program that
imports it before nachash has not done. With other work on the machine that was measured to take
four times as long. Portions of queries meet only at the end.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar, final

import faiss
import numpy as np

from nachash.shapes import UInt8

Found = TypeVar("Found")

_COMPARISONS: Final = 2_000_000  # about two milliseconds: what a portion is worth at least
_PORTIONS: Final = 4  # of each thread, so that one which is put aside keeps nobody waiting


@final
class Sharing:
    """How many threads there are, and how much each of them is given."""

    def __init__(self, rows: int) -> None:
        self._threads = faiss.omp_get_max_threads()
        self._least = -(-_COMPARISONS // max(1, rows))

    def answers(
        self,
        queries: UInt8[np.ndarray, "queries bytes"],
        search: Callable[[UInt8[np.ndarray, "portion bytes"]], Found],
    ) -> list[Found]:
        """What `search` finds for each portion of the queries, in their order."""
        size = max(self._least, -(-len(queries) // (self._threads * _PORTIONS)))
        if self._threads == 1 or len(queries) <= size:
            return [_alone(queries, search)]
        portions = [queries[start : start + size] for start in range(0, len(queries), size)]
        with ThreadPoolExecutor(self._threads, thread_name_prefix="nachash-faiss") as pool:
            return list(pool.map(partial(_alone, search=search), portions))


def _alone(
    queries: UInt8[np.ndarray, "portion bytes"],
    search: Callable[[UInt8[np.ndarray, "portion bytes"]], Found],
) -> Found:
    """What `search` finds while FAISS has one thread in this thread."""
    present = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        return search(queries)
    finally:
        faiss.omp_set_num_threads(present)
