"""What can be saved of an index with damaged chunks: every row all of whose parts are proven."""

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
from nachash.shapes import Bool

_BLOCK = 1 << 17


@dataclass(frozen=True, slots=True)
class Salvage:
    """How many rows were saved, and how many were not."""

    saved: int
    lost: int


def salvage(index: Index, new: NewFile) -> Salvage:
    """Write the proven, live rows of an index to a new file, with their ids.

    A row is lost when any of its values is: `index add` encodes its image again.

    Raises:
        DamagedError: its encoder, the names of its labels, or a whole column cannot be read.
        StorageError: the new index cannot be written.
    """
    try:
        encoder, names = index.encoder, index.label_names
        with damage(index.path):
            rows, sound = _proven(index)
    except DamagedError as error:
        raise DamagedError(
            f"{index.path} cannot be repaired: its encoder, the names of its labels or the head of "
            "a column are damaged",
            "encode the images again into another file",
        ) from error
    kept = np.flatnonzero(sound & (rows.columns["status"] == layout.LIVE))
    with writer.fill(
        new,
        bits=index.bits,
        preprocessing=index.preprocessing,
        encoder=encoder,
        model=index.model,
        root=index.root,
        label_names=names,
    ) as saved:
        for start in range(0, len(kept), _BLOCK):
            saved.append_block(rows.take(kept[start : start + _BLOCK]))
        saved.change(skipped=_errors(index))
        saved.reserve_ids(index.next_id)
    return Salvage(len(kept), int(np.count_nonzero(~sound)))


def _proven(index: Index) -> tuple[RowBlock, Bool[np.ndarray, "rows"]]:
    """All rows, and which are proven in all their parts and keep the rules of the format."""
    proven, rows = index.proven, index.header.committed
    sound = np.ones(rows, bool)
    columns = {}
    for name in ("codes", *layout.ROW_COLUMNS, *layout.UNKNOWN):
        if name in proven:
            values, good = proven[name].proven()
            columns[name] = values[:rows]
            sound &= good[:rows]
    paths = _ragged(proven["paths"], layout.TEXTS[0], sound)
    labels = _labels(index, sound)
    sound &= path_rules.lawful(paths) & (columns["status"] <= layout.REMOVED)
    if index.header.version > 1 and not index.header.outside:
        sound &= ~path_rules.leaving(paths)
    sound &= (columns["codes"] == code.without_padding(columns["codes"], index.bits)).all(axis=1)
    sound &= _ascending(columns["ids"], sound) & (columns["ids"] < index.next_id)
    return RowBlock(columns, paths, labels), sound


def _ragged(group: Any, name: str, sound: Bool[np.ndarray, "rows"]) -> Ragged:
    """Rows of different lengths; those that are not proven are empty, and not `sound` any more."""
    ends, good = (part[: len(sound)] for part in group["ends"].proven())
    values, readable = group[name].proven()
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])[: len(ends)]
    good &= np.concatenate([np.ones(1, bool), good[:-1]])[: len(ends)]
    good &= (starts >= 0) & (starts <= ends) & (ends <= len(values))
    bad = np.concatenate([np.zeros(1, np.int64), np.cumsum(~readable)])
    good[good] = bad[ends[good]] == bad[starts[good]]
    sound &= good
    lengths = np.where(good, ends - starts, 0)
    compact = np.cumsum(lengths, dtype=np.int64)
    places = np.repeat(starts - (compact - lengths), lengths) + np.arange(lengths.sum())
    return Ragged(compact, values[places])


def _labels(index: Index, sound: Bool[np.ndarray, "rows"]) -> Ragged | None:
    if not index.has_labels:
        return None
    column = index.proven["labels"]
    if index.header.version == 1:
        values, good = column.proven()
        sound &= good[: len(sound)]
        return Ragged.of_multi_hot(values[: len(sound)])
    found = _ragged(column, layout.LABELS[0], sound)
    nameless = (found.values < 0) | (found.values >= len(index.label_names or ()))
    rows = np.searchsorted(found.ends, np.flatnonzero(nameless), side="right")
    sound[rows] = False
    return found


def _ascending(ids: np.ndarray, sound: Bool[np.ndarray, "rows"]) -> Bool[np.ndarray, "rows"]:
    """Rows whose id is above all sound ones before it."""
    below = np.maximum.accumulate(np.where(sound, ids, -1))
    return ids > np.concatenate([np.full(1, -1, np.int64), below[:-1]])[: len(ids)]


def _errors(index: Index) -> list[Skipped]:
    try:
        return index.errors()
    except DamagedError:
        return []
