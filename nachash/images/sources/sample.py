"""A random part of a source, for collections larger than what is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from nachash.records import Reference, Skipped, Source
from nachash.shapes import Int64


@dataclass(frozen=True, slots=True)
class Sample:
    """Some images of a source, in its order; what was skipped is told by the whole source."""

    whole: Source
    references: tuple[Reference, ...]
    skipped: tuple[Skipped, ...]

    @property
    def root(self) -> str:
        """The root of the whole source."""
        return self.whole.root

    def open(self, reference: Reference) -> Image.Image:
        """The image, opened by the whole source.

        Raises:
            ImageError: as the source does.
        """
        return self.whole.open(reference)


def sample(source: Source, most: int, seed: int) -> Source:
    """The source itself if it has at most `most` images, else a random choice of so many."""
    references: Sequence[Reference] = source.references
    if len(references) <= most:
        return source
    kept = tuple(references[int(position)] for position in drawn(len(references), most, seed))
    return Sample(source, kept, tuple(source.skipped))


def drawn(count: int, most: int, seed: int) -> Int64[np.ndarray, "most"]:
    """The positions among `count` that `sample` keeps, sorted."""
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))
