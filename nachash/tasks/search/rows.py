"""The rows that filters leave, with engines that know only them; few bytes are kept of each."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from nachash import codes as code
from nachash.engines import Engine
from nachash.recently_used import RecentlyUsed
from nachash.shapes import Bool, UInt8

MOST_BYTES: Final = 64 << 20  # of all filters that are kept
_COUNTED_AT_ONCE: Final = 1 << 20  # rows

Bitmap = UInt8[np.ndarray, "eighths"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Some rows of a snapshot, or all of them (`kept` is None), and the engine to search them.

    `bytes` is what is held for them alone. The engine takes about as long for a row that is not
    among them as for one that is, unless it has codes of its own.
    """

    codes: UInt8[np.ndarray, "n bytes"]
    kept: Bitmap | None
    count: int
    engine: Engine
    bytes: int = 0

    def __contains__(self, position: int) -> bool:
        return self.kept is None or bool(self.kept[position >> 3] >> (position & 7) & 1)

    def counts(self, query: UInt8[np.ndarray, "bytes"], bits: int) -> list[int]:
        """How many rows have each distance, 0 to `bits`, from a code."""
        found = np.zeros(bits + 1, np.int64)
        for codes in self._blocks():
            found += np.bincount(code.popcount(codes ^ query), minlength=bits + 1)
        return found.tolist()

    def spread(self, count: int) -> Sequence[int]:
        """Positions of at most `count` rows, evenly spread."""
        if not self.count:
            return ()
        places = np.linspace(0, self.count - 1, min(count, self.count)).astype(np.int64)
        ranks = np.unique(places)
        if self.kept is None:
            return ranks.tolist()
        ends = np.cumsum(np.bitwise_count(self.kept), dtype=np.int64)
        eighths = np.searchsorted(ends, ranks, side="right")
        inside = ranks - ends[eighths] + np.bitwise_count(self.kept[eighths])
        ones = np.unpackbits(self.kept[eighths, None], axis=1, bitorder="little")
        bit = (np.cumsum(ones, axis=1) > inside[:, None]).argmax(axis=1)
        return (eighths * 8 + bit).tolist()

    def _blocks(self) -> Iterator[UInt8[np.ndarray, "some bytes"]]:
        """The codes of the rows, some at a time."""
        for start in range(0, len(self.codes), _COUNTED_AT_ONCE):
            codes = self.codes[start : start + _COUNTED_AT_ONCE]
            if self.kept is not None:
                eighths = self.kept[start // 8 : (start + _COUNTED_AT_ONCE) // 8]
                codes = codes[np.unpackbits(eighths, count=len(codes), bitorder="little") > 0]
            yield codes


def bitmap(kept: Bool[np.ndarray, "n"]) -> Bitmap:
    """A bit for each row, the lowest one first."""
    return np.packbits(kept, bitorder="little")


def filters(most_bytes: int = MOST_BYTES) -> RecentlyUsed[Hashable, Rows]:
    """A cache of filters; one is made at a time, since that takes memory."""
    return RecentlyUsed(most_bytes, lambda rows: rows.bytes, singly=True)
