"""How far apart pictures are that have nothing to do with each other, copies among them or not."""

from collections.abc import Callable
from typing import Final, final

import numpy as np

from nachash import codes as code
from nachash.errors import ImageError
from nachash.images.decoding.colour import rgb
from nachash.images.decoding.decode import orientation, turned
from nachash.images.sources.hosts import Hosts
from nachash.images.sources.originals import Originals
from nachash.index.reader import Index
from nachash.shapes import Float64, Int64, UInt8

PAIRS: Final = 4_000_000
PAIRS_AT_ONCE: Final = 250_000
LOOKED_AT: Final = 300  # near pairs
ALIKE: Final = 0.98  # correlation of two thumbnails of one picture
SIDE: Final = 32  # pixels of a thumbnail


def random_distances(
    codes: UInt8[np.ndarray, "n bytes"], bits: int, rng: np.random.Generator
) -> tuple[Int64[np.ndarray, "distances"], Int64[np.ndarray, "near columns"]]:
    """Counts of the distances of random pairs of different rows, and some of the nearest pairs.

    Of each pair its two rows and its distance, which is at most an eighth of the bits.
    """
    n = len(codes)
    counts = np.zeros(bits + 1, np.int64)
    near: list[np.ndarray] = []
    pairs = min(PAIRS, n * (n - 1))
    for start in range(0, pairs, PAIRS_AT_ONCE):
        size = min(PAIRS_AT_ONCE, pairs - start)
        one = rng.integers(0, n, size)
        other = (one + rng.integers(1, n, size)) % n
        distances = code.popcount(codes[one] ^ codes[other])
        counts += np.bincount(distances, minlength=bits + 1)
        at = np.flatnonzero(distances <= bits // 8)[:LOOKED_AT]
        near.append(np.stack([one[at], other[at], distances[at].astype(np.int64)], axis=1))
    return counts, np.concatenate(near)[:LOOKED_AT]


def copies_among(
    random: Int64[np.ndarray, "distances"],
    near: Int64[np.ndarray, "near columns"],
    thumbnail: Callable[[int], Float64[np.ndarray, "pixels"] | None],
) -> Int64[np.ndarray, "distances"]:
    """How many of the random pairs at each distance are no strangers but copies.

    That is seen on some of the near pairs; a pair that cannot be opened counts as strangers.
    """
    copies, seen = np.zeros(len(random)), np.zeros(len(random))
    for one, other, distance in near.tolist():
        seen[distance] += 1
        copies[distance] += look_alike(thumbnail(one), thumbnail(other))
    share = np.divide(copies, seen, out=np.zeros(len(random)), where=seen > 0)
    return np.rint(random * share).astype(np.int64)


def look_alike(
    one: Float64[np.ndarray, "pixels"] | None, other: Float64[np.ndarray, "pixels"] | None
) -> bool:
    """Whether two thumbnails have the same light and shade, up to brightness and contrast."""
    if one is None or other is None:
        return False
    return bool(np.corrcoef(one, other)[0, 1] >= ALIKE) if one.std() and other.std() else False


@final
class Thumbnails:
    """Thumbnails of rows: whole pictures in grey, squashed to a square; each is made once."""

    def __init__(self, index: Index, hosts: Hosts) -> None:
        self._index, self._hosts = index, hosts
        self._originals = Originals(index.root)
        self._known: dict[int, Float64[np.ndarray, "pixels"] | None] = {}

    def __call__(self, row: int) -> Float64[np.ndarray, "pixels"] | None:
        """That of one row; None where it cannot be opened."""
        if row not in self._known:
            self._known[row] = self._made(row)
        return self._known[row]

    def _made(self, row: int) -> Float64[np.ndarray, "pixels"] | None:
        try:
            with self._originals.open(self._index.paths(np.array([row]))[0], self._hosts) as image:
                image.load()
                small = turned(rgb(image), orientation(image)).convert("L").resize((SIDE, SIDE))
        except (ImageError, OSError):
            return None
        return np.asarray(small, np.float64).ravel()
