"""What can be saved of an index with damaged chunks: every row all of whose parts are sound."""

import contextlib
from dataclasses import dataclass

import h5py
import numpy as np

from nachash.errors import DamagedError
from nachash.index import writer
from nachash.index.reader import Index
from nachash.index.rows import Changes
from nachash.index.storage import layout
from nachash.index.storage.chunks import read_sound
from nachash.index.storage.naming import NewFile
from nachash.index.storage.opening import damage
from nachash.records import Reference, Skipped
from nachash.results.index import Metadata
from nachash.shapes import Bool

_BLOCK = 1 << 14


@dataclass(frozen=True, slots=True)
class Salvage:
    """How many rows were saved, and how many were not."""

    saved: int
    lost: int


def salvage(index: Index, new: NewFile) -> Salvage:
    """Write the sound, live rows of an index to a new one, with their ids.

    A row is lost when any of its values is: `index add` encodes its image again.

    Raises:
        DamagedError: its encoder, the names of its labels, or a whole column cannot be read.
        StorageError: the new index cannot be written.
    """
    file, header = index.file, index.header
    try:
        encoder, names = index.encoder, index.label_names
        with damage(index.path):
            columns, sound = _columns(file, header.committed)
            paths, readable = _paths(file["paths"], header.committed)
    except DamagedError as error:
        raise DamagedError(
            f"{index.path} cannot be repaired: its encoder, the names of its labels or the head of "
            "a column are damaged",
            "encode the images again into another file",
        ) from error
    sound &= readable & _ascending(columns["ids"], sound)
    live = columns["status"] == layout.LIVE
    rows = np.flatnonzero(sound & live)
    with writer.fill(
        new,
        bits=index.bits,
        preprocessing=index.preprocessing,
        encoder=encoder,
        model=index.model,
        root=index.root,
        label_names=names,
    ) as saved:
        for start in range(0, len(rows), _BLOCK):
            _append(saved, columns, paths, rows[start : start + _BLOCK])
        saved.append(*_nothing(index), skipped=_errors(index))
        saved.reserve_ids(header.next_id)
    return Salvage(len(rows), int(np.count_nonzero(~sound)))


def _columns(file: h5py.File, rows: int) -> tuple[dict[str, np.ndarray], Bool[np.ndarray, "rows"]]:
    sound = np.ones(rows, bool)
    columns = {}
    for name in ("codes", *layout.ROW_COLUMNS, *layout.OPTIONAL):
        if name in file:
            columns[name], readable = read_sound(file[name], rows)
            sound &= readable
    return columns, sound


def _paths(group: h5py.Group, rows: int) -> tuple[list[bytes], Bool[np.ndarray, "rows"]]:
    """The path of each row, and whether its end, its beginning and all its bytes can be read."""
    ends, sound = read_sound(group["ends"], rows)
    blob, readable = read_sound(group["bytes"], len(group["bytes"]))
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])[:rows]
    sound &= np.concatenate([np.ones(1, bool), sound[:-1]])[:rows]
    sound &= (starts >= 0) & (starts <= ends) & (ends <= len(blob))
    bad = np.concatenate([np.zeros(1, np.int64), np.cumsum(~readable)])
    sound[sound] = bad[ends[sound]] == bad[starts[sound]]
    whole = blob.tobytes()
    spans = zip(starts.tolist(), ends.tolist(), sound.tolist(), strict=True)
    return [whole[start:end] if good else b"" for start, end, good in spans], sound


def _ascending(ids: np.ndarray, sound: Bool[np.ndarray, "rows"]) -> Bool[np.ndarray, "rows"]:
    """Rows whose id is above all sound ones before it."""
    below = np.maximum.accumulate(np.where(sound, ids, -1))
    return ids > np.concatenate([np.full(1, -1, np.int64), below[:-1]])[: len(ids)]


def _append(
    saved: writer.IndexWriter, columns: dict[str, np.ndarray], paths: list[bytes], rows: np.ndarray
) -> None:
    references = [
        Reference(paths[row].decode("utf-8", "surrogateescape"), size, time)
        for row, size, time in zip(
            rows, columns["size"][rows].tolist(), columns["mtime_ns"][rows].tolist(), strict=True
        )
    ]
    saved.append(
        columns["codes"][rows],
        references,
        columns["labels"][rows] if "labels" in columns else None,
        changes=Changes(
            ids=columns["ids"][rows],
            digests=columns["digests"][rows] if "digests" in columns else None,
            metadata=_metadata(columns, rows),
        ),
    )


def _metadata(columns: dict[str, np.ndarray], rows: np.ndarray) -> Metadata | None:
    if not columns.keys() >= layout.METADATA.keys():
        return None
    return Metadata(*(columns[name][rows].astype(np.int64) for name in layout.METADATA))


def _nothing(index: Index) -> tuple[np.ndarray, list[Reference], np.ndarray | None]:
    """A batch without a row."""
    names = index.label_names
    codes = np.zeros((0, index.file["codes"].shape[1]), np.uint8)
    return codes, [], None if names is None else np.zeros((0, len(names)), np.uint8)


def _errors(index: Index) -> list[Skipped]:
    with contextlib.suppress(DamagedError):
        return index.errors()
    return []
