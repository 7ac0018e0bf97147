"""Which items share a label with a query, by the different sets of labels that items have.

Ten million images of a thousand classes have 10^10 pairs of image and class, and a thousand sets.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from nachash.codes import as_words
from nachash.shapes import Int32, Int64, UInt8

Some = slice | Int64[np.ndarray, "some"]
_SIDES: Final[tuple[Literal["left", "right"], ...]] = ("left", "right")
_MOST_COUNTED: Final = 1 << 24  # above that, sorting takes less memory than counting


@dataclass(frozen=True, slots=True)
class LabelSets:
    """`of` is the set of each item; `wanted` says of some queries which sets share a label.

    Queries are given as a slice or by their numbers.
    """

    of: npt.NDArray[np.unsignedinteger]
    wanted: Callable[[Some], UInt8[np.ndarray, "some sets"]]


def of_multi_hot(
    queries: UInt8[np.ndarray, "queries classes"], gallery: UInt8[np.ndarray, "gallery classes"]
) -> LabelSets:
    """Sets of labels that are given as rows of zeros and ones."""
    packed = as_words(np.packbits(gallery, axis=1))
    rows = packed[:, 0] if packed.shape[1] == 1 else packed  # one word is sorted much faster
    _, first, which = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    sets = gallery[first].T.astype(np.float32)

    def wanted(some: Some) -> UInt8[np.ndarray, "some sets"]:
        return (queries[some].astype(np.float32) @ sets > 0).view(np.uint8)

    return LabelSets(_narrow(which, len(first)), wanted)


def of_numbers(
    query_ends: Int64[np.ndarray, "queries"],
    query_numbers: Int32[np.ndarray, "query_labels"],
    gallery_ends: Int64[np.ndarray, "gallery"],
    gallery_numbers: Int32[np.ndarray, "gallery_labels"],
) -> LabelSets:
    """Sets of labels that are numbers, those of one image after the other up to its end."""
    which, first = _distinct(gallery_ends, gallery_numbers)
    starts = gallery_ends - np.diff(gallery_ends, prepend=0)
    lengths = (gallery_ends - starts)[first]
    places = np.repeat(starts[first] - np.cumsum(lengths) + lengths, lengths)
    labels = gallery_numbers[places + np.arange(len(places))]
    order = np.argsort(labels, kind="stable")
    labels, sets = labels[order], np.repeat(np.arange(len(first)), lengths)[order]

    query_starts = query_ends - np.diff(query_ends, prepend=0)

    def wanted(some: Some) -> UInt8[np.ndarray, "some sets"]:
        spans = zip(query_starts[some].tolist(), query_ends[some].tolist(), strict=True)
        found = np.zeros((len(query_ends[some]), len(first)), np.uint8)
        for row, (begin, end) in enumerate(spans):
            own = query_numbers[begin:end]
            borders = (np.searchsorted(labels, own, side) for side in _SIDES)
            for start, stop in zip(*borders, strict=True):
                found[row, sets[start:stop]] = 1
        return found

    return LabelSets(_narrow(which, len(first)), wanted)


def _distinct(
    ends: Int64[np.ndarray, "n"], numbers: Int32[np.ndarray, "labels"]
) -> tuple[np.ndarray, Int64[np.ndarray, "sets"]]:
    """Which set each row is, and a row of each set: rows of equal numbers in equal order."""
    lengths = np.diff(ends, prepend=0)
    which = np.zeros(len(ends), np.int32)
    classes = int(numbers.max(initial=0)) + 1
    for place in range(int(lengths.max(initial=0))):
        longer = np.flatnonzero(lengths > place)
        key = which[longer].astype(np.int64)
        key *= classes
        key += numbers[ends[longer] - lengths[longer] + place]
        which[longer] = _without_gaps(key) + which.max(initial=0) + 1
    which = _without_gaps(which)
    first = np.zeros(int(which.max(initial=-1)) + 1, np.int64)
    first[which] = np.arange(len(which))
    return which, first


def _without_gaps(keys: np.ndarray) -> np.ndarray:
    """Other numbers for the same keys, from 0 on, each used."""
    largest = int(keys.max(initial=0))
    if largest > _MOST_COUNTED:
        return np.unique(keys, return_inverse=True)[1].astype(np.int32)
    used = np.zeros(largest + 1, bool)
    used[keys] = True
    return (np.cumsum(used, dtype=np.int32) - 1)[keys]


def _narrow(which: np.ndarray, sets: int) -> npt.NDArray[np.unsignedinteger]:
    return which.astype(np.min_scalar_type(sets))
