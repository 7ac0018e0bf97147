"""Many texts as bytes, one after the other: thirty-four bytes each where strings take a hundred."""

from collections.abc import Iterator
from typing import final

import numpy as np

from nachash.index.ragged import Ragged


@final
class PackedTexts:
    """A sequence of texts that are decoded when they are asked for."""

    def __init__(self, texts: Ragged) -> None:
        self._bytes = texts.values
        narrow = len(self._bytes) < 1 << 32
        self._ends = texts.ends.astype(np.uint32) if narrow else texts.ends

    def as_ragged(self) -> Ragged:
        """All of them, the bytes not copied."""
        return Ragged(self._ends.astype(np.int64), self._bytes)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, row: int) -> str:
        start = int(self._ends[row - 1]) if row else 0
        encoded = self._bytes[start : int(self._ends[row])]
        return encoded.tobytes().decode("utf-8", "surrogateescape")

    def __iter__(self) -> Iterator[str]:
        return (self[row] for row in range(len(self)))
