"""The form of an index file, looked at before any content: links, types, shapes, sizes.

A file of a stranger may hold links to other files, data kept outside, or declare more rows than
any disk holds. None of that is in an index, so whatever is not as the format says is refused.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import h5py
import numpy as np

from nachash.codes import code_bytes
from nachash.index.storage.digests import SIZE
from nachash.index.storage.manifest import COMMIT, GROUP, PAGE_ROWS, RECORD_CHUNK, Entry

_LARGEST_ATTRIBUTE: Final = 1 << 16
_LARGEST_CHUNK: Final = 1 << 20
_CHECKSUM: Final = 4  # bytes of Fletcher-32
_FIRST_ROWS: Final[dict[str, type[np.generic]]] = {
    "ids": np.int64,
    "size": np.int64,
    "mtime_ns": np.int64,
    "status": np.uint8,
}
_FIRST_OPTIONAL: Final[dict[str, tuple[type[np.generic], int]]] = {
    "labels": (np.uint8, 2),
    "digests": (np.uint8, 2),
    "width": (np.int32, 1),
    "height": (np.int32, 1),
    "taken": (np.int64, 1),
    "calibration": (np.uint8, 1),
}

_TYPES: Final = {
    np.uint8: h5py.h5t.STD_U8LE,
    np.int32: h5py.h5t.STD_I32LE,
    np.int64: h5py.h5t.STD_I64LE,
    np.uint64: h5py.h5t.STD_U64LE,
}

ColumnType = Callable[[str], tuple[type[np.generic], int | None]]


@dataclass(frozen=True, slots=True)
class _Form:
    """What is known of a data set without reading it."""

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    kind: h5py.h5t.TypeID

    def is_of(self, dtype: type[np.generic]) -> bool:
        return bool(self.kind.equal(_TYPES[dtype]))


def attributes(file: h5py.File) -> dict[str, Any]:
    """The root attributes: texts as bytes, numbers as int.

    Raises:
        ValueError: one is neither a text of fixed length nor an int64.
        OSError, RuntimeError, KeyError: one cannot be read.
    """
    found: dict[str, Any] = {}
    for number in range(h5py.h5a.get_num_attrs(file.id)):
        attribute = h5py.h5a.open(file.id, index=number)
        name, kind = attribute.name.decode(), attribute.get_type()
        text = isinstance(kind, h5py.h5t.TypeStringID) and not kind.is_variable_str()
        if attribute.shape != () or not (text or kind.equal(h5py.h5t.STD_I64LE)):
            raise ValueError(f"its attribute {name} is neither a text nor a number")
        if kind.get_size() > _LARGEST_ATTRIBUTE:
            raise ValueError(f"its attribute {name} is too large")
        value = np.empty((), f"S{kind.get_size()}" if text else "<i8")
        attribute.read(value)
        found[name] = bytes(value[()]) if text else int(value)
    return found


def check_record(file: h5py.File) -> None:
    """Check the form of the commit record.

    Raises:
        ValueError, KeyError: it is not as the format says.
    """
    form = _Places(file).form(COMMIT)
    if form.chunks != (RECORD_CHUNK,) or not form.is_of(np.uint8):
        raise ValueError(f"{COMMIT} is not as it is in an index")


def check(file: h5py.File, entries: Mapping[str, Entry], column_type: ColumnType) -> None:
    """Check the form of everything that the commit record lists.

    Raises:
        ValueError, KeyError: something is not as the format says.
    """
    places = _Places(file)
    for name, entry in entries.items():
        form = places.form(name)
        _check_type(form, name, column_type)
        count = -(-entry.rows // form.chunks[0])
        pages = max(1, -(-count // PAGE_ROWS))
        if form.shape[0] != entry.rows or len(entry.pages) != pages:
            raise ValueError(f"{name} has {form.shape[0]} of its {entry.rows} rows")
        digests = places.form(f"{GROUP}/{name}")
        whole = digests.chunks == (PAGE_ROWS, SIZE) and digests.shape == (pages * PAGE_ROWS, SIZE)
        if not whole or not digests.is_of(np.uint8):
            raise ValueError(f"{GROUP}/{name} is not as it is in an index")


def check_first_format(file: h5py.File, bits: int) -> None:
    """Check the form of an index of format 1.

    Raises:
        ValueError, KeyError: something is not as the format says.
    """
    expected: dict[str, tuple[type[np.generic], int]] = {"codes": (np.uint8, 2)}
    expected |= {name: (dtype, 1) for name, dtype in _FIRST_ROWS.items()}
    expected |= {name: kind for name, kind in _FIRST_OPTIONAL.items() if name in file}
    texts = ["paths", "errors/paths", "errors/reasons"]
    for name in [*texts, "label_names"] if "labels" in file else texts:
        expected |= {f"{name}/ends": (np.int64, 1), f"{name}/bytes": (np.uint8, 1)}
    expected["encoder"] = (np.uint8, 1)
    places = _Places(file)
    for name, (dtype, dimensions) in expected.items():
        form = places.form(name, _CHECKSUM)
        if len(form.shape) != dimensions or not form.is_of(dtype):
            raise ValueError(f"{name} is not as it is in an index")
    if file["codes"].shape[1:] != (code_bytes(bits),):
        raise ValueError(f"codes are not those of {bits} bits")


class _Places:
    """The data sets of a file, each group on the way to them opened once."""

    def __init__(self, file: h5py.File) -> None:
        self._size = file.id.get_filesize()
        self._groups: dict[bytes, h5py.h5g.GroupID] = {b"": file.id}

    def form(self, name: str, checksum: int = 0) -> _Form:
        """The form of a data set in this file: no link of its name leads elsewhere.

        It is kept in chunks of this file, without a filter but the checksum, and the file is large
        enough to hold what it declares.
        """
        path = name.encode()
        dataset = h5py.h5d.open(self._group(path.rpartition(b"/")[0], name), self._last(path, name))
        settings = dataset.get_create_plist()
        if settings.get_layout() != h5py.h5d.CHUNKED or settings.get_external_count():
            raise ValueError(f"{name} is not kept in chunks of this file")
        filters = [settings.get_filter(each)[0] for each in range(settings.get_nfilters())]
        if filters != ([h5py.h5z.FILTER_FLETCHER32] if checksum else []):
            raise ValueError(
                f"{name} is not {'with' if checksum else 'without'} a checksum of HDF5"
            )
        form = _Form(dataset.shape, settings.get_chunk(), dataset.get_type())
        chunk_bytes = math.prod(form.chunks) * form.kind.get_size()
        if chunk_bytes > _LARGEST_CHUNK:
            raise ValueError(f"{name} has chunks of {chunk_bytes} bytes")
        pairs = zip(form.shape, form.chunks, strict=True)
        count = math.prod(-(-length // chunk) for length, chunk in pairs)
        if count * (chunk_bytes + checksum) > self._size:
            raise ValueError(f"{name} declares {form.shape} values, more than the file holds")
        return form

    def _group(self, path: bytes, name: str) -> h5py.h5g.GroupID:
        if path not in self._groups:
            above = self._group(path.rpartition(b"/")[0], name)
            self._groups[path] = h5py.h5g.open(above, self._last(path, name))
        return self._groups[path]

    def _last(self, path: bytes, name: str) -> bytes:
        """The last part of a path, which is no link."""
        above, _, last = path.rpartition(b"/")
        try:
            kind = self._group(above, name).links.get_info(last).type
        except KeyError:
            raise KeyError(f"there is no {name}") from None
        if kind != h5py.h5l.TYPE_HARD:
            raise ValueError(f"{name} is a link")
        return last


def _check_type(form: _Form, name: str, column_type: ColumnType) -> None:
    try:
        dtype, width = column_type(name)
    except KeyError:  # of a newer nachash: proven like all others, and never read
        if len(form.shape) not in (1, 2) or form.chunks[1:] != form.shape[1:]:
            raise ValueError(f"{name} is not as a column of an index is") from None
        return
    tail = () if width is None else (width,)
    if not form.is_of(dtype) or form.shape[1:] != tail or form.chunks[1:] != tail:
        raise ValueError(f"{name} is not as it is in an index")
