"""Queries of one call, shared out over threads; in each of them FAISS itself has one.

FAISS's own threads meet at a barrier after every 65,536 codes of every 32 queries, and wait there
by spinning unless OMP_WAIT_POLICY=PASSIVE was set before FAISS was loaded, which a program that
imports it before nachash has not done. With other work on the machine that was measured to take
four times as long. Portions of queries meet only at the end. Searches that several threads ask
for at once are not divided: each has a thread already.
"""

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar, final

import faiss
import numpy as np

from nachash.shapes import UInt8

Found = TypeVar("Found")

_COMPARISONS: Final = 2_000_000  # about two milliseconds: what a portion is worth at least
_PORTIONS: Final = 2  # of each thread, so that one which is put aside keeps nobody waiting long


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
        with _running.one_more() as others:
            if others or self._threads == 1 or len(queries) <= size:
                return [_alone(queries, search)]
            portions = [queries[start : start + size] for start in range(0, len(queries), size)]
            return list(_pool(self._threads).map(partial(_alone, search=search), portions))


@final
class _Running:
    """How many searches are running in the process."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """None runs, as in a process that was just forked."""
        self._count = 0
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def one_more(self) -> Iterator[int]:
        """How many there are besides the one that begins."""
        with self._lock:
            others = self._count
            self._count += 1
        try:
            yield others
        finally:
            with self._lock:
                self._count -= 1


_running: Final = _Running()


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads for all engines: to start them for a few queries takes a tenth of the search."""
    return ThreadPoolExecutor(threads, thread_name_prefix="nachash-faiss")


if hasattr(os, "register_at_fork"):  # threads do not live on in a forked process
    os.register_at_fork(after_in_child=_pool.cache_clear)
    os.register_at_fork(after_in_child=_running.forget)


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
