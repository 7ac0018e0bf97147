"""Columns of format 1 read as they are stored, without comparing checksums: `--no-check`."""

from collections.abc import Collection
from typing import Any, final

import h5py
import numpy as np

from nachash.index.storage.chunks import stored_chunk

_CHECKSUM = 4  # bytes that Fletcher-32 appends to each chunk


@final
class UncheckedGroup:
    """A group of an index file whose data sets are read as they are; `names` are all it has."""

    def __init__(self, group: h5py.Group, names: Collection[str] = ()) -> None:
        self._group, self._names = group, names

    def __contains__(self, name: str) -> bool:
        return any(each == name or each.startswith(f"{name}/") for each in self._names)

    def __getitem__(self, name: str) -> Any:
        item = self._group[name]
        return UncheckedGroup(item) if isinstance(item, h5py.Group) else UncheckedColumn(item)


@final
class UncheckedColumn:
    """A chunked data set; a chunk that is missing is an error here, too."""

    def __init__(self, dataset: h5py.Dataset) -> None:
        self._dataset = dataset
        self._checksum = _CHECKSUM if dataset.fletcher32 else 0

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, and what else there is of each."""
        return tuple(self._dataset.shape)

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
            stored = stored_chunk(self._dataset, offset, self._checksum)
            values = np.frombuffer(stored, rows.dtype).reshape(chunk)[: len(rows)]
            if width:
                rows[:, place : place + chunk[1]] = values[:, : width[0] - place]
            else:
                rows[:] = values
