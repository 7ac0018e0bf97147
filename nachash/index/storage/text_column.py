"""A column of texts in HDF5: the UTF-8 bytes one after the other, and where each one ends.

HDF5's own strings of variable length have no checksum and are read one by one. File names that
are not valid UTF-8 survive (`surrogateescape`).
"""

from collections.abc import Iterator
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np

from nachash.index.ragged import Ragged
from nachash.shapes import Int64

_GAP: Final = 512  # rows; what is nearer is read with what lies between
_SPAN: Final = 1 << 14  # rows that are read together at most


@runtime_checkable
class Texts(Protocol):
    """A group with `bytes` and `ends`, read by one of the ways in which an index can be read."""

    def __getitem__(self, name: str) -> Any:
        """One of the two data sets."""


def length(group: Texts) -> int:
    """Number of texts."""
    return len(group["ends"])


def rows(group: Texts, wanted: Int64[np.ndarray, "n"], values: str = "bytes") -> Ragged:
    """Some rows in the order given, read without touching those that are far from them.

    Raises:
        ValueError: when the column is damaged.
    """
    if not len(wanted):
        return part(group, 0, 0, values)
    ascending, place = np.unique(wanted, return_inverse=True)
    found = [
        part(group, first, stop, values).take(places) for first, stop, places in runs(ascending)
    ]
    return Ragged.joined(found).take(place)


def runs(
    ascending: Int64[np.ndarray, "n"],
) -> Iterator[tuple[int, int, Int64[np.ndarray, "some"]]]:
    """First row and end of what is worth reading in one go, and which rows of that are wanted."""
    apart = (np.diff(ascending) > _GAP) | (np.diff(ascending // _SPAN) > 0)
    for near in np.split(ascending, np.flatnonzero(apart) + 1):
        if len(near):
            yield int(near[0]), int(near[-1]) + 1, near - near[0]


def part(group: Texts, start: int, stop: int, values: str = "bytes") -> Ragged:
    """The rows from start to stop of a column of rows of different lengths.

    Raises:
        ValueError: when the column is damaged.
    """
    before = max(start - 1, 0)
    ends = group["ends"][before:stop]
    first = int(ends[0]) if start and len(ends) else 0
    ends = ends[1:] if start else ends
    last = int(ends[-1]) if len(ends) else first
    if len(ends) != max(stop - start, 0) or first < 0 or (np.diff(ends, prepend=first) < 0).any():
        raise ValueError("where its rows end is not ascending")
    found = group[values][first:last]
    if len(found) != last - first:
        raise ValueError("the ends of its rows do not fit their values")
    return Ragged(ends - first, found)


def texts(column: Ragged) -> list[str]:
    """Rows of bytes as texts."""
    return [each.decode("utf-8", "surrogateescape") for each in column.texts()]


def all_texts(group: Texts, rows: int) -> list[str]:
    """The first `rows` texts."""
    return texts(part(group, 0, rows))
