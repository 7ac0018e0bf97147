"""The weighted nearest neighbours probe: no training, exact, block by block."""

from typing import Final

import numpy as np

from nachash.shapes import Float, Float32, Float64, Int64

NEIGHBOURS: Final = 200
TEMPERATURE: Final = 0.07
_BLOCK_NUMBERS: Final = 1 << 25


def predictions(
    queries: Float[np.ndarray, "queries features"],
    gallery: Float[np.ndarray, "gallery features"],
    classes: Int64[np.ndarray, "gallery"],
    *,
    neighbours: int = NEIGHBOURS,
    temperature: float = TEMPERATURE,
) -> Int64[np.ndarray, "queries"]:
    """The class with most votes among each query's nearest images, the first of equals.

    An image with cosine s to the query votes for its class with weight exp(s / temperature)
    (Wu, Xiong, Yu and Lin, CVPR 2018, section 3.4: 200 neighbours, temperature 0.07). Where
    images are tied at the last place, each counts by its chance to be among those taken in a
    random order of the tied: codes know few distances, and any other rule would let the order of
    the files decide. Of codewords (every feature -1 or 1) the cosine is 1 - 2 d / D at Hamming
    distance d of D bits, computed without rounding. All of the gallery counts where it is
    smaller than `neighbours`.
    """
    near, gallery = _comparable(queries), _comparable(gallery)
    most = int(classes.max()) + 1
    rows = max(1, _BLOCK_NUMBERS // len(gallery))
    votes = (
        _votes(near[start : start + rows], gallery, classes, neighbours, temperature, most)
        for start in range(0, len(near), rows)
    )
    return np.concatenate([each.argmax(axis=1) for each in votes])


def _votes(
    queries: Float[np.ndarray, "queries features"],
    gallery: Float[np.ndarray, "gallery features"],
    classes: Int64[np.ndarray, "gallery"],
    neighbours: int,
    temperature: float,
    most: int,
) -> Float64[np.ndarray, "queries classes"]:
    cosines = queries @ gallery.T
    if _codewords(gallery):
        cosines /= gallery.shape[1]
    taken = min(neighbours, len(gallery))
    last = np.partition(cosines, -taken, axis=1)[:, -taken, None]
    row, column = np.nonzero(cosines >= last)
    near = cosines[row, column]
    tied = near == last[row, 0]
    nearer = np.bincount(row[~tied], minlength=len(queries))
    ties = np.bincount(row[tied], minlength=len(queries))
    chance = np.where(tied, ((taken - nearer) / ties)[row], 1.0)
    weights = chance * np.exp((near.astype(np.float64) - 1) / temperature)
    votes = np.bincount(row * most + classes[column], weights, minlength=len(queries) * most)
    return votes.reshape(len(queries), most)


def _comparable(
    features: Float[np.ndarray, "n features"],
) -> Float32[np.ndarray, "n features"]:
    """Codewords as they are, other features at unit length; a row of zeros stays one."""
    if _codewords(features):
        return features.astype(np.float32)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return (features / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def _codewords(features: Float[np.ndarray, "n features"]) -> bool:
    return bool((np.abs(features) == 1).all())
