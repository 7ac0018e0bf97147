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
from nachash.shapes import Int64, UInt8

if TYPE_CHECKING or find_spec("numba"):
    from nachash.grouping._join import flatten, join_near, merge
else:
    from nachash.grouping._join_numpy import flatten, join_near, merge

_COMPARISONS_AT_ONCE: Final = 1_000_000_000


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
    root = _roots(codes[first], bits, radius, threads or usable_cores(), progress)
    return first[root[inverse]]


def _distinct(
    codes: UInt8[np.ndarray, "n bytes"],
) -> tuple[Int64[np.ndarray, "distinct"], Int64[np.ndarray, "n"]]:
    """The first row of each distinct code, ascending, and for each row the place of its code."""
    words = as_words(codes)
    keys = words[:, 0] if words.shape[1] == 1 else words
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(first), np.int64)
    place[order] = np.arange(len(first))
    return first[order].astype(np.int64), place[inverse.ravel()]


def _roots(
    codes: UInt8[np.ndarray, "n bytes"],
    bits: int,
    radius: int,
    workers: int,
    progress: Progress,
) -> Int64[np.ndarray, "n"]:
    """For each of some distinct codes the smallest row of its group."""
    forests = [np.arange(len(codes), dtype=np.int64) for _ in range(workers)]
    words = as_words(codes)
    done = 0
    with ThreadPoolExecutor(workers, thread_name_prefix="nachash-pairs") as pool:
        for found in candidates(codes, bits, radius):
            ordered = np.ascontiguousarray(words[found.order].T)
            for first, stop, pairs in _portions(found):
                work = partial(_join_rows, ordered, found, first, stop, workers, radius)
                list(pool.map(work, range(workers), forests))
                done += pairs
                progress("comparing", done, None)
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
    forest: Int64[np.ndarray, "n"],
) -> None:
    """One thread's share of the rows: every `step`-th."""
    rows = np.array([first + worker, stop, step], np.int64)
    join_near(ordered, found.order, found.ends, rows, radius, forest)


def _portions(found: Candidates) -> Iterator[tuple[int, int, int]]:
    """Spans of rows with a bounded number of comparisons, so that Ctrl-C is heard."""
    after = np.cumsum(found.ends - np.arange(1, len(found.ends) + 1))
    first = done = 0
    while first < len(after):
        stop = int(np.searchsorted(after, done + _COMPARISONS_AT_ONCE, side="right"))
        stop = max(stop, first + 1)
        pairs = int(after[stop - 1]) - done
        yield first, stop, pairs
        first, done = stop, done + pairs
