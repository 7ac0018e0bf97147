"""Rows of an index as arrays, as they are stored: what is copied from one file to another."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nachash.index.ragged import Ragged
from nachash.index.storage import layout, text_column
from nachash.index.storage.digests import text_hash
from nachash.shapes import Int64, UInt64


@dataclass(frozen=True, slots=True, eq=False)
class RowBlock:
    """`columns` by name, one row for each image; paths as bytes; labels as numbers, if any."""

    columns: dict[str, np.ndarray]
    paths: Ragged
    labels: Ragged | None

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, rows: Int64[np.ndarray, "k"]) -> "RowBlock":
        """Some of the rows."""
        return RowBlock(
            {name: values[rows] for name, values in self.columns.items()},
            self.paths.take(rows),
            None if self.labels is None else self.labels.take(rows),
        )

    def replaced(self, **columns: np.ndarray) -> "RowBlock":
        """The same rows with other values in some columns."""
        return replace(self, columns=self.columns | columns)


def row_block(columns: Any, start: int, stop: int) -> RowBlock:
    """Rows from start to stop of the columns of an open index.

    Raises:
        ValueError, OSError, RuntimeError: something of them is damaged.
    """
    names = ["codes", *layout.ROW_COLUMNS, *(each for each in layout.UNKNOWN if each in columns)]
    return RowBlock(
        {name: columns[name][start:stop] for name in names},
        text_column.part(columns["paths"], start, stop),
        labels_of(columns["labels"], start, stop) if "labels" in columns else None,
    )


def labels_of(column: Any, start: int, stop: int) -> Ragged:
    """The labels of some rows, as numbers; format 1 has a column of zeros and ones for each name.

    Raises:
        ValueError, OSError, RuntimeError: they are damaged.
    """
    if hasattr(column, "shape"):
        return Ragged.of_multi_hot(column[start:stop])
    return text_column.part(column, start, stop, layout.LABELS[0])


def label_rows(column: Any, rows: Int64[np.ndarray, "k"]) -> Ragged:
    """As `labels_of`, of some rows in any order."""
    if hasattr(column, "shape"):
        return Ragged.of_multi_hot(column[:][rows])
    return text_column.rows(column, rows, layout.LABELS[0])


def path_hashes(paths: Ragged) -> UInt64[np.ndarray, "n"]:
    """XXH3-64 of each path."""
    return np.fromiter((text_hash(path) for path in paths.texts()), np.uint64, len(paths))
