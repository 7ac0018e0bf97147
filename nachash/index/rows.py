"""Writes rows into the columns of an index; when they count is the business of `writer`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import h5py
import numpy as np

from nachash.index.storage import layout, text_column
from nachash.index.storage.chunks import write_rows
from nachash.records import Reference
from nachash.results.index import Metadata
from nachash.shapes import Int64, UInt8


@dataclass(frozen=True, slots=True)
class Changes:
    """What else a batch changes, besides adding rows.

    `ids`: those of the new rows, ascending, instead of the next ones. `digests`: of the contents
    of their files. `metadata`: of the new rows. `removed`: ids of rows that are removed, and
    `restored` of removed ones that count again. `times`:
    new times of change by id. `found`: paths that are no longer among the errors.
    """

    ids: Int64[np.ndarray, "n"] | None = None
    digests: UInt8[np.ndarray, "n digest"] | None = None
    metadata: Metadata | None = None
    removed: Collection[int] = ()
    restored: Collection[int] = ()
    times: Mapping[int, int] = field(default_factory=dict)
    found: Collection[str] = ()


def append(
    file: h5py.File,
    row: int,
    ids: Int64[np.ndarray, "n"],
    codes: UInt8[np.ndarray, "n bytes"],
    references: Sequence[Reference],
    labels: UInt8[np.ndarray, "n classes"] | None,
    changes: Changes,
) -> None:
    """Write rows from `row` on; whatever stood there or later is dropped."""
    columns = {
        "codes": codes,
        "ids": ids,
        "size": np.array([reference.size for reference in references], np.int64),
        "mtime_ns": np.array([reference.mtime_ns for reference in references], np.int64),
        "status": np.full(len(codes), layout.LIVE, np.uint8),
    } | ({} if labels is None else {"labels": labels})
    known = _known(changes)
    for name, nothing in layout.UNKNOWN.items():
        if name in known and name not in file:
            layout.optional_column(file, name, row)
        if name in file:
            unknown = np.full((len(codes), *file[name].shape[1:]), nothing)
            columns[name] = known.get(name, unknown)
    for name, values in columns.items():
        file[name].resize(row + len(codes), axis=0)
        file[name][row:] = values
    text_column.append(file["paths"], row, [reference.path for reference in references])


def _known(changes: Changes) -> dict[str, np.ndarray]:
    """The optional columns of which a batch brings values."""
    known: dict[str, np.ndarray] = {}
    if changes.digests is not None:
        known["digests"] = changes.digests
    if changes.metadata is not None:
        known |= {name: getattr(changes.metadata, name) for name in layout.METADATA}
    return known


def change(file: h5py.File, rows: int, changes: Changes) -> None:
    """Remove rows, restore removed ones, and give others a new time of change."""
    if not changes.removed and not changes.restored and not changes.times:
        return
    ids = file["ids"][:rows]
    for concerned, status in ((changes.removed, layout.REMOVED), (changes.restored, layout.LIVE)):
        at = np.searchsorted(ids, sorted(concerned)).astype(np.int64)
        write_rows(file["status"], at, np.full(len(at), status, np.uint8))
    touched = np.searchsorted(ids, sorted(changes.times)).astype(np.int64)
    times = np.array([changes.times[each] for each in sorted(changes.times)], np.int64)
    write_rows(file["mtime_ns"], touched, times)


def add_label_names(file: h5py.File, rows: int, names: Sequence[str]) -> None:
    """Give the labels more columns, zero for all rows that are there."""
    present = text_column.length(file["label_names"])
    text_column.append(file["label_names"], present, names)
    width = present + len(names)
    if file["labels"].maxshape[1] is None:
        file["labels"].resize((rows, width))
        file["labels"][:, present:] = 0
        return
    labels = file["labels"][:rows]
    del file["labels"]
    layout.label_column(file, width)
    file["labels"].resize(rows, axis=0)
    file["labels"][:, :present], file["labels"][:, present:] = labels, 0
