"""eval-map against the field's usual numpy evaluation: time and memory of mean average precision.

The baseline is what most hashing repositories run (`CalcTopMap` in swuxyj/DeepHash-pytorch): for
each query a product of +-1 codes with the whole gallery, a product of labels, an argsort and a
cumulative precision. It is measured on a subset of the queries and scaled, since it does every
query alike. Both are checked against each other in the same run: the baseline breaks ties by
position, so its value must lie between our pessimistic and optimistic ones, query by query.
"""

import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from _harness import Report, main

from nachash.codes import pack
from nachash.metrics.average_precision import average_precision
from nachash.metrics.average_precision_bounds import optimistic, pessimistic
from nachash.metrics.distance_histogram import histograms

BITS, CLASSES = 128, 10


def codes_and_labels(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Bits around one centre for each class, 40 % of them flipped, and one-hot labels."""
    centres = np.random.default_rng(0).random((CLASSES, BITS)) < 0.5
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, CLASSES, n)
    bits = centres[labels] ^ (generator.random((n, BITS)) < 0.4)
    return bits, np.eye(CLASSES, dtype=np.uint8)[labels]


def usual_average_precision(
    queries: np.ndarray, gallery: np.ndarray, query_labels: np.ndarray, gallery_labels: np.ndarray
) -> np.ndarray:
    """CalcTopMap over all items: one average precision per query."""
    values = []
    for query, label in zip(queries, query_labels, strict=True):
        relevant = (gallery_labels @ label > 0).astype(np.float32)
        distances = 0.5 * (gallery.shape[1] - gallery @ query)
        relevant = relevant[np.argsort(distances)]
        count = int(relevant.sum())
        found = np.linspace(1, count, count)
        ranks = np.flatnonzero(relevant == 1) + 1.0
        values.append(np.mean(found / ranks))
    return np.array(values)


def seconds(run: Callable[[], Any], repeats: int) -> float:
    """Median wall time."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def measure(quick: bool) -> Report:
    """Both ways on the same codes; peak memory is read before the baseline has run."""
    queries, subset, repeats = (2_000, 50, 1) if quick else (10_000, 200, 3)
    query_bits, query_labels = codes_and_labels(queries, 1)
    gallery_bits, gallery_labels = codes_and_labels(50_000, 2)
    packed = pack(query_bits), pack(gallery_bits), query_labels, gallery_labels

    def ours() -> np.ndarray:
        return average_precision(histograms(*packed, bits=BITS))

    def with_bounds() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        counts = histograms(*packed, bits=BITS)
        return average_precision(counts), pessimistic(counts), optimistic(counts)

    ours()  # the compiled loop is loaded once for each process
    ours_seconds = seconds(ours, repeats)
    bounds_seconds = seconds(with_bounds, repeats)
    peak = peak_mib()
    signs = [np.where(bits, 1, -1).astype(np.float32) for bits in (query_bits, gallery_bits)]
    floats = query_labels.astype(np.float32), gallery_labels.astype(np.float32)

    def usual() -> np.ndarray:
        return usual_average_precision(signs[0][:subset], signs[1], floats[0][:subset], floats[1])

    usual_seconds = seconds(usual, repeats) * queries / subset
    expected, low, high = (values[:subset] for values in with_bounds())
    values = usual()
    if not ((low - 1e-6 <= values) & (values <= high + 1e-6)).all():
        raise SystemExit("the baseline's average precision is outside our bounds")
    return Report(
        "eval_map",
        {"usual numpy / nachash": usual_seconds / ours_seconds},
        {
            "queries": queries,
            "gallery": len(gallery_bits),
            "bits": BITS,
            "nachash s": ours_seconds,
            "nachash with tie bounds s": bounds_seconds,
            "nachash peak MiB": peak,
            "usual numpy s, scaled": usual_seconds,
            "usual numpy queries measured": subset,
            "mAP expected": float(expected.mean()),
            "mAP usual numpy": float(values.mean()),
        },
    )


def peak_mib() -> float:
    """The most memory that this process, with all that it imports, has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(measure)
