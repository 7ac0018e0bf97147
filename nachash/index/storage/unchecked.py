"""Columns read as they are stored, without comparing their checksums: what `--no-check` reads."""

import math
from typing import Any, final

import h5py
import numpy as np

_CHECKSUM = 4  # bytes that Fletcher-32 appends to each chunk


@final
class UncheckedGroup:
    """A group of an index file whose data sets are read without checksums."""

    def __init__(self, group: h5py.Group) -> None:
        self._group = group

    def __getitem__(self, name: str) -> Any:
        item = self._group[name]
        return UncheckedGroup(item) if isinstance(item, h5py.Group) else UncheckedColumn(item)


@final
class UncheckedColumn:
    """A chunked data set; a chunk that is missing is an error here, too."""

    def __init__(self, dataset: h5py.Dataset) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, rows: int | slice) -> Any:
        """One row, or rows from start to stop.

        Raises:
            OSError, RuntimeError, ValueError: a chunk cannot be read.
        """
        if not isinstance(rows, slice):
            return self[rows : rows + 1][0]
        start, stop, _ = rows.indices(len(self))
        length = self._dataset.chunks[0]
        first = start // length * length
        whole = np.empty((max(stop - first, 0), *self._dataset.shape[1:]), self._dataset.dtype)
        for at in range(first, stop, length):
            self._fill(whole[at - first : at - first + length], at)
        return whole[start - first :]

    def _fill(self, rows: np.ndarray, at: int) -> None:
        """The rows of one chunk; labels may lie in several, side by side."""
        chunk, width = self._dataset.chunks, self._dataset.shape[1:]
        places = range(0, width[0], chunk[1]) if width else range(1)
        for place in places:
            offset = (at, place) if width else (at,)
            count = math.prod(chunk) * rows.itemsize
            stored = self._stored(offset)
            if len(stored) != count + _CHECKSUM:
                raise ValueError(f"a chunk of {self._dataset.name} has {len(stored)} bytes")
            values = np.frombuffer(stored[:count], rows.dtype).reshape(chunk)[: len(rows)]
            if width:
                rows[:, place : place + chunk[1]] = values[:, : width[0] - place]
            else:
                rows[:] = values

    def _stored(self, offset: tuple[int, ...]) -> bytes:
        try:
            return self._dataset.id.read_direct_chunk(offset)[1]
        except MemoryError as error:  # h5py asks for as many bytes as the map says, or -1
            raise ValueError(f"a chunk of {self._dataset.name} is missing") from error
