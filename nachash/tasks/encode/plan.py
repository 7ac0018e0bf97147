"""What a source has that an index has not: new images, changed ones, ones that failed before."""

import hashlib
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from nachash.images.sources.selection import Selection
from nachash.index.reader import Index
from nachash.index.storage.layout import DIGEST_BYTES
from nachash.records import Reference
from nachash.shapes import UInt8

_PART: Final = 1 << 20  # bytes


@dataclass(slots=True)
class Plan:
    """Images to encode, group by group; `ids` of rows by path, `times` to be corrected by id.

    Those that failed before come last: so a run that goes on after an interruption makes the
    batches, and with them the very codes, that an uninterrupted one makes.
    """

    fresh: list[Reference] = field(default_factory=list)
    changed: list[Reference] = field(default_factory=list)
    failed: list[Reference] = field(default_factory=list)
    unchanged: int = 0
    ids: dict[str, int] = field(default_factory=dict)
    times: dict[int, int] = field(default_factory=dict)


def plan(index: Index, source: Selection, *, by_content: bool) -> Plan:
    """Compare path, size and time of change of every image with the index.

    `by_content`: a file of the same size whose time has changed is read, and counts as unchanged
    when its digest is the recorded one.
    """
    rows = {path: row for row, path in enumerate(index.all_paths())}
    ids, sizes, times = index.ids(), index.sizes(), index.times()
    digests = index.digests() if by_content else None
    listed = {image.path for image in index.errors()}
    found = Plan()
    for reference in source.references:
        row = rows.get(reference.path)
        if row is None:
            (found.failed if reference.path in listed else found.fresh).append(reference)
        elif (sizes[row], times[row]) == (reference.size, reference.mtime_ns):
            found.unchanged += 1
        elif (
            digests is not None
            and sizes[row] == reference.size
            and _is_same(source, reference, digests[row])
        ):
            found.unchanged += 1
            found.times[int(ids[row])] = reference.mtime_ns
        else:
            found.changed.append(reference)
            found.ids[reference.path] = int(ids[row])
    return found


def digest(source: Selection, reference: Reference) -> bytes:
    """BLAKE2b of an image file's contents, 16 bytes; zeros when it cannot be read."""
    try:
        with source.stream(reference) as file:
            found = hashlib.blake2b(digest_size=DIGEST_BYTES)
            while part := file.read(_PART):
                found.update(part)
        return found.digest()
    except Exception:  # noqa: BLE001 (each kind of archive raises what its library does)
        return bytes(DIGEST_BYTES)


def _is_same(
    source: Selection, reference: Reference, recorded: UInt8[np.ndarray, "digest"]
) -> bool:
    return bool(recorded.any()) and digest(source, reference) == recorded.tobytes()
