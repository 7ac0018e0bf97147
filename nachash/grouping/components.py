"""Connected components: codes that a chain of near neighbours links."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import numpy as np

from nachash.codes import as_words
from nachash.cores import usable_cores
from nachash.errors import UsageError
from nachash.grouping._candidates import Candidates, candidates
from nachash.records import Progress, silent
from nachash.shapes import Int32, Int64, UInt8, UInt64

if TYPE_CHECKING or find_spec("numba"):
    from nachash.grouping._join import flatten, join_near, merge
else:
    from nachash.grouping._join_numpy import flatten, join_near, merge

_COMPARISONS_AT_ONCE: Final = 1_000_000_000
_ROWS_AT_ONCE: Final = 1 << 20


def components(
    codes: UInt8[np.ndarray, "n bytes"],
    *,
    bits: int,
    radius: int,
    threads: int | None = None,
    progress: Progress = silent,
) -> Int64[np.ndarray, "n"]:
    """For each code the smallest row of its group.

    Two codes at most `radius` bits apart are in one group, and so are those that others link.
    Exact; memory is a few integers per code and thread, however many pairs are near.

    Raises:
        UsageError: for a negative radius.
    """
    if radius < 0:
        raise UsageError(
            f"a radius of {radius} bits is not possible: it must be at least 0",
            "use --max-distance 2",
        )
    first, inverse = _distinct(codes)
    words = as_words(codes)[first]
    root = _roots(words, bits, radius, threads or usable_cores(), progress)
    return first[root[inverse]].astype(np.int64)


def _distinct(
    codes: UInt8[np.ndarray, "n bytes"],
) -> tuple[Int32[np.ndarray, "distinct"], Int32[np.ndarray, "n"]]:
    """The first row of each distinct code, ascending, and for each row the place of its code."""
    words = as_words(codes).T
    order = np.lexsort(words).astype(np.int32)  # equal codes in the order of their rows
    new = np.zeros(len(order), bool)
    new[:1] = True
    for word in words:
        ordered = word[order]
        new[1:] |= ordered[1:] != ordered[:-1]
    first = order[new]
    ascending = np.argsort(first)
    place = np.empty(len(first), np.int32)
    place[ascending] = np.arange(len(first))
    inverse = np.empty(len(order), np.int32)
    inverse[order] = place[np.cumsum(new) - 1]
    return first[ascending], inverse


def _roots(
    words: UInt64[np.ndarray, "n words"],
    bits: int,
    radius: int,
    workers: int,
    progress: Progress,
) -> Int32[np.ndarray, "n"]:
    """For each of some distinct codes the smallest row of its group."""
    forests = [np.arange(len(words), dtype=np.int32) for _ in range(workers)]
    done = 0
    with ThreadPoolExecutor(workers, thread_name_prefix="nachash-pairs") as pool:
        for found in candidates(words.view(np.uint8), bits, radius):
            ordered = np.ascontiguousarray(words[found.order].T)
            for first, stop, pairs in _portions(found):
                list(
                    pool.map(
                        partial(_join_rows, ordered, found, first, stop, workers, radius),
                        range(workers),
                        forests,
                    )
                )
                done += pairs
                progress("comparing", done, None)
            del found, ordered  # before the next ones are made
    for other in forests[1:]:
        merge(forests[0], other)
    flatten(forests[0])
    return forests[0]


def _join_rows(
    ordered: np.ndarray,
    found: Candidates,
    first: int,
    stop: int,
    step: int,
    radius: int,
    worker: int,
    forest: Int32[np.ndarray, "n"],
) -> None:
    """One thread's share of the rows: every `step`-th."""
    rows = np.array([first + worker, stop, step], np.int64)
    join_near(ordered, found.order, found.ends, rows, radius, forest)


def _portions(found: Candidates) -> Iterator[tuple[int, int, int]]:
    """Spans of rows with a bounded number of comparisons, so that Ctrl-C is heard."""
    first = 0
    while first < len(found.ends):
        ends = found.ends[first : first + _ROWS_AT_ONCE]
        after = np.cumsum(ends - np.arange(first + 1, first + len(ends) + 1))
        rows = max(1, int(np.searchsorted(after, _COMPARISONS_AT_ONCE, side="right")))
        yield first, first + rows, int(after[rows - 1])
        first += rows
