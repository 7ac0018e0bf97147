"""Rows of different lengths in two arrays: the values one after the other, and where each ends."""

from dataclasses import dataclass

import numpy as np

from nachash.shapes import Int64


@dataclass(frozen=True, slots=True, eq=False)
class Ragged:
    """Row `i` is `values[ends[i - 1] : ends[i]]`; texts are UTF-8 bytes."""

    ends: Int64[np.ndarray, "rows"]
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.ends)

    def take(self, rows: Int64[np.ndarray, "k"]) -> "Ragged":
        """Some of the rows, which ascend."""
        lengths = np.diff(self.ends, prepend=0)
        kept = np.zeros(len(self.ends), bool)
        kept[rows] = True
        return Ragged(np.cumsum(lengths[rows]), self.values[np.repeat(kept, lengths)])
