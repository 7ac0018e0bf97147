"""Square blocks of a picture, and how well those of two pictures correlate."""

from collections.abc import Iterator

import numpy as np

from nachash.shapes import Float32, Int64


def blocks(values: np.ndarray, side: int) -> np.ndarray:
    """Whole blocks: [rows, columns, side, side] of [height, width]."""
    rows, columns = values.shape[0] // side, values.shape[1] // side
    whole = values[: rows * side, : columns * side]
    return whole.reshape(rows, side, columns, side).swapaxes(1, 2)


def block_means(values: np.ndarray, side: int) -> np.ndarray:
    """The mean of each whole block."""
    return blocks(values, side).mean((2, 3))


def best_shifts(
    one: Float32[np.ndarray, "height width"],
    other: Float32[np.ndarray, "height width"],
    side: int,
    reach: int,
) -> tuple[Float32[np.ndarray, "rows columns"], Int64[np.ndarray, "rows columns 2"]]:
    """For each block of `one` its best correlation with `other`, and the shift (down, right).

    Shifts of at most `reach` pixels are tried. Pearson's correlation, -1 to 1.
    """
    centred, energy = _centred(blocks(one, side))
    shifts = list(_shifts(reach))
    padded = np.pad(other, reach, mode="edge")
    height, width = one.shape
    found = []
    for down, right in shifts:
        moved = padded[reach + down :, reach + right :][:height, :width]
        against, own = _centred(blocks(moved, side))
        product = np.einsum("rcij,rcij->rc", centred, against)
        found.append(product / np.sqrt(energy * own + 1e-6))
    correlations = np.array(found)
    best = correlations.argmax(0)
    return correlations.max(0), np.array(shifts)[best]


def _shifts(reach: int) -> Iterator[tuple[int, int]]:
    around = range(-reach, reach + 1)
    return ((down, right) for down in around for right in around)


def _centred(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Blocks less their means, and the sums of their squares."""
    centred = values - values.mean((2, 3), keepdims=True)
    return centred, np.einsum("rcij,rcij->rc", centred, centred)
