"""Seeded choices of positions that the protocols share."""

import numpy as np

from nachash.errors import UsageError
from nachash.shapes import Int64


def generator(seed: int) -> np.random.Generator:
    """The generator that every protocol draws from: PCG64, the same on every machine."""
    return np.random.Generator(np.random.PCG64(seed))


def drawn(
    positions: "Int64[np.ndarray, 'n']", count: int, random: np.random.Generator
) -> "Int64[np.ndarray, 'count']":
    """`count` of the positions, uniformly, without repetition, sorted.

    Raises:
        UsageError: there are fewer.
    """
    if len(positions) < count:
        raise UsageError(f"the protocol draws {count} images, but there are {len(positions)}")
    return np.sort(random.choice(positions, count, replace=False))


def drawn_per_class(
    positions: "Int64[np.ndarray, 'n']",
    classes: "Int64[np.ndarray, 'images']",
    count: int,
    random: np.random.Generator,
) -> "Int64[np.ndarray, 'drawn']":
    """`count` of the positions in each class, classes in their order, sorted in the end.

    `classes` holds the class of every image, not only of those at the positions.

    Raises:
        UsageError: a class has fewer.
    """
    members = [positions[classes[positions] == each] for each in np.unique(classes)]
    fewest = min((len(each) for each in members), default=0)
    if fewest < count:
        raise UsageError(
            f"the protocol draws {count} images of each class, but one class has {fewest}",
            "check that the copy of the data set is complete",
        )
    return np.sort(np.concatenate([drawn(each, count, random) for each in members]))


def others(count: int, chosen: "Int64[np.ndarray, 'n']") -> "Int64[np.ndarray, 'rest']":
    """Positions 0..count-1 without those chosen, sorted."""
    return np.setdiff1d(np.arange(count), chosen, assume_unique=True)
