"""What a source has that an index has not: new images, changed ones, ones that failed before."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from nachash.images.sources.selection import Selection
from nachash.index.reader import Index
from nachash.index.storage.layout import DIGEST_BYTES
from nachash.records import Reference
from nachash.shapes import Int64

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

    `by_content`: a file of the same size is read where its digest is recorded, and counts as
    unchanged when that is its own, whatever its time.
    """
    rows = index.positions_of_paths([each.path for each in source.references])
    recorded = _recorded(index, rows[rows >= 0], by_content=by_content)
    listed = {image.path for image in index.errors()}
    found = Plan()
    for reference, row in zip(source.references, rows.tolist(), strict=True):
        if row < 0:
            (found.failed if reference.path in listed else found.fresh).append(reference)
            continue
        identifier, size, time, known = next(recorded)
        if size == reference.size and _is_same(source, reference, time, known):
            found.unchanged += 1
            if time != reference.mtime_ns:
                found.times[identifier] = reference.mtime_ns
        else:
            found.changed.append(reference)
            found.ids[reference.path] = identifier
    return found


def _recorded(
    index: Index, rows: Int64[np.ndarray, "k"], *, by_content: bool
) -> Iterator[tuple[int, int, int, bytes]]:
    """Id, size, time of change and digest of some rows; no digest where it shall not count."""
    numbers = [index.values(name, rows).tolist() for name in ("ids", "size", "mtime_ns")]
    known = [b""] * len(rows)
    if by_content and index.has_digests:
        known = [each.tobytes() for each in index.values("digests", rows)]
    return zip(*numbers, known, strict=True)


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


def _is_same(source: Selection, reference: Reference, time: int, recorded: bytes) -> bool:
    """By the digest where it counts and is recorded, else by the time."""
    if not any(recorded):
        return time == reference.mtime_ns
    return digest(source, reference) == recorded
