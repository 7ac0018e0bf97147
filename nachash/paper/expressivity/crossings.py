"""Region boundaries between two inputs: signs that change along the straight way between them."""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from nachash.shapes import Bool, Float

FIRST_INTERVALS: Final = 32
MOST_INTERVALS: Final = 1024
GROWTH: Final = 0.01

Patterns = Callable[[Float[np.ndarray, "n *shape"]], Bool[np.ndarray, "n units"]]


class Way(NamedTuple):
    """Boundaries crossed, between how many samples it was looked for, whether more found more."""

    crossed: int
    intervals: int
    stable: bool


def boundaries_crossed(
    patterns: Patterns,
    start: Float[np.ndarray, "*shape"],
    end: Float[np.ndarray, "*shape"],
    *,
    most: int = MOST_INTERVALS,
) -> Way:
    """How many boundaries of regions the segment from `start` to `end` crosses, from below.

    With points x_0 .. x_n at equal steps and their patterns c_i, sum_i d_H(c_i, c_i+1): each unit
    counts once for every change of its sign. A unit that changes twice between neighbouring
    samples is missed, so the sum can only grow when every interval is halved, and it comes to the
    true number in the end; d_H of the two ends, the poster's approximation, is the sum for n = 1.
    Begins with 32 intervals and halves until the sum grows by less than 1 %, or `most` is reached.
    """
    share = np.linspace(0, 1, min(FIRST_INTERVALS, most) + 1)
    found = patterns(_between(start, end, share))
    crossed = _changes(found)
    while 2 * (len(share) - 1) <= most:
        middle = (share[:-1] + share[1:]) / 2
        places = np.arange(1, len(share))
        found = np.insert(found, places, patterns(_between(start, end, middle)), axis=0)
        share = np.insert(share, places, middle)
        before, crossed = crossed, _changes(found)
        if crossed - before <= GROWTH * crossed:
            return Way(crossed, len(share) - 1, stable=True)
    return Way(crossed, len(share) - 1, stable=False)


def _between(
    start: Float[np.ndarray, "*shape"],
    end: Float[np.ndarray, "*shape"],
    share: Float[np.ndarray, "n"],
) -> Float[np.ndarray, "n *shape"]:
    along = share.astype(start.dtype).reshape(-1, *[1] * start.ndim)
    return start + along * (end - start)


def _changes(patterns: Bool[np.ndarray, "n units"]) -> int:
    return int(np.count_nonzero(patterns[1:] != patterns[:-1]))
