"""A column of texts in HDF5: the UTF-8 bytes one after the other, and where each one ends.

HDF5's own strings of variable length have no checksum and are read one by one. File names that
are not valid UTF-8 survive (`surrogateescape`).
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import h5py
import numpy as np

from nachash.index.ragged import Ragged
from nachash.index.storage import chunks
from nachash.index.storage.unchecked import UncheckedGroup
from nachash.shapes import Int64

Texts: TypeAlias = h5py.Group | UncheckedGroup

_FEW = 64
_CHUNK_BYTES = 1 << 15


def create(parent: h5py.Group, name: str) -> None:
    """Create an empty column: a group with `bytes` (uint8) and `ends` (int64)."""
    group = parent.create_group(name)
    for part, dtype in (("bytes", np.uint8), ("ends", np.int64)):
        chunk = (_CHUNK_BYTES // np.dtype(dtype).itemsize,)
        group.create_dataset(
            part, shape=(0,), maxshape=(None,), chunks=chunk, dtype=dtype, fletcher32=True
        )


def append(group: h5py.Group, row: int, texts: Iterable[str]) -> None:
    """Write texts from `row` on; whatever stood there or later is dropped."""
    encoded = [text.encode("utf-8", "surrogateescape") for text in texts]
    start = int(group["ends"][row - 1]) if row else 0
    ends = start + np.cumsum([len(text) for text in encoded], dtype=np.int64)
    group["ends"].resize(row + len(encoded), axis=0)
    group["ends"][row:] = ends
    group["bytes"].resize(int(ends[-1]) if len(ends) else start, axis=0)
    group["bytes"][start:] = np.frombuffer(b"".join(encoded), np.uint8)


def length(group: Texts) -> int:
    """Number of texts."""
    return len(group["ends"])


def check_complete(group: h5py.Group, rows: int) -> None:
    """Check that every chunk of the first `rows` texts is there.

    Raises:
        ValueError: when one is missing.
    """
    chunks.check_complete(group["ends"], rows)
    last = int(group["ends"][rows - 1]) if rows else 0
    chunks.check_complete(group["bytes"], last)


def read(group: Texts, rows: Int64[np.ndarray, "n"]) -> list[str]:
    """The texts of some rows; a few of them are read without touching the rest.

    Raises:
        ValueError: when the column is damaged.
    """
    if len(rows) > _FEW:
        starts, ends, blob = whole(group, int(rows.max()) + 1)
        return [_decoded(blob[starts[row] : ends[row]]) for row in rows]
    return [_read_one(group, int(row)) for row in rows]


def whole(
    group: Texts, rows: int
) -> tuple[Int64[np.ndarray, "rows"], Int64[np.ndarray, "rows"], bytes]:
    """Starts, ends and the bytes of the first `rows` texts.

    Raises:
        ValueError: when the column is damaged.
    """
    ends = group["ends"][:rows]
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])[:rows]
    last = int(ends[-1]) if rows else 0
    blob = group["bytes"][:last].tobytes()
    if (ends < starts).any() or len(blob) != last:
        raise ValueError("the ends of its texts do not fit their bytes")
    return starts, ends, blob


def packed(group: Texts, rows: int) -> Ragged:
    """The first `rows` texts as bytes.

    Raises:
        ValueError: when the column is damaged.
    """
    ends = group["ends"][:rows]
    last = int(ends[-1]) if rows else 0
    values = group["bytes"][:last]
    if (np.diff(ends, prepend=0) < 0).any() or len(values) != last:
        raise ValueError("the ends of its texts do not fit their bytes")
    return Ragged(ends, values)


def all_texts(group: Texts, rows: int) -> list[str]:
    """The first `rows` texts."""
    starts, ends, blob = whole(group, rows)
    spans: Sequence[tuple[int, int]] = list(zip(starts.tolist(), ends.tolist(), strict=True))
    return [_decoded(blob[start:end]) for start, end in spans]


def _read_one(group: Texts, row: int) -> str:
    start, end = (0, *group["ends"][:1]) if row == 0 else group["ends"][row - 1 : row + 1]
    encoded = group["bytes"][start:end].tobytes()
    if not 0 <= start <= end or len(encoded) != end - start:
        raise ValueError("the ends of its texts do not fit their bytes")
    return _decoded(encoded)


def _decoded(encoded: bytes) -> str:
    return encoded.decode("utf-8", "surrogateescape")
