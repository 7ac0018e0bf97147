"""The digests of all chunks of an index of format 2, and the commit record that binds them.

`manifest/NAME` holds the digests of the data set NAME, in pages of 256. The data set `commit`
lists for each data set its rows and the digests of its pages; the root attribute `commit_digest`
is that of this list and of all other root attributes. So one value proves every byte that counts.
"""

import contextlib
import json
from dataclasses import dataclass
from typing import Any, Final

import h5py
import numpy as np

from nachash.index.storage.chunks import stored_chunk
from nachash.index.storage.digests import SIZE, digest
from nachash.shapes import Bool, UInt8

GROUP: Final = "manifest"
COMMIT: Final = "commit"
PAGE_ROWS: Final = 256
RECORD_CHUNK: Final = 4096


class UnprovenError(ValueError):
    """Bytes that are not those that were committed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the commit record says of a data set: how long it is, and the digests of its pages."""

    rows: int
    pages: tuple[bytes, ...]


def read_record(file: h5py.File) -> bytes:
    """The stored commit record.

    Raises:
        KeyError, ValueError, OSError: it cannot be read.
    """
    dataset = file[COMMIT]
    return b"".join(stored_chunk(dataset, (at,)) for at in range(0, len(dataset), RECORD_CHUNK))


def entries(record: bytes) -> dict[str, Entry]:
    """The commit record by name of data set.

    Raises:
        ValueError, TypeError: it is none.
    """
    found: dict[str, Any] = json.loads(record)
    return {
        name: Entry(
            int(rows),
            tuple(
                bytes.fromhex(pages[at : at + 2 * SIZE]) for at in range(0, len(pages), 2 * SIZE)
            ),
        )
        for name, (rows, pages) in found.items()
    }


def commit_digest(attributes: dict[str, Any], record: bytes) -> str:
    """The value that a commit is known by; `attributes` are all root attributes but this one."""
    lines = b"".join(
        name.encode() + b"=" + (value if isinstance(value, bytes) else b"%d" % value) + b"\n"
        for name, value in sorted(attributes.items())
    )
    return digest(COMMIT, 0, lines + record).hex()


class Manifest:
    """The digests of an open index, read when they are needed and compared with the record."""

    def __init__(self, file: h5py.File, known: dict[str, Entry]) -> None:
        self._file = file
        self.entries = known
        self._digests: dict[str, UInt8[np.ndarray, "chunks digest"]] = {}
        self._changed: dict[str, set[int]] = {}

    def of(self, name: str) -> UInt8[np.ndarray, "chunks digest"]:
        """The digests of a data set's chunks, in whole pages.

        Raises:
            UnprovenError: a page is not the one that was committed.
            KeyError, OSError, RuntimeError: a page cannot be read.
        """
        if name not in self._digests:
            pages = self.entries[name].pages
            found = np.zeros((len(pages) * PAGE_ROWS, SIZE), np.uint8)
            for number, proof in enumerate(pages):
                stored = self.stored_page(name, number)
                if digest(f"{GROUP}/{name}", number, stored) != proof:
                    raise UnprovenError(f"the digests of {name} are damaged")
                found[number * PAGE_ROWS : (number + 1) * PAGE_ROWS] = stored
            self._digests[name] = found
        return self._digests[name]

    def stored_page(self, name: str, number: int) -> UInt8[np.ndarray, "chunks digest"]:
        """A page as it is stored, whether it is right or not.

        Raises:
            KeyError, ValueError, OSError, RuntimeError: it cannot be read.
        """
        stored = stored_chunk(self._file[f"{GROUP}/{name}"], (number * PAGE_ROWS, 0))
        return np.frombuffer(stored, np.uint8).reshape(PAGE_ROWS, SIZE)

    def proves(
        self, name: str, found: UInt8[np.ndarray, "chunks digest"]
    ) -> Bool[np.ndarray, "chunks"]:
        """Which digests, taken of the chunks just now, are those that were committed.

        A page that is damaged itself proves nothing; but its chunks are proven when the page that
        they give is the one that was committed.
        """
        good = np.zeros(len(found), bool)
        for number, proof in enumerate(self.entries[name].pages):
            rows = slice(number * PAGE_ROWS, (number + 1) * PAGE_ROWS)
            fresh = np.zeros((PAGE_ROWS, SIZE), np.uint8)
            fresh[: len(found[rows])] = found[rows]
            if digest(f"{GROUP}/{name}", number, fresh) == proof:
                good[rows] = True
                continue
            with contextlib.suppress(OSError, KeyError, RuntimeError, ValueError):
                stored = self.stored_page(name, number)
                if digest(f"{GROUP}/{name}", number, stored) == proof:
                    good[rows] = (stored[: len(found[rows])] == found[rows]).all(axis=1)
        return good

    def create(self, name: str) -> None:
        """Begin the digests of a new, empty data set; their first page has its place at once.

        Pages of all data sets then lie together, apart from the chunks that they speak for.
        """
        dataset = self._file.require_group(GROUP).create_dataset(
            name,
            shape=(PAGE_ROWS, SIZE),
            maxshape=(None, SIZE),
            chunks=(PAGE_ROWS, SIZE),
            dtype=np.uint8,
        )
        empty = np.zeros((PAGE_ROWS, SIZE), np.uint8)
        dataset.id.write_direct_chunk((0, 0), empty)
        self._digests[name] = empty
        self.entries[name] = Entry(0, (b"",))
        self._changed[name] = {0}

    def delete(self, name: str) -> None:
        """Forget a data set that is deleted."""
        for known in (self._digests, self.entries, self._changed):
            known.pop(name, None)
        del self._file[GROUP][name]

    def put(self, name: str, rows: int, chunks: int, first: int, fresh: np.ndarray) -> None:
        """Note that a data set has `rows` rows in `chunks` chunks, and new digests from `first`."""
        known = self.of(name)
        pages = max(1, -(-chunks // PAGE_ROWS))
        found = np.zeros((pages * PAGE_ROWS, SIZE), np.uint8)
        kept = min(len(known), len(found))
        found[:kept] = known[:kept]
        found[first : first + len(fresh)] = fresh
        found[chunks:] = 0
        changed = self._changed.setdefault(name, set())
        changed |= _pages(first, first + len(fresh)) | _pages(chunks, pages * PAGE_ROWS)
        changed |= set(range(len(self.entries[name].pages), pages))
        self._changed[name] = {page for page in changed if page < pages}
        self._digests[name] = found
        stored = self.entries[name].pages[:pages]
        self.entries[name] = Entry(rows, stored + (b"",) * (pages - len(stored)))

    def record(self) -> bytes:
        """Write the pages that changed; returns the commit record that binds them."""
        for name, pages in self._changed.items():
            dataset = self._file[f"{GROUP}/{name}"]
            dataset.resize(len(self._digests[name]), axis=0)
            proofs = list(self.entries[name].pages)
            for page in sorted(pages):
                content = self._digests[name][page * PAGE_ROWS : (page + 1) * PAGE_ROWS]
                dataset.id.write_direct_chunk((page * PAGE_ROWS, 0), content)
                proofs[page] = digest(f"{GROUP}/{name}", page, content)
            self.entries[name] = Entry(self.entries[name].rows, tuple(proofs))
        self._changed.clear()
        listed = {
            name: (entry.rows, b"".join(entry.pages).hex()) for name, entry in self.entries.items()
        }
        text = json.dumps(listed, separators=(",", ":")).encode()
        record = text.ljust(-(-len(text) // RECORD_CHUNK) * RECORD_CHUNK)
        _write_record(self._file, record)
        return record


def _write_record(file: h5py.File, record: bytes) -> None:
    if COMMIT not in file:
        file.create_dataset(
            COMMIT, shape=(0,), maxshape=(None,), chunks=(RECORD_CHUNK,), dtype=np.uint8
        )
    file[COMMIT].resize(len(record), axis=0)
    for at in range(0, len(record), RECORD_CHUNK):
        file[COMMIT].id.write_direct_chunk((at,), record[at : at + RECORD_CHUNK])


def _pages(first: int, end: int) -> set[int]:
    return set(range(first // PAGE_ROWS, -(-end // PAGE_ROWS)))
