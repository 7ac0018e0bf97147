"""Columns of an index of format 1, whose chunks have HDF5's checksums and no digests.

Fletcher-32 finds a flipped bit. It does not find a chunk of zeros or of ones with the checksum of
the same kind, nor two chunks that were exchanged. Where such a chunk cannot be right, it is told.
"""

import functools
from collections.abc import Container, Iterator
from typing import Any, Final, final

import h5py
import numpy as np

from nachash.index.storage.chunks import check_complete, mapped_rows, read_sound
from nachash.shapes import Bool

_BLOCK_BYTES: Final = 1 << 22
_NEVER_CONSTANT: Final = ("/codes", "/ids", "/paths/ends", "/paths/bytes")
_RAISED: Final = (OSError, KeyError, ValueError, TypeError, RuntimeError)


@final
class ChecksummedGroup:
    """A group of an index file of format 1."""

    def __init__(self, group: h5py.Group) -> None:
        self._group = group
        self._items: dict[str, ChecksummedGroup | ChecksummedColumn] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._group

    def __getitem__(self, name: str) -> Any:
        if name not in self._items:
            item = self._group[name]
            kind = ChecksummedGroup if isinstance(item, h5py.Group) else ChecksummedColumn
            self._items[name] = kind(item)
        return self._items[name]


@final
class ChecksummedColumn:
    """A data set that HDF5 reads; before that, it is checked that no chunk is lost."""

    def __init__(self, dataset: h5py.Dataset) -> None:
        self._dataset = dataset
        self._complete = False

    def __len__(self) -> int:
        return len(self._dataset)

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, and what else there is of each."""
        return tuple(self._dataset.shape)

    def __getitem__(self, rows: int | slice) -> Any:
        """One row, or rows from start to stop.

        Raises:
            ValueError, OSError, RuntimeError: a chunk is missing, or not as its checksum says.
        """
        if not self._complete:
            check_complete(self._dataset, len(self._dataset))
            self._complete = True
        return self._dataset[rows]

    def proven(self, start: int, stop: int) -> tuple[np.ndarray, Bool[np.ndarray, "rows"]]:
        """What can be read of the rows from start to stop, zeros elsewhere; and which can be.

        As far as a checksum proves: a chunk of the same bytes throughout is no proof of itself.
        """
        stop, length = min(stop, len(self)), self._dataset.chunks[0]
        first = start // length * length
        values, sound = read_sound(self._dataset, self._readable, first, stop)
        for at in range(0, len(values), length):
            if self._is_constant(values[at : at + length]):
                sound[at : at + length] = False
        return values[start - first :], sound[start - first :]

    @functools.cached_property
    def _readable(self) -> set[int]:
        return mapped_rows(self._dataset)

    def faults(self) -> Iterator[str]:
        """What is wrong with the chunks, one by one."""
        rows, chunk = len(self), self._dataset.chunks[0]
        sound: Container[int] = range(rows)
        try:
            check_complete(self._dataset, rows)
        except _RAISED as error:
            sound = mapped_rows(self._dataset)
            if all(first in sound for first in range(0, rows, chunk)):
                yield _short(error)
        row_bytes = max(1, self._dataset.dtype.itemsize * int(np.prod(self.shape[1:])))
        step = chunk * max(1, _BLOCK_BYTES // (chunk * row_bytes))
        for start in range(0, rows, step):
            firsts = range(start, min(start + step, rows), chunk)
            if all(each in sound for each in firsts) and not self._fault(start, firsts.stop):
                continue
            for first in firsts:
                last = min(first + chunk, rows)
                if first not in sound:
                    what = "the chunk is missing, or without its checksum"
                else:
                    what = self._fault(first, last)
                if what:
                    yield f"rows {first} to {last - 1}: {what}"

    def _fault(self, start: int, stop: int) -> str:
        chunk = self._dataset.chunks[0]
        try:
            values = self._dataset[start:stop]
        except _RAISED as error:
            return _short(error)
        # A last chunk that is not full may be a few rows that are rightly alike.
        parts = (values[at : at + chunk] for at in range(0, stop - start, chunk))
        alike = any(len(part) == chunk and self._is_constant(part) for part in parts)
        return "all bytes of the chunk are the same" if alike else ""

    def _is_constant(self, values: np.ndarray) -> bool:
        if self._dataset.name not in _NEVER_CONSTANT or not values.size:
            return False
        content = np.ascontiguousarray(values).view(np.uint8)
        return bool(content.flat[0] in (0, 255) and (content == content.flat[0]).all())


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())
