"""What can be saved of an index with damaged chunks: every row all of whose parts are proven."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nachash import codes as code
from nachash.errors import DamagedError
from nachash.index import path_rules, writer
from nachash.index.ragged import Ragged
from nachash.index.reader import Index
from nachash.index.row_block import RowBlock
from nachash.index.storage import layout
from nachash.index.storage.naming import NewFile
from nachash.index.storage.opening import damage
from nachash.records import Skipped
from nachash.shapes import Bool, Int64

_BLOCK = 1 << 17


@dataclass(frozen=True, slots=True)
class Salvage:
    """How many rows were saved, and how many were not."""

    saved: int
    lost: int


def salvage(index: Index, new: NewFile) -> Salvage:
    """Write the proven, live rows of an index to a new file, with their ids, some at a time.

    A row is lost when any of its values is: `index add` encodes its image again.

    Raises:
        DamagedError: its encoder, the names of its labels, or a whole column cannot be read.
        StorageError: the new index cannot be written.
    """
    try:
        encoder, names = index.encoder, index.label_names
    except DamagedError as error:
        raise _beyond_repair(index) from error
    saved = lost = 0
    with writer.fill(
        new,
        bits=index.bits,
        preprocessing=index.preprocessing,
        encoder=encoder,
        model=index.model,
        root=index.root,
        label_names=names,
    ) as writing:
        for rows, sound in _proven(index):
            kept = np.flatnonzero(sound & (rows.columns["status"] == layout.LIVE))
            writing.append_block(rows.take(kept))
            saved, lost = saved + len(kept), lost + int(np.count_nonzero(~sound))
        writing.change(skipped=_errors(index))
        writing.reserve_ids(index.next_id)
    return Salvage(saved, lost)


def _beyond_repair(index: Index) -> DamagedError:
    return DamagedError(
        f"{index.path} cannot be repaired: its encoder, the names of its labels or the head of "
        "a column are damaged",
        "encode the images again into another file",
    )


def _proven(index: Index) -> Iterator[tuple[RowBlock, Bool[np.ndarray, "rows"]]]:
    """Rows, and which are proven in all their parts and keep the rules of the format."""
    highest = -1
    for start in range(0, index.header.committed, _BLOCK):
        stop = min(start + _BLOCK, index.header.committed)
        try:
            with damage(index.path):
                rows, sound = _part(index, start, stop, highest)
        except DamagedError as error:
            raise _beyond_repair(index) from error
        highest = max(highest, int(rows.columns["ids"][sound].max(initial=-1)))
        yield rows, sound


def _part(
    index: Index, start: int, stop: int, highest: int
) -> tuple[RowBlock, Bool[np.ndarray, "rows"]]:
    """Some rows; ids that count are above `highest`."""
    proven = index.proven
    sound = np.ones(stop - start, bool)
    columns = {}
    for name in ("codes", *layout.ROW_COLUMNS, *layout.UNKNOWN):
        if name in proven:
            columns[name], good = proven[name].proven(start, stop)
            sound &= good
    paths = _ragged(proven["paths"], layout.TEXTS[0], start, stop, sound)
    labels = _labels(index, start, stop, sound)
    sound &= path_rules.lawful(paths) & (columns["status"] <= layout.REMOVED)
    if index.header.version > 1 and not index.header.outside:
        sound &= ~path_rules.leaving(paths)
    sound &= (columns["codes"] == code.without_padding(columns["codes"], index.bits)).all(axis=1)
    sound &= _ascending(columns["ids"], sound, highest) & (columns["ids"] < index.next_id)
    return RowBlock(columns, paths, labels), sound


def _ragged(
    group: Any, name: str, start: int, stop: int, sound: Bool[np.ndarray, "rows"]
) -> Ragged:
    """Rows of different lengths; those that are not proven are empty, and not `sound` any more."""
    before = max(start - 1, 0)
    ends, good = group["ends"].proven(before, stop)
    if not start:
        ends, good = np.append(0, ends), np.append(True, good)
    starts, ends, good = ends[:-1], ends[1:], good[:-1] & good[1:]
    good &= (starts >= 0) & (starts <= ends) & (ends <= len(group[name]))
    values = [group[name].proven(0, 0)[0]]
    for run in _runs(starts, ends, np.flatnonzero(good)):
        first = int(starts[run[0]])
        found, readable = group[name].proven(first, int(ends[run[-1]]))
        bad = np.append(0, np.cumsum(~readable))
        good[run] = bad[ends[run] - first] == bad[starts[run] - first]
        values.append(Ragged(ends[run] - first, found).take(np.flatnonzero(good[run])).values)
    sound &= good
    lengths = np.where(good, ends - starts, 0)
    return Ragged(np.cumsum(lengths, dtype=np.int64), np.concatenate(values))


def _runs(
    starts: Int64[np.ndarray, "n"], ends: Int64[np.ndarray, "n"], rows: Int64[np.ndarray, "k"]
) -> list[Int64[np.ndarray, "some"]]:
    """Rows whose values follow one another, in one part each."""
    apart = np.flatnonzero(starts[rows[1:]] != ends[rows[:-1]]) + 1
    return [run for run in np.split(rows, apart) if len(run)]


def _labels(index: Index, start: int, stop: int, sound: Bool[np.ndarray, "rows"]) -> Ragged | None:
    if not index.has_labels:
        return None
    column = index.proven["labels"]
    if index.header.version == 1:
        values, good = column.proven(start, stop)
        sound &= good
        return Ragged.of_multi_hot(values)
    found = _ragged(column, layout.LABELS[0], start, stop, sound)
    nameless = (found.values < 0) | (found.values >= len(index.label_names or ()))
    rows = np.searchsorted(found.ends, np.flatnonzero(nameless), side="right")
    sound[rows] = False
    return found


def _ascending(
    ids: np.ndarray, sound: Bool[np.ndarray, "rows"], highest: int
) -> Bool[np.ndarray, "rows"]:
    """Rows whose id is above all sound ones before it."""
    below = np.maximum.accumulate(np.where(sound, ids, -1))
    before = np.append(highest, np.maximum(below[:-1], highest))[: len(ids)]
    return ids > before


def _errors(index: Index) -> list[Skipped]:
    try:
        return index.errors()
    except DamagedError:
        return []
