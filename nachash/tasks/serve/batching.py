"""Many lookups at once become one call of the engine.

A thread takes its share of what waits, asks the engine once and hands the answers out. While all
search, further lookups gather, so the busier the server is, the larger the batches are; a lookup
that comes alone waits for nobody. There is a thread for each core: engines do not divide searches
that run at once, and no core waits while another hands out.
"""

import queue
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from nachash.cores import usable_cores
from nachash.engines import Engine
from nachash.records import Hits
from nachash.shapes import UInt8

MOST_AT_ONCE: Final = 256  # lookups


@dataclass(frozen=True, slots=True, eq=False)
class _Lookup:
    engine: Engine
    codes: UInt8[np.ndarray, "queries bytes"]
    k: int
    answer: "Future[Hits]" = field(default_factory=Future)


@final
class Batcher:
    """The threads that search for all."""

    def __init__(self, most_at_once: int = MOST_AT_ONCE, threads: int | None = None) -> None:
        self._most = most_at_once
        self._waiting: queue.SimpleQueue[_Lookup | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name="nachash-search", daemon=True)
            for _ in range(threads or usable_cores())
        ]
        for thread in self._threads:
            thread.start()

    def submit(
        self, engine: Engine, codes: UInt8[np.ndarray, "queries bytes"], k: int
    ) -> "Future[Hits]":
        """The k nearest of each query, as `engine.search` gives them, or what it raises."""
        lookup = _Lookup(engine, codes, k)
        self._waiting.put(lookup)
        return lookup.answer

    def close(self) -> None:
        """Answer what waits, then end the threads."""
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> "Batcher":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _work(self) -> None:
        while self._answer_batch():
            pass

    def _answer_batch(self) -> bool:
        """Answer what waits; False at the end.

        A call of its own: the frame of a thread that waits must not keep the last engine alive.
        """
        first = self._waiting.get()
        if first is None:
            return False
        batch, ending = self._with_waiting(first)
        del first
        for group in _by_engine(batch):
            _answer(group)
        return not ending

    def _with_waiting(self, first: _Lookup) -> tuple[list[_Lookup], bool]:
        """A lookup and a thread's share of those behind it; whether the end was among them."""
        batch = [first]
        share = -(-(1 + self._waiting.qsize()) // len(self._threads))
        while len(batch) < min(share, self._most):
            try:
                more = self._waiting.get_nowait()
            except queue.Empty:
                break
            if more is None:
                return batch, True
            batch.append(more)
        return batch, False


def _by_engine(batch: Sequence[_Lookup]) -> Iterable[list[_Lookup]]:
    groups: dict[int, list[_Lookup]] = {}
    for lookup in batch:
        if lookup.answer.set_running_or_notify_cancel():
            groups.setdefault(id(lookup.engine), []).append(lookup)
    return groups.values()


def _answer(group: Sequence[_Lookup]) -> None:
    """Search for all of a group with the largest k, and give each its own part."""
    try:
        every = np.concatenate([lookup.codes for lookup in group])
        hits = group[0].engine.search(every, max(lookup.k for lookup in group))
    except BaseException as error:  # noqa: BLE001 (whoever waits for the answer gets it raised)
        for lookup in group:
            lookup.answer.set_exception(error)
        return
    start = 0
    for lookup in group:
        lookup.answer.set_result(_part(hits, start, len(lookup.codes), lookup.k))
        start += len(lookup.codes)


def _part(hits: Hits, start: int, queries: int, k: int) -> Hits:
    """The first k hits of some of the queries."""
    rows = [hits.row(number) for number in range(start, start + queries)]
    return Hits(
        np.concatenate([np.zeros(0, np.int64), *(ids[:k] for _, ids in rows)]),
        np.concatenate([np.zeros(0, np.int64), *(distances[:k] for distances, _ in rows)]),
        np.cumsum([len(ids[:k]) for _, ids in rows], dtype=np.int64),
    )
