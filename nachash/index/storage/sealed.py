"""Columns of an index of format 2: every chunk that is read is compared with its digest."""

import functools
import math
from collections.abc import Iterator
from typing import Any, Final, final

import h5py
import numpy as np

from nachash.index.storage.chunks import addresses
from nachash.index.storage.digests import SIZE, digests
from nachash.index.storage.manifest import Manifest, UnprovenError
from nachash.index.storage.raw import ReadAt
from nachash.shapes import Bool, Int64, UInt8

_RUN_BYTES: Final = 1 << 23  # of neighbouring chunks that are read in one go


@final
class SealedGroup:
    """A group of an index file; `prefix` is its name with a slash, empty for the root.

    Without `check`, what is read is not compared.
    """

    def __init__(
        self,
        file: h5py.File,
        manifest: Manifest,
        read_at: ReadAt,
        *,
        check: bool = True,
        prefix: str = "",
    ) -> None:
        self._file, self._manifest, self._read_at = file, manifest, read_at
        self._check, self._prefix = check, prefix
        self._items: dict[str, SealedGroup | SealedColumn] = {}

    def __contains__(self, name: str) -> bool:
        return any(
            each == self._prefix + name or each.startswith(f"{self._prefix}{name}/")
            for each in self._manifest.entries
        )

    def __getitem__(self, name: str) -> Any:
        full = self._prefix + name
        head, _, rest = name.partition("/")
        if rest:
            return self[head][rest]
        if name not in self._items:
            inside = (self._file, self._manifest, self._read_at)
            if full in self._manifest.entries:
                self._items[name] = SealedColumn(full, *inside, check=self._check)
            elif name in self:
                self._items[name] = SealedGroup(*inside, check=self._check, prefix=f"{full}/")
            else:
                raise KeyError(f"there is no {full}")
        return self._items[name]

    def forget(self, name: str) -> None:
        """Let go of a data set that is about to be deleted."""
        self._items.pop(name, None)


@final
class SealedColumn:
    """A chunked data set with a digest for each chunk; unused places of its last chunk are zero."""

    def __init__(
        self,
        name: str,
        file: h5py.File,
        manifest: Manifest,
        read_at: ReadAt,
        *,
        check: bool = True,
    ) -> None:
        self._name, self._manifest, self._read_at = name, manifest, read_at
        self._check = check
        self._dataset = dataset = file[name]
        self._length: int = dataset.chunks[0]
        self._chunk_bytes = math.prod(dataset.chunks) * dataset.dtype.itemsize
        self._tail: tuple[int, ...] = dataset.shape[1:]
        self._addresses: Int64[np.ndarray, "chunks"] | None = None

    def __len__(self) -> int:
        return self._manifest.entries[self._name].rows

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, and what else there is of each."""
        return len(self), *self._tail

    def __getitem__(self, rows: int | slice) -> Any:
        """One row, or rows from start to stop.

        Raises:
            UnprovenError: a chunk is not the one that was committed.
            OSError, RuntimeError: one cannot be read.
        """
        if not isinstance(rows, slice):
            return self[rows : rows + 1][0]
        start, stop, _ = rows.indices(len(self))
        if stop <= start:
            return self._values(np.zeros(0, np.uint8))
        first, end = start // self._length, -(-stop // self._length)
        content = self._content(first, end)
        if self._check:
            self._compare(first, content)
        offset = first * self._length
        return self._values(content)[start - offset : stop - offset]

    def _compare(self, first: int, content: UInt8[np.ndarray, "bytes"]) -> None:
        found = digests(self._name, first, content, self._chunk_bytes)
        expected = self._manifest.of(self._name)[first : first + len(found)]
        wrong = (found != expected).any(axis=1)
        if wrong.any():
            at = (first + int(np.argmax(wrong))) * self._length
            last = min(at + self._length, len(self)) - 1
            raise UnprovenError(f"rows {at} to {last} of {self._name} are not what was written")

    def proven(self, start: int, stop: int) -> tuple[np.ndarray, Bool[np.ndarray, "rows"]]:
        """Rows from start to stop, zeros where a chunk is not what was committed; which are proven.

        The proofs of the whole column are looked at once.
        """
        stop = min(stop, len(self))
        first, end = start // self._length, -(-stop // self._length)
        good = self._good_chunks[first:end]
        content = np.zeros(max(end - first, 0) * self._chunk_bytes, np.uint8)
        for number in np.flatnonzero(good).tolist():
            at = number * self._chunk_bytes
            content[at : at + self._chunk_bytes] = self._content(first + number, first + number + 1)
        here = slice(start - first * self._length, stop - first * self._length)
        return self._values(content)[here], np.repeat(good, self._length)[here]

    @functools.cached_property
    def _good_chunks(self) -> Bool[np.ndarray, "chunks"]:
        return self.proven_chunks()

    def proven_chunks(self) -> Bool[np.ndarray, "chunks"]:
        """Which chunks are those that were committed.

        Damaged digests are no loss where those of the chunks, taken again, are what was committed.
        """
        count = -(-len(self) // self._length)
        found = np.zeros((count, SIZE), np.uint8)
        step = max(1, _RUN_BYTES // self._chunk_bytes)
        for first in range(0, count, step):
            found[first : first + step] = self._digests(first, min(first + step, count))
        return self._manifest.proves(self._name, found)

    def _digests(self, first: int, end: int) -> UInt8[np.ndarray, "chunks digest"]:
        """The digests of some chunks as they are; zeros for those that cannot be read."""
        try:
            return digests(self._name, first, self._content(first, end), self._chunk_bytes)
        except (OSError, RuntimeError, ValueError):
            if end - first == 1:
                return np.zeros((1, SIZE), np.uint8)
            single = [self._digests(number, number + 1) for number in range(first, end)]
            return np.concatenate(single)

    def faults(self) -> Iterator[str]:
        """What is wrong with the chunks, one by one, and with their digests."""
        for number in np.flatnonzero(~self.proven_chunks()).tolist():
            first = number * self._length
            last = min(first + self._length, len(self)) - 1
            yield f"rows {first} to {last}: they are not what was written"
        try:
            self._manifest.of(self._name)
        except (OSError, KeyError, RuntimeError, ValueError) as error:
            yield " ".join(str(error).split())

    def write(self, row: int, values: np.ndarray) -> None:
        """Write rows from `row` on; whatever stood there or later is dropped.

        Raises:
            UnprovenError: the chunk that they continue is not the one that was committed.
        """
        first = row // self._length
        head = self[first * self._length : row]
        rows = row + len(values)
        chunks = -(-rows // self._length)
        content = np.zeros((chunks - first) * self._chunk_bytes, np.uint8)
        space = self._values(content)
        space[: len(head)], space[len(head) : len(head) + len(values)] = head, values
        self._dataset.resize(rows, axis=0)
        self._store(rows, first, content)

    def change(self, rows: Int64[np.ndarray, "n"], values: np.ndarray) -> None:
        """Change rows (ascending); only the chunks that hold them are rewritten.

        Raises:
            UnprovenError: one of these chunks is not the one that was committed.
        """
        borders = np.flatnonzero(np.diff(rows // self._length)) + 1
        for part, new in zip(np.split(rows, borders), np.split(values, borders), strict=True):
            if len(part):
                first = int(part[0]) // self._length
                content = np.zeros(self._chunk_bytes, np.uint8)
                space, offset = self._values(content), first * self._length
                old = self[offset : offset + self._length]
                space[: len(old)] = old
                space[part - offset] = new
                self._store(len(self), first, content)

    def _values(self, content: UInt8[np.ndarray, "bytes"]) -> np.ndarray:
        return content.view(self._dataset.dtype).reshape(-1, *self._tail)

    def _store(self, rows: int, first: int, content: UInt8[np.ndarray, "bytes"]) -> None:
        size = self._chunk_bytes
        for number, at in enumerate(range(0, len(content), size), first):
            offset = (number * self._length, *(0 for _ in self._tail))
            self._dataset.id.write_direct_chunk(offset, content[at : at + size])
        fresh = digests(self._name, first, content, size)
        self._manifest.put(self._name, rows, -(-rows // self._length), first, fresh)
        self._addresses = None

    def _content(self, first: int, end: int) -> UInt8[np.ndarray, "bytes"]:
        """The bytes of some chunks; neighbours in the file are read together."""
        if self._addresses is None:
            self._addresses = addresses(self._dataset, self._chunk_bytes)
        places = self._addresses[first:end]
        if len(places) != end - first or (places < 0).any():
            raise UnprovenError(f"a chunk of {self._name} is missing")
        size = self._chunk_bytes
        content = np.empty((end - first) * size, np.uint8)
        view = content.data
        breaks = np.flatnonzero(np.diff(places) != size) + 1
        for start, stop in zip([0, *breaks], [*breaks, len(places)], strict=True):
            for at in range(int(start), int(stop), max(1, _RUN_BYTES // size)):
                until = min(int(stop), at + max(1, _RUN_BYTES // size))
                self._read_at(view[at * size : until * size], int(places[at]))
        return content
