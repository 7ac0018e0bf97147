"""Rows of different lengths in two arrays: the values one after the other, and where each ends."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nachash.shapes import Bool, Int64


@dataclass(frozen=True, slots=True, eq=False)
class Ragged:
    """Row `i` is `values[ends[i - 1] : ends[i]]`; texts are UTF-8 bytes, labels are numbers."""

    ends: Int64[np.ndarray, "rows"]
    values: np.ndarray

    @classmethod
    def of_texts(cls, texts: Sequence[str]) -> "Ragged":
        """Texts as their UTF-8 bytes; file names that are not UTF-8 keep their bytes."""
        encoded = [text.encode("utf-8", "surrogateescape") for text in texts]
        ends = np.cumsum([len(text) for text in encoded], dtype=np.int64)
        return cls(ends, np.frombuffer(b"".join(encoded), np.uint8))

    @classmethod
    def of_multi_hot(cls, labels: np.ndarray) -> "Ragged":
        """The numbers of the columns that are not zero, row after row."""
        rows, columns = np.nonzero(labels)
        ends = np.searchsorted(rows, np.arange(len(labels)), side="right").astype(np.int64)
        return cls(ends, columns.astype(np.int32))

    @classmethod
    def joined(cls, parts: "Sequence[Ragged]") -> "Ragged":
        """The rows of several, one after the other; at least one."""
        sizes = np.cumsum([0, *(len(part.values) for part in parts)])
        ends = [part.ends + before for part, before in zip(parts, sizes[:-1], strict=True)]
        return cls(np.concatenate(ends), np.concatenate([part.values for part in parts]))

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def starts(self) -> Int64[np.ndarray, "rows"]:
        """Where each row begins."""
        return np.concatenate([np.zeros(1, np.int64), self.ends[:-1]])[: len(self.ends)]

    @property
    def lengths(self) -> Int64[np.ndarray, "rows"]:
        """How many values each row has."""
        return np.diff(self.ends, prepend=0)

    def row(self, number: int) -> np.ndarray:
        """The values of one row."""
        return self.values[self.ends[number - 1] if number else 0 : self.ends[number]]

    def part(self, start: int, stop: int) -> "Ragged":
        """The rows from start to stop."""
        before = int(self.ends[start - 1]) if start else 0
        ends = self.ends[start:stop]
        return Ragged(ends - before, self.values[before : ends[-1] if len(ends) else before])

    def blocks(self, rows: int) -> "Iterator[Ragged]":
        """All rows, so many at once."""
        for start in range(0, len(self.ends), rows):
            yield self.part(start, start + rows)

    def take(self, rows: Int64[np.ndarray, "k"]) -> "Ragged":
        """Some of the rows."""
        if (rows[1:] > rows[:-1]).all():  # by a bit for each value, not by its place
            kept = np.zeros(len(self.ends), bool)
            kept[rows] = True
            lengths = self.lengths
            return Ragged(np.cumsum(lengths[kept]), self.values[np.repeat(kept, lengths)])
        starts = self.starts[rows]
        lengths = self.ends[rows] - starts
        ends = np.cumsum(lengths, dtype=np.int64)
        places = np.repeat(starts - (ends - lengths), lengths) + np.arange(lengths.sum())
        return Ragged(ends, self.values[places])

    def having(self, value: int) -> Bool[np.ndarray, "rows"]:
        """Which rows have a value."""
        found = np.zeros(len(self.ends), bool)
        found[np.searchsorted(self.ends, np.flatnonzero(self.values == value), side="right")] = True
        return found

    def texts(self) -> list[bytes]:
        """Every row as bytes."""
        whole = self.values.tobytes()
        spans = zip(self.starts.tolist(), self.ends.tolist(), strict=True)
        return [whole[start:end] for start, end in spans]

    def multi_hot(self, columns: int) -> np.ndarray:
        """One in each column that a row names, zero elsewhere; uint8."""
        found = np.zeros((len(self.ends), columns), np.uint8)
        found[np.repeat(np.arange(len(self.ends)), self.lengths), self.values] = 1
        return found


def named(numbers: np.ndarray, names: Sequence[str]) -> str:
    """The names of numbered labels, joined by a semicolon.

    Raises:
        ValueError: a number has no name.
    """
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(names):
        raise ValueError("a label has no name")
    return ";".join(names[number] for number in sorted(numbers.tolist()))
