"""Copies the live rows of one index to another, in bounded memory."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from nachash.index.ragged import Ragged
from nachash.index.reader import Index
from nachash.index.row_block import RowBlock
from nachash.index.writer import IndexWriter
from nachash.shapes import Bool

_BLOCK: Final = 1 << 17


def copy_rows(
    source: Index,
    target: IndexWriter,
    *,
    names: Sequence[str] | None,
    keep: Bool[np.ndarray, "n"] | None = None,
    paths: Sequence[str] | None = None,
    keep_ids: bool = False,
) -> None:
    """Append live rows, labels under the given names: all, or those that `keep` marks.

    `paths`: of every live row, in place of its own. `keep_ids`: with their own ids, so that the
    target's are below; otherwise with new ones.
    """
    positions = np.arange(source.rows) if keep is None else np.flatnonzero(keep)
    rows = source.stored_rows()[positions]
    for start in range(0, source.header.committed, _BLOCK):
        stop = min(start + _BLOCK, source.header.committed)
        here = slice(*np.searchsorted(rows, [start, stop]))
        if here.start == here.stop:
            continue
        block = source.block(start, stop).take(rows[here] - start)
        if paths is not None:
            chosen = Ragged.of_texts([paths[position] for position in positions[here]])
            block = RowBlock(block.columns, chosen, block.labels)
        if not keep_ids:
            block = block.replaced(ids=np.arange(target.next_id, target.next_id + len(block)))
        target.append_block(RowBlock(block.columns, block.paths, _labels(block, source, names)))


def _labels(block: RowBlock, source: Index, names: Sequence[str] | None) -> Ragged | None:
    """The labels of rows as places among other names."""
    if names is None:
        return None
    if block.labels is None:
        return Ragged(np.zeros(len(block), np.int64), np.zeros(0, np.int32))
    place = {name: number for number, name in enumerate(names)}
    places = np.array([place[name] for name in source.label_names or ()], np.int32)
    return Ragged(block.labels.ends, places[block.labels.values])
