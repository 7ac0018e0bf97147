"""Writes rows into the columns of an index; when they count is the business of `writer`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from nachash.index.columns import Columns
from nachash.index.ragged import Ragged
from nachash.index.row_block import RowBlock
from nachash.index.storage import layout, text_column
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


def append(columns: Columns, row: int, block: RowBlock, hashes: np.ndarray) -> None:
    """Write rows from `row` on; whatever stood there or later is dropped.

    Raises:
        UnprovenError: a chunk that they continue is damaged.
    """
    for name, nothing in layout.UNKNOWN.items():
        if name in block.columns and name not in columns.group:
            columns.create(name)
            unknown = np.full((row, *columns.group[name].shape[1:]), nothing)
            columns.group[name].write(0, unknown)
        if name in columns.group and name not in block.columns:
            unknown = np.full((len(block), *columns.group[name].shape[1:]), nothing)
            block = block.replaced(**{name: unknown})
    for name, values in block.columns.items():
        columns.group[name].write(row, values)
    columns.group[layout.HASHES].write(row, hashes)
    columns.append_ragged("paths", row, block.paths)
    if block.labels is not None:
        columns.append_ragged("labels", row, block.labels)


def block_of(
    codes: UInt8[np.ndarray, "n bytes"],
    references: Sequence[Reference],
    labels: UInt8[np.ndarray, "n classes"] | Ragged | None,
    ids: Int64[np.ndarray, "n"],
    changes: Changes,
) -> RowBlock:
    """New rows, as they are stored."""
    columns = {
        "codes": codes,
        "ids": ids,
        "size": np.array([reference.size for reference in references], np.int64),
        "mtime_ns": np.array([reference.mtime_ns for reference in references], np.int64),
        "status": np.full(len(codes), layout.LIVE, np.uint8),
    }
    return RowBlock(
        columns | _known(changes),
        Ragged.of_texts([reference.path for reference in references]),
        Ragged.of_multi_hot(labels) if isinstance(labels, np.ndarray) else labels,
    )


def _known(changes: Changes) -> dict[str, np.ndarray]:
    """The optional columns of which a batch brings values."""
    known: dict[str, np.ndarray] = {}
    if changes.digests is not None:
        known["digests"] = changes.digests
    if changes.metadata is not None:
        known |= {name: getattr(changes.metadata, name) for name in layout.METADATA}
    return known


def change(columns: Columns, rows: int, changes: Changes) -> None:
    """Remove rows, restore removed ones, and give others a new time of change.

    Raises:
        UnprovenError: a chunk that is changed is damaged.
    """
    if not changes.removed and not changes.restored and not changes.times:
        return
    ids = columns.group["ids"][:rows]
    for concerned, status in ((changes.removed, layout.REMOVED), (changes.restored, layout.LIVE)):
        at = np.searchsorted(ids, sorted(concerned)).astype(np.int64)
        columns.group["status"].change(at, np.full(len(at), status, np.uint8))
    touched = np.searchsorted(ids, sorted(changes.times)).astype(np.int64)
    times = np.array([changes.times[each] for each in sorted(changes.times)], np.int64)
    columns.group["mtime_ns"].change(touched, times)


def add_label_names(columns: Columns, names: Sequence[str]) -> None:
    """Give names to further labels, which no row has so far."""
    present = text_column.length(columns.group["label_names"])
    columns.append_ragged("label_names", present, Ragged.of_texts(names))
