"""Files of an index that have another name now: recognised by what they hold."""

import os
from collections import defaultdict
from typing import NamedTuple

import numpy as np

from nachash.images.sources.selection import Selection
from nachash.index.reader import Index
from nachash.shapes import Int64
from nachash.tasks.encode.plan import digest


def renames(index: Index, source: Selection) -> dict[int, str]:
    """New paths by id, of rows whose file is gone and whose digest a new file has.

    Only new files of the size of one that is gone are read. Where the index has labels, a file
    that went to another top folder counts as new, since its label may be another.
    """
    if not index.has_digests or not os.path.isdir(index.root):  # noqa: PTH112
        return {}
    rows = index.positions_of_paths([each.path for each in source.references])
    fresh = [each for each, row in zip(source.references, rows, strict=True) if row < 0]
    if not fresh:
        return {}
    gone = _gone(index, rows, {each.size for each in fresh})
    sizes = {size for size, _ in gone}
    found: dict[int, str] = {}
    for each in fresh:
        alike = gone.get((each.size, digest(source, each)), []) if each.size in sizes else []
        fitting = [row for row in alike if _same_label(index, row.path, each.path)]
        if fitting:
            alike.remove(fitting[0])
            found[fitting[0].identifier] = each.path
    return found


class _Row(NamedTuple):
    identifier: int
    path: str


def _gone(
    index: Index, present: Int64[np.ndarray, "k"], wanted: set[int]
) -> dict[tuple[int, bytes], list[_Row]]:
    """Rows of some sizes whose file is not there any more, by its size and digest."""
    sizes = index.sizes()
    candidates = np.isin(sizes, sorted(wanted))
    candidates[present[present >= 0]] = False
    rows = np.flatnonzero(candidates)
    gone: dict[tuple[int, bytes], list[_Row]] = defaultdict(list)
    digests, ids = index.values("digests", rows), index.values("ids", rows).tolist()
    for row, path, known, identifier in zip(
        rows.tolist(), index.paths(rows), digests, ids, strict=True
    ):
        full = os.path.join(index.root, path)  # noqa: PTH118 (bytes kept)
        if known.any() and not os.path.lexists(full):
            gone[int(sizes[row]), known.tobytes()].append(_Row(identifier, path))
    return gone


def _same_label(index: Index, old: str, new: str) -> bool:
    return index.label_names is None or old.split("/")[:-1][:1] == new.split("/")[:-1][:1]
