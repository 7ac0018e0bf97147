"""Copies the live rows of one index to another, in bounded memory."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from nachash.index.reader import Index
from nachash.index.rows import Changes
from nachash.index.writer import IndexWriter
from nachash.records import Reference
from nachash.shapes import Bool

_BLOCK: Final = 1 << 14


def copy_rows(
    source: Index,
    target: IndexWriter,
    *,
    paths: Sequence[str],
    names: Sequence[str] | None,
    keep: Bool[np.ndarray, "n"],
    keep_ids: bool,
) -> None:
    """Append the rows that `keep` marks, with the given paths, labels under the given names.

    `keep_ids`: with their own ids, so that the target's are below; otherwise with new ones.
    """
    codes, ids = source.codes(), source.ids()
    sizes, times, digests = source.sizes(), source.times(), source.digests()
    metadata = source.metadata()
    labels = source.labels() if source.has_labels and names is not None else None
    columns = [] if names is None else [names.index(name) for name in source.label_names or ()]
    for rows in _blocks(np.flatnonzero(keep)):
        references = [
            Reference(paths[row], size, time)
            for row, size, time in zip(
                rows, sizes[rows].tolist(), times[rows].tolist(), strict=True
            )
        ]
        wide = None if names is None else np.zeros((len(rows), len(names)), np.uint8)
        if wide is not None and labels is not None:
            wide[:, columns] = labels[rows]
        target.append(
            codes[rows],
            references,
            wide,
            changes=Changes(
                ids=ids[rows] if keep_ids else None,
                digests=None if digests is None else digests[rows],
                metadata=None if metadata is None else metadata.at(rows),
            ),
        )


def _blocks(rows: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(rows), _BLOCK):
        yield rows[start : start + _BLOCK]
