"""The chunks of a data set: whether all are there, and how single rows of it are changed.

HDF5 1.8 keeps the map of chunks in a tree without a checksum. A damaged map can lose a chunk,
whose rows then read as zeros, or mark it as one without checksum; both are found here.
"""

import contextlib
import math
from collections import Counter

import h5py
import numpy as np

from nachash.shapes import Bool, Int64


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


def read_sound(dataset: h5py.Dataset, rows: int) -> tuple[np.ndarray, Bool[np.ndarray, "rows"]]:
    """What can be read of the first `rows` rows, zeros elsewhere, and which rows can be."""
    length = dataset.chunks[0]
    values = np.zeros((rows, *dataset.shape[1:]), dataset.dtype)
    sound = np.zeros(rows, bool)
    readable = mapped_rows(dataset)
    for start in range(0, rows, length):
        if start not in readable:
            continue
        with contextlib.suppress(OSError, RuntimeError, ValueError):
            values[start : start + length] = dataset[start : min(start + length, rows)]
            sound[start : start + length] = True
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


def write_rows(dataset: h5py.Dataset, rows: Int64[np.ndarray, "n"], values: np.ndarray) -> None:
    """Change rows (ascending) of a data set; only the chunks that hold them are rewritten."""
    length = dataset.chunks[0]
    borders = np.flatnonzero(np.diff(rows // length)) + 1
    for part, new in zip(np.split(rows, borders), np.split(values, borders), strict=True):
        if len(part):
            start = int(part[0]) // length * length
            content = dataset[start : start + length]
            content[part - start] = new
            dataset[start : start + length] = content
