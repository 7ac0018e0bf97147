"""The loop over pairs of codes by numpy alone, for installations without numba.

The same forests as in `_join`, by whole arrays: rows with many candidates are compared with all
of them at once, the other rows together, one distance between the rows at a time.
"""

import itertools
from typing import Any, Final

import numpy as np

from nachash.shapes import Int32

_FEW: Final = 64  # candidates up to which a row is compared together with others
_ROWS: Final = 8_192  # so compared at once; their words stay in the second-level cache
_PAIRS: Final = 65_536  # compared at once, likewise


def join_near(words: Any, order: Any, ends: Any, rows: Any, radius: Any, parent: Any) -> None:
    """Join each row with the rows after it that are near; arguments as of `_join.join_near`."""
    left = np.arange(*rows)
    few = ends[left] - left <= _FEW
    for start in range(0, len(left), _ROWS):
        span = slice(start, start + _ROWS)
        _join_by_offset(words, order, ends, left[span][few[span]], radius, parent)
    left = left[~few]
    for same in np.split(left, np.flatnonzero(np.diff(ends[left])) + 1) if len(left) else ():
        _join_by_row(words, order, ends[same[0]], same, radius, parent)


def _join_by_offset(words: Any, order: Any, ends: Any, left: Any, radius: Any, parent: Any) -> None:
    for offset in itertools.count(1):
        left = left[left + offset < ends[left]]
        if not len(left):
            return
        distances = _distances([word[left] for word in words], [w[left + offset] for w in words])
        near = left[distances <= radius]
        _unite(parent, order[near], order[near + offset])


def _join_by_row(words: Any, order: Any, end: Any, left: Any, radius: Any, parent: Any) -> None:
    """Rows with the same end and all candidates of the first; some pairs are seen twice."""
    width = min(_PAIRS, end - left[0])
    at_once = max(1, _PAIRS // width)
    for start in range(0, len(left), at_once):
        some = left[start : start + at_once]
        for first in range(some[0] + 1, end, width):
            others = slice(first, min(first + width, end))
            distances = _distances(words[:, some, None], words[:, None, others])
            one, other = np.nonzero(distances <= radius)
            _unite(parent, order[some[one]], order[first + other])


def merge(parent: Any, other: Any) -> None:
    """Add the groups of another forest over the same items."""
    _unite(parent, np.arange(len(parent)), other)


def flatten(parent: Any) -> None:
    """Let every item lead to its root directly."""
    parent[:] = _roots(parent, np.arange(len(parent)))


def _distances(some: Any, others: Any) -> Any:
    found = np.bitwise_count(some[0] ^ others[0]).astype(np.uint16)
    for one, other in zip(some[1:], others[1:], strict=True):
        found += np.bitwise_count(one ^ other)
    return found


def _unite(parent: Int32[np.ndarray, "n"], one: np.ndarray, other: np.ndarray) -> None:
    """Put the items of each pair into one group, the smallest root on top."""
    while len(one):
        one, other = _roots(parent, one), _roots(parent, other)
        apart = one != other
        one, other = np.minimum(one, other)[apart], np.maximum(one, other)[apart]
        # A root that several pairs would hang elsewhere takes the smallest place; the next round
        # finds the other pairs still apart.
        np.minimum.at(parent, other, one)


def _roots(parent: Int32[np.ndarray, "n"], items: np.ndarray) -> Int32[np.ndarray, "items"]:
    """The root of each item; their paths to it are cut short."""
    found = parent[items]
    while len(higher := np.flatnonzero(parent[found] != found)):
        found[higher] = parent[found[higher]]
    parent[items] = found
    return found
