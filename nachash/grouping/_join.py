"""The loop over pairs of codes, compiled: codes within the radius are joined, no pair is kept.

Groups are a forest in an array (union-find): `parent[i]` leads towards the root of i, so memory
is that of one integer per code, however many pairs there are.
"""

from typing import Any, Final, no_type_check

import numpy as np

from nachash.compiled import compiled
from nachash.popcount import ones

_BLOCK: Final = 2048  # distances that stay in the first-level cache


@compiled
@no_type_check
def root(parent: Any, item: Any) -> Any:
    """The root of an item; the path to it is halved on the way."""
    while parent[item] != item:
        parent[item] = parent[parent[item]]
        item = parent[item]
    return item


@compiled
@no_type_check
def join(parent: Any, one: Any, other: Any) -> None:
    """Put two items into one group, the smaller root on top."""
    one, other = root(parent, one), root(parent, other)
    if one < other:
        parent[other] = one
    elif other < one:
        parent[one] = other


@compiled
@no_type_check
def _measure(words: Any, row: Any, start: Any, size: Any, distances: Any) -> Any:
    """Write the distances of a row to a block of rows; returns the least of them."""
    distances[:size] = 0
    for number in range(words.shape[0]):
        word = words[number, row]
        block = words[number, start : start + size]
        for item in range(size):
            distances[item] += np.uint16(ones(block[item] ^ word))
    least = np.uint16(65535)
    for item in range(size):
        least = min(least, distances[item])
    return least


@compiled
@no_type_check
def join_near(words: Any, order: Any, ends: Any, rows: Any, radius: Any, parent: Any) -> None:
    """Join each row with the rows after it that are near, up to the row's own end.

    Args:
        words: uint64 [words n], the codes in the order of the rows.
        order: int32 [n], the item that each row is.
        ends: int32 [n], where each row's candidates end.
        rows: int64 [first, stop, step], the rows to work on.
        radius: the largest distance, in bits, that joins.
        parent: int32 [n], changed.
    """
    distances = np.empty(_BLOCK, np.uint16)
    for row in range(rows[0], rows[1], rows[2]):
        for start in range(row + 1, ends[row], _BLOCK):
            size = min(_BLOCK, ends[row] - start)
            if _measure(words, row, start, size, distances) > radius:
                continue
            for item in range(size):
                if distances[item] <= radius:
                    join(parent, order[row], order[start + item])


@compiled
@no_type_check
def merge(parent: Any, other: Any) -> None:
    """Add the groups of another forest over the same items."""
    for item in range(len(parent)):
        join(parent, item, other[item])


@compiled
@no_type_check
def flatten(parent: Any) -> None:
    """Let every item lead to its root directly."""
    for item in range(len(parent)):
        parent[item] = root(parent, item)
