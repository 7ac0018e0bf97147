"""Hits of one query in a finer order than their Hamming distances give."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nachash import codes
from nachash.shapes import Float32, Float64, Int64, UInt8

CodesOf = Callable[[Int64[np.ndarray, "k"]], UInt8[np.ndarray, "k bytes"]]


@dataclass(frozen=True, slots=True)
class Nearest:
    """Hits of one query, best first; the first of them by `asymmetric`, where that is given."""

    distances: Int64[np.ndarray, "k"]
    ids: Int64[np.ndarray, "k"]
    asymmetric: Float64[np.ndarray, "reranked"] | None = None

    def weights(self, count: int) -> list[float | None]:
        """The asymmetric distance of the first `count` hits, None where there is none."""
        known = [] if self.asymmetric is None else self.asymmetric[:count].tolist()
        return [*known, *[None] * (count - len(known))]


def reranked(
    codes_of: CodesOf, activations: Float32[np.ndarray, "bits"], nearest: Nearest, count: int
) -> Nearest:
    """The first `count` hits ordered by (asymmetric distance, distance, id), then the others.

    `codes_of` gives the codes of ids.
    """
    distances, ids = nearest.distances[:count], nearest.ids[:count]
    weighted = codes.asymmetric_distance(activations, codes_of(ids))
    order = np.lexsort((ids, distances, weighted))
    return Nearest(
        np.concatenate([distances[order], nearest.distances[count:]]),
        np.concatenate([ids[order], nearest.ids[count:]]),
        weighted[order],
    )
