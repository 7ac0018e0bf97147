"""Search over codes in memory, beside FAISS itself: a thousand queries at once, and one alone.

`nachash` is the library's engine: its answer is ordered by (distance, id) and names ids. `raw` is
`faiss.IndexBinaryFlat.search` over the same codes: with all threads for many queries, with one
for a single one (with all it is far slower, as its idle threads are in the way). Both take turns,
and who begins changes; a ratio is the median over the turns. The 10 nearest of random codes.
"""

import itertools
import os
import statistics
import time
from collections.abc import Callable

import numpy as np
from _harness import Report, main

# What the library sets as well, so that both run under the same rule.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
import faiss

from nachash import plugins
from nachash.engines import Engine
from nachash.shapes import UInt8

BITS = 64
K = 10


def measure(quick: bool) -> Report:
    """Throughput of a batch and time of one query, in turn."""
    rows = 1_000_000
    queries, batches, singles = (64, 7, 101) if quick else (1_000, 15, 1_001)
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (rows, BITS // 8), np.uint8)
    asked = rng.integers(0, 256, (queries, BITS // 8), np.uint8)
    engine = plugins.load("engines", "faiss-flat").build(codes, ids=np.arange(rows), bits=BITS)
    raw = faiss.IndexBinaryFlat(BITS)
    raw.add(codes)
    check(engine, raw, asked)

    many, one = asked, asked[:1]
    threads = faiss.omp_get_max_threads()
    batched = in_turn(lambda: engine.search(many, K), lambda: raw.search(many, K), batches)
    faiss.omp_set_num_threads(1)
    batched_alone = in_turn(lambda: engine.search(many, K), lambda: raw.search(many, K), batches)
    faiss.omp_set_num_threads(threads)
    single = in_turn(lambda: engine.search(one, K), lambda: alone(raw, one, threads), singles)
    return Report(
        "search_warm",
        {
            "batched, throughput to raw FAISS": batched[0],
            "one query, time to raw FAISS with one thread": 1 / single[0],
        },
        {
            "codes": rows,
            "queries in a batch": queries,
            "threads": threads,
            "batched, queries per s": queries / batched[1],
            "batched, raw FAISS, queries per s": queries / batched[2],
            "batched, raw FAISS with one thread, queries per s": queries / batched_alone[2],
            "one query, ms": 1e3 * single[1],
            "one query, raw FAISS with one thread, ms": 1e3 * single[2],
        },
    )


def check(engine: Engine, raw: faiss.IndexBinaryFlat, asked: UInt8[np.ndarray, "queries bytes"]):
    """Both must find the same distances, or there is nothing to compare."""
    distances = raw.search(asked, K)[0]
    if engine.search(asked, K).distances.tolist() != distances.ravel().tolist():
        raise SystemExit("nachash and FAISS disagree")


def alone(raw: faiss.IndexBinaryFlat, query: UInt8[np.ndarray, "1 bytes"], threads: int) -> None:
    """One query by FAISS with one thread."""
    faiss.omp_set_num_threads(1)
    raw.search(query, K)
    faiss.omp_set_num_threads(threads)


def in_turn(
    ours: Callable[[], object], theirs: Callable[[], object], repeats: int
) -> tuple[float, float, float]:
    """Median of their seconds to ours within a turn; median seconds of ours, and of theirs."""
    ours(), theirs()
    turns = []
    for ours_first in itertools.islice(itertools.cycle((True, False)), repeats):
        if ours_first:
            turns.append((seconds(ours), seconds(theirs)))
        else:
            theirs_took = seconds(theirs)
            turns.append((seconds(ours), theirs_took))
    return (
        statistics.median(theirs_took / ours_took for ours_took, theirs_took in turns),
        statistics.median(ours_took for ours_took, _ in turns),
        statistics.median(theirs_took for _, theirs_took in turns),
    )


def seconds(work: Callable[[], object]) -> float:
    """How long some work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main(measure)
