"""The names, types and version of everything inside an index file, and the empty index."""

import hashlib
import io
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

import nachash
from nachash.codes import BIT_ORDER, code_bytes
from nachash.errors import DamagedError, IncompatibleError
from nachash.index.storage import text_column
from nachash.records import Preprocessing, to_json
from nachash.results.index import UNKNOWN_TIME

FORMAT: Final = "nachash-index"
FORMAT_VERSION: Final = 1
LIVE: Final = 0
REMOVED: Final = 1
CALIBRATION: Final = "calibration"

# The first bytes of the file, before HDF5's own: a line for people and a random identity, so
# that a journal is never replayed on another index of the same name.
USER_BLOCK: Final = 512
IDENTITY: Final = slice(0, 64)

ROW_COLUMNS: Final[dict[str, type[np.generic]]] = {
    "ids": np.int64,
    "size": np.int64,
    "mtime_ns": np.int64,
    "status": np.uint8,
}
DIGEST_BYTES: Final = 16
METADATA: Final[dict[str, type[np.generic]]] = {
    "width": np.int32,
    "height": np.int32,
    "taken": np.int64,
}
# Columns that an index may have, and what stands in a row of which nothing is known.
UNKNOWN: Final = {"digests": 0, "width": 0, "height": 0, "taken": UNKNOWN_TIME}
OPTIONAL: Final = ("labels", *UNKNOWN)
_CHUNK_BYTES: Final = 1 << 15
_LABEL_COLUMNS: Final = 16  # of a chunk, so that a few more names need no further chunks


@dataclass(frozen=True, slots=True)
class Header:
    """The root attributes of an index; `committed` rows count, later ones do not exist."""

    bits: int
    encoder_fingerprint: str
    preprocessing: Preprocessing
    model: dict[str, Any]
    root: str
    created_by: str
    committed: int
    next_id: int


def column(group: h5py.Group, name: str, dtype: type[np.generic], width: int | None = None) -> None:
    """Create an empty growing column, chunked and with a checksum for each chunk."""
    tail = () if width is None else (width,)
    row_bytes = np.dtype(dtype).itemsize * max(1, width or 1)
    group.create_dataset(
        name,
        shape=(0, *tail),
        maxshape=(None, *tail),
        chunks=(max(1, _CHUNK_BYTES // row_bytes), *tail),
        dtype=dtype,
        fletcher32=True,
    )


def label_column(group: h5py.Group, width: int) -> None:
    """Create the empty multi-hot labels; their rows and their columns can grow."""
    columns = max(width, _LABEL_COLUMNS)
    group.create_dataset(
        "labels",
        shape=(0, width),
        maxshape=(None, None),
        chunks=(max(1, _CHUNK_BYTES // columns), columns),
        dtype=np.uint8,
        fletcher32=True,
    )


def optional_column(file: h5py.File, name: str, rows: int) -> None:
    """Create a column of which nothing is known for the rows that are there."""
    if name == "digests":
        column(file, name, np.uint8, DIGEST_BYTES)
    else:
        column(file, name, METADATA[name])
    file[name].resize(rows, axis=0)
    file[name][:] = UNKNOWN[name]


def write_empty(
    new: io.RawIOBase,
    *,
    bits: int,
    preprocessing: Preprocessing,
    encoder: bytes,
    model: dict[str, Any],
    root: str,
    label_names: tuple[str, ...] | None = None,
) -> None:
    """Write an index without a row to an empty file."""
    with h5py.File(new, "w", libver=("v108", "v108"), userblock_size=USER_BLOCK) as file:
        _write_attributes(file, bits, preprocessing, encoder, model, root)
        column(file, "codes", np.uint8, code_bytes(bits))
        for name, dtype in ROW_COLUMNS.items():
            column(file, name, dtype)
        text_column.create(file, "paths")
        text_column.create(file.create_group("errors"), "paths")
        text_column.create(file["errors"], "reasons")
        stored = np.frombuffer(encoder, np.uint8)
        chunk = (min(max(1, stored.size), 1 << 20),)
        file.create_dataset("encoder", data=stored, chunks=chunk, fletcher32=True)
        if label_names is not None:
            label_column(file, len(label_names))
            text_column.create(file, "label_names")
            text_column.append(file["label_names"], 0, label_names)
    new.seek(0)
    new.write(f"{FORMAT} {uuid.uuid4().hex}\n".encode().ljust(USER_BLOCK, b"\0"))


def _write_attributes(
    file: h5py.File,
    bits: int,
    preprocessing: Preprocessing,
    encoder: bytes,
    model: dict[str, Any],
    root: str,
) -> None:
    # Strings of fixed length: those of variable length live in a heap without a checksum.
    texts = {
        "format": FORMAT,
        "bitorder": BIT_ORDER,
        "encoder_fingerprint": hashlib.sha256(encoder).hexdigest(),
        "preprocessing": to_json(preprocessing),
        "model": json.dumps(model),
        "root": json.dumps(root),
        "created_by": f"nachash {nachash.__version__}",
    }
    for name, text in texts.items():
        file.attrs[name] = np.bytes_(text.encode())
    file.attrs["format_version"] = np.int64(FORMAT_VERSION)
    file.attrs["bits"] = np.int64(bits)
    file.attrs["committed"] = np.int64(0)
    file.attrs["next_id"] = np.int64(0)


def data_sets(file: h5py.File) -> Iterator[str]:
    """The names of all data sets that an index has, and of those that it may have and has."""
    yield from ("codes", *ROW_COLUMNS, "encoder")
    yield from (name for name in (*OPTIONAL, CALIBRATION) if name in file)
    names = ["paths", "errors/paths", "errors/reasons"]
    for name in [*names, "label_names"] if "label_names" in file else names:
        yield from (f"{name}/ends", f"{name}/bytes")


def read_header(file: h5py.File, path: Path) -> Header:
    """The root attributes, checked.

    Raises:
        DamagedError: the file is not an index, or its columns disagree with each other.
        IncompatibleError: a newer nachash wrote it.
    """
    # Not `get`, which takes a failure of the disk for an attribute that is not there.
    if "format" not in file.attrs or file.attrs["format"] != FORMAT.encode():
        raise DamagedError(f"{path} is an HDF5 file but not a nachash index")
    version = int(file.attrs["format_version"])
    if version > FORMAT_VERSION:
        raise IncompatibleError(
            f"{path} has index format {version}, this nachash reads up to {FORMAT_VERSION}",
            "upgrade nachash: pip install --upgrade nachash",
        )
    header = Header(
        bits=int(file.attrs["bits"]),
        encoder_fingerprint=file.attrs["encoder_fingerprint"].decode(),
        preprocessing=Preprocessing(**json.loads(file.attrs["preprocessing"])),
        model=json.loads(file.attrs["model"]),
        root=json.loads(file.attrs["root"]),
        created_by=file.attrs["created_by"].decode(),
        committed=int(file.attrs["committed"]),
        next_id=int(file.attrs["next_id"]),
    )
    _check_lengths(file, header, path)
    return header


def _check_lengths(file: h5py.File, header: Header, path: Path) -> None:
    names = ["codes", *ROW_COLUMNS, *(name for name in OPTIONAL if name in file)]
    lengths = {name: len(file[name]) for name in names}
    lengths["paths"] = text_column.length(file["paths"])
    short = [name for name, length in lengths.items() if length < header.committed]
    if header.committed < 0 or short or file["codes"].shape[1:] != (code_bytes(header.bits),):
        raise DamagedError(
            f"{path} is damaged: {header.committed} rows of {header.bits} bits were committed, "
            f"but {', '.join(short) or 'codes'} cannot hold them",
            f"nachash index repair --index {path}",
        )
