"""The chunks of a data set: whether all are there, where they lie, and what they hold.

HDF5 1.8 keeps the map of chunks in a tree without a checksum. A damaged map can lose a chunk,
whose rows then read as zeros, or mark it as one without checksum; both are found here.
"""

import contextlib
import math
from collections import Counter
from collections.abc import Collection
from typing import Final

import h5py
import numpy as np

from nachash.shapes import Bool, Int64

_LARGEST_OFFSET: Final = 1 << 62


def check_complete(dataset: h5py.Dataset, rows: int) -> None:
    """Check that each chunk of the first `rows` rows is there and carries its checksum.

    Raises:
        ValueError: one is missing, or is marked as not checksummed.
    """
    if rows > dataset.shape[0]:
        raise ValueError(f"{dataset.name} has {dataset.shape[0]} rows, not {rows}")
    if not dataset.fletcher32:
        raise ValueError(f"{dataset.name} is without checksums")
    extent = (rows, *dataset.shape[1:])
    expected = math.prod(-(-n // chunk) for n, chunk in zip(extent, dataset.chunks, strict=True))
    if sum(_is_within(offset, extent, dataset.chunks) for offset in _mapped(dataset)) != expected:
        raise ValueError(f"a chunk of {dataset.name} is missing, or is without its checksum")


def read_sound(
    dataset: h5py.Dataset, readable: Collection[int], first: int, stop: int
) -> tuple[np.ndarray, Bool[np.ndarray, "rows"]]:
    """What can be read of some rows, zeros elsewhere, and which rows can be.

    `first` is that of a chunk, and so are those in `readable`.
    """
    length = dataset.chunks[0]
    values = np.zeros((max(stop - first, 0), *dataset.shape[1:]), dataset.dtype)
    sound = np.zeros(len(values), bool)
    for start in range(first, stop, length):
        if start not in readable:
            continue
        here = slice(start - first, start - first + length)
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            values[here] = dataset[start : min(start + length, stop)]
            sound[here] = True
    return values, sound


def mapped_rows(dataset: h5py.Dataset) -> set[int]:
    """The first row of each row of chunks that the map knows in full; none if it is unreadable.

    Others must not be read: HDF5 trusts the size that the map gives to a chunk, and one that is
    too small for its checksum was seen to crash it.
    """
    present = Counter[int]()
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        present.update(offset[0] for offset in _mapped(dataset))
    across = -(-dataset.shape[1] // dataset.chunks[1]) if dataset.ndim > 1 else 1
    return {start for start, count in present.items() if count == across}


def _mapped(dataset: h5py.Dataset) -> set[tuple[int, ...]]:
    """Where the chunks begin that the map knows and that carry their checksum."""
    stored = math.prod(dataset.chunks) * dataset.dtype.itemsize + 4
    found: set[tuple[int, ...]] = set()

    def visit(chunk: h5py.h5d.StoreInfo) -> None:
        if chunk.filter_mask == 0 and chunk.size == stored:
            found.add(chunk.chunk_offset)

    dataset.id.chunk_iter(visit)
    return found


def _is_within(offset: tuple[int, ...], extent: tuple[int, ...], chunks: tuple[int, ...]) -> bool:
    return all(
        at < n and at % chunk == 0 for at, n, chunk in zip(offset, extent, chunks, strict=True)
    )


def addresses(dataset: h5py.Dataset, size: int) -> Int64[np.ndarray, "chunks"]:
    """Where in the file each chunk of `size` bytes lies, in order of its rows; -1: nowhere.

    Raises:
        OSError, RuntimeError, ValueError: the map of chunks is unreadable.
    """
    length = dataset.chunks[0]
    found = np.full(-(-dataset.shape[0] // length), -1, np.int64)

    def visit(chunk: h5py.h5d.StoreInfo) -> None:
        number, rest = divmod(chunk.chunk_offset[0], length)
        whole = chunk.filter_mask == 0 and chunk.size == size and not rest
        whole = whole and chunk.byte_offset < _LARGEST_OFFSET
        if whole and number < len(found) and not any(chunk.chunk_offset[1:]):
            found[number] = chunk.byte_offset

    dataset.id.chunk_iter(visit)
    return found


def stored_chunk(dataset: h5py.Dataset, offset: tuple[int, ...], checksum: int = 0) -> bytes:
    """A chunk as it is stored, without the `checksum` bytes behind it.

    Raises:
        ValueError: it is missing, or not as long as a chunk.
        OSError, RuntimeError: it cannot be read.
    """
    expected = math.prod(dataset.chunks) * dataset.dtype.itemsize
    try:
        stored: bytes = dataset.id.read_direct_chunk(offset)[1]
    except MemoryError as error:  # h5py asks for as many bytes as the map says, or -1
        raise ValueError(f"a chunk of {dataset.name} is missing") from error
    if len(stored) != expected + checksum:
        raise ValueError(f"a chunk of {dataset.name} has {len(stored)} bytes")
    return stored[:expected]
