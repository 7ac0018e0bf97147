"""Parts of a labelled set in which every class keeps its share."""

from collections.abc import Callable

import numpy as np

from nachash.shapes import Int64


def subset(
    classes: Int64[np.ndarray, "n"], fraction: float, random: np.random.Generator
) -> Int64[np.ndarray, "subset"]:
    """Positions of a fraction of each class, rounded, at least one image of each, sorted.

    Subsets are nested: with the same random numbers a smaller fraction lies inside a larger one,
    so that a curve over fractions adds images and never exchanges them.
    """
    return _drawn(classes, lambda count: size(count, fraction), random)


def size(count: int, fraction: float) -> int:
    """How many of a class of `count` images are in the subset of a fraction."""
    return max(1, _rounded(fraction * count))


def held_out(
    classes: Int64[np.ndarray, "n"], share: float, random: np.random.Generator
) -> Int64[np.ndarray, "subset"]:
    """Positions of a share of each class to put aside, at least one image and never all, sorted.

    Every class must have two images.
    """
    return _drawn(classes, lambda count: min(count - 1, max(1, _rounded(share * count))), random)


def _drawn(
    classes: Int64[np.ndarray, "n"], how_many: Callable[[int], int], random: np.random.Generator
) -> Int64[np.ndarray, "subset"]:
    """The first of each class in a random order of its members, classes in their order."""
    members = (random.permutation(np.flatnonzero(classes == each)) for each in np.unique(classes))
    return np.sort(np.concatenate([order[: how_many(len(order))] for order in members]))


def _rounded(number: float) -> int:
    """The nearest whole number, halves upwards."""
    return int(np.floor(number + 0.5))
