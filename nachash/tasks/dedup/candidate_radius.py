"""How near codes have to be for their pictures to be compared, where nobody said."""

from typing import Final

import numpy as np

from nachash.shapes import UInt8
from nachash.tasks.dedup.strangers import random_distances

_LOOKS: Final = 2_000  # at pairs that are no copies, in all: some minutes of a core
_LOOKS_PER_IMAGE: Final = 0.5  # the same, where it is more
_MOST_IMAGES: Final = 1_000_000  # of more, finding pairs at a wide radius takes too long
_WIDEST: Final = 6  # at most one bit in so many; farther codes of copies are few


def candidate_radius(codes: UInt8[np.ndarray, "n bytes"], bits: int, least: int) -> int:
    """The widest radius, from `least` on, at which few pairs of other pictures are looked at.

    Estimated from random pairs. A wider one finds more of the copies that were cut or framed, and
    takes longer; what is a copy is for the pictures to say.
    """
    count = len(codes)
    if not 2 <= count <= _MOST_IMAGES:
        return least
    counts, _ = random_distances(codes, bits, np.random.default_rng(0))
    looks = counts.cumsum() / counts.sum() * count * (count - 1) / 2
    most = max(_LOOKS, count * _LOOKS_PER_IMAGE)
    allowed = int(np.searchsorted(looks, most, side="right")) - 1
    return max(least, min(allowed, bits // _WIDEST))
