"""Blocks of tied items as average precision sees them, and sums over the ranks of a block.

Every symbol means the same in all files of this folder. Of one query, items at one distance
form a block: n items, r of them relevant, after N items, R of them relevant, at smaller
distances. Ranks in the block are N + 1 to N + n. H is the harmonic number.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from nachash.metrics.distance_histogram import Histograms
from nachash.shapes import Float64, Int64

# What AP@K divides by: relevant items among the first K, or as many as could stand there.
Over = Literal["found", "possible"]


@dataclass(frozen=True, slots=True)
class Blocks:
    """Each query's blocks, by distance: sizes and what stands before."""

    n: Int64[np.ndarray, "queries distances"]
    r: Int64[np.ndarray, "queries distances"]
    N: Int64[np.ndarray, "queries distances"]
    R: Int64[np.ndarray, "queries distances"]

    @classmethod
    def of(cls, histograms: Histograms) -> "Blocks":
        """The blocks that these counts describe."""
        n, r = histograms.items, histograms.relevant
        return cls(n, r, np.cumsum(n, axis=1) - n, np.cumsum(r, axis=1) - r)


@dataclass(frozen=True, slots=True)
class Cut:
    """Each query's block that contains rank K, or whose end is rank K; m of its ranks count.

    `whole` marks the blocks that stand before it.
    """

    n: Int64[np.ndarray, "queries"]
    r: Int64[np.ndarray, "queries"]
    N: Int64[np.ndarray, "queries"]
    R: Int64[np.ndarray, "queries"]
    m: Int64[np.ndarray, "queries"]
    whole: npt.NDArray[np.bool_]

    @classmethod
    def at(cls, blocks: Blocks, rank: int) -> "Cut":
        """The cut after the first `rank` items, or after the last where there are fewer."""
        ends = blocks.N + blocks.n
        last = np.minimum(rank, ends[:, -1:])
        block = np.argmax(ends >= last, axis=1)[:, None]
        n, r, N, R = (  # noqa: N806
            np.take_along_axis(each, block, axis=1)[:, 0]
            for each in (blocks.n, blocks.r, blocks.N, blocks.R)
        )
        return cls(n, r, N, R, m=last[:, 0] - N, whole=np.arange(ends.shape[1]) < block)

    @property
    def fewest(self) -> Int64[np.ndarray, "queries"]:
        """Relevant items within the m ranks: at least this many in any order."""
        return np.maximum(0, self.m - (self.n - self.r))

    @property
    def most(self) -> Int64[np.ndarray, "queries"]:
        """Relevant items within the m ranks: at most this many in any order."""
        return np.minimum(self.m, self.r)


class Harmonic:
    """Sums of 1/t over consecutive ranks, from a table.

    Differences of nearly equal harmonic numbers lose digits, so the table has more of them than
    float64 where the machine offers it.
    """

    def __init__(self, largest: int) -> None:
        self._table = np.zeros(largest + 1, np.longdouble)
        np.cumsum(1 / np.arange(1, largest + 1, dtype=np.longdouble), out=self._table[1:])

    def between(
        self, low: Int64[np.ndarray, "*n"], high: Int64[np.ndarray, "*n"]
    ) -> npt.NDArray[np.longdouble]:
        """1/(low + 1) + ... + 1/high."""
        return self._table[high] - self._table[low]

    def precisions(
        self,
        before: Int64[np.ndarray, "*n"],
        found: Int64[np.ndarray, "*n"],
        count: Int64[np.ndarray, "*n"],
    ) -> Float64[np.ndarray, "*n"]:
        """Sum of the precisions at `count` relevant items in a row.

        With a = `before` items and b = `found` relevant ones in front:
        sum_{i=1..c} (b + i) / (a + i) = c + (b - a) (H(a + c) - H(a)).
        """
        total = count + (found - before) * self.between(before, before + count)
        return total.astype(np.float64)

    def shuffled(
        self,
        N: Int64[np.ndarray, "*n"],  # noqa: N803
        R: Int64[np.ndarray, "*n"],  # noqa: N803
        m: Int64[np.ndarray, "*n"],
    ) -> tuple[Float64[np.ndarray, "*n"], Float64[np.ndarray, "*n"]]:
        """Coefficients a and b of the expected sum of precisions in m ranks in random order.

        With h relevant items among the m ranks it is a h + b h (h - 1): each rank is relevant
        with probability h/m and has (t - 1)(h - 1)/(m - 1) others before it, so

            a = 1/m sum_{t=1..m} (R + 1)/(N + t),   b = 1/(m (m - 1)) sum_t (t - 1)/(N + t).
        """
        inverse = self.between(N, N + m)
        size = np.maximum(m, 1)
        a = (R + 1) * inverse / size
        b = (m - (N + 1) * inverse) / (size * np.maximum(m - 1, 1))
        return a.astype(np.float64), b.astype(np.float64)
