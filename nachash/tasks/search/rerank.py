"""Hits in a finer order than their Hamming distances give."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nachash import codes
from nachash.records import Hits
from nachash.shapes import Float32, Int64, UInt8

CodesOf = Callable[[Int64[np.ndarray, "k"]], UInt8[np.ndarray, "k bytes"]]


def reranked(
    hits: Hits, codes_of: CodesOf, activations: Float32[np.ndarray, "queries bits"], count: int
) -> Hits:
    """The first `count` hits of each query by (asymmetric distance, distance, id), then the others.

    `codes_of` gives the codes of ids.
    """
    order, weights = np.arange(len(hits.ids)), np.full(len(hits.ids), np.nan)
    for query, start in enumerate(hits.starts.tolist()):
        span = slice(start, min(start + count, int(hits.ends[query])))
        weighted = codes.asymmetric_distance(activations[query], codes_of(hits.ids[span]))
        best = np.lexsort((hits.ids[span], hits.distances[span], weighted))
        order[span], weights[span] = start + best, weighted[best]
    return replace(hits, ids=hits.ids[order], distances=hits.distances[order], asymmetric=weights)
