"""The names, types and versions of everything inside an index file, and the empty index."""

import hashlib
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np

import nachash
from nachash.codes import BIT_ORDER, MAX_BITS, code_bytes
from nachash.errors import DamagedError, IncompatibleError
from nachash.index.storage import manifest, structure
from nachash.index.storage.manifest import Entry, Manifest
from nachash.records import Preprocessing, to_json
from nachash.results.index import UNKNOWN_TIME

FORMAT: Final = "nachash-index"
FORMAT_VERSION: Final = 2
LIVE: Final = 0
REMOVED: Final = 1
CALIBRATION: Final = "calibration"

# The first bytes of the file, before HDF5's own: a line for people and a random identity, so
# that a journal is never replayed on another index of the same name.
USER_BLOCK: Final = 512
IDENTITY: Final = slice(0, 64)
FIRST_LINE: Final = re.compile(rb"nachash-index [0-9a-f]{32}\n\0*\Z")

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
# Groups of rows of different lengths, the type of their values, and their name.
TEXTS: Final = ("bytes", np.uint8)
LABELS: Final = ("numbers", np.int32)
HASHES: Final = "paths/hashes"
_TYPES: Final[dict[str, tuple[type[np.generic], int | None]]] = {
    **{name: (dtype, None) for name, dtype in (ROW_COLUMNS | METADATA).items()},
    "digests": (np.uint8, DIGEST_BYTES),
    HASHES: (np.uint64, None),
    "encoder": (np.uint8, None),
    CALIBRATION: (np.uint8, None),
    **{
        f"{group}/{part}": (dtype, None)
        for group in ("paths", "errors/paths", "errors/reasons", "label_names")
        for part, dtype in (TEXTS, ("ends", np.int64))
    },
    **{f"labels/{part}": (dtype, None) for part, dtype in (LABELS, ("ends", np.int64))},
}
_COMMIT_DIGEST: Final = "commit_digest"
_LARGEST_PICTURE: Final = 1 << 13  # pixels on a side that an encoder may ask for
_CHUNK_BYTES: Final = 1 << 15
_LARGE_CHUNK_BYTES: Final = 1 << 20  # of what is read as a whole


@dataclass(frozen=True, slots=True)
class Header:
    """The root attributes of an index; `committed` rows count, later ones do not exist.

    `commit` names this state of the file, `entries` is the commit record, `outside` says that paths
    may lead out of the root. Format 1 has none of them, nor an `identity`.
    """

    version: int
    bits: int
    encoder_fingerprint: str
    preprocessing: Preprocessing
    model: dict[str, Any]
    root: str
    created_by: str
    committed: int
    next_id: int
    bit_order: str
    identity: str
    outside: bool
    commit: str
    entries: dict[str, Entry]


def column_type(name: str, bits: int) -> tuple[type[np.generic], int | None]:
    """The type of a data set's values, and how many there are in a row; None: just one.

    Raises:
        KeyError: the format knows no data set of that name.
    """
    return (np.uint8, code_bytes(bits)) if name == "codes" else _TYPES[name]


def is_known(name: str) -> bool:
    """Whether the format knows a data set of that name."""
    return name == "codes" or name in _TYPES


def of_rows(name: str) -> bool:
    """Whether a data set has one row for each image."""
    return name in ("codes", *ROW_COLUMNS, *UNKNOWN, "paths/ends", HASHES, "labels/ends")


def create_column(
    file: h5py.File, digests: Manifest, name: str, bits: int, rows: int | None = None
) -> None:
    """Create a data set of a known name, without a row; `rows`: all it will ever have."""
    dtype, width = column_type(name, bits)
    tail = () if width is None else (width,)
    row_bytes = np.dtype(dtype).itemsize * (width or 1)
    length = max(1, _CHUNK_BYTES // row_bytes)
    if rows is not None:
        length = max(1, min(rows, _LARGE_CHUNK_BYTES // row_bytes))
    file.create_dataset(
        name, shape=(0, *tail), maxshape=(None, *tail), chunks=(length, *tail), dtype=dtype
    )
    digests.create(name)


def data_sets(header: Header, file: h5py.File) -> Iterator[str]:
    """The names of all data sets that an index has."""
    if header.version > 1:
        yield from header.entries
        return
    yield from ("codes", *ROW_COLUMNS, "encoder")
    yield from (name for name in (*OPTIONAL, CALIBRATION) if name in file)
    names = ["paths", "errors/paths", "errors/reasons"]
    for name in [*names, "label_names"] if "label_names" in file else names:
        yield from (f"{name}/ends", f"{name}/bytes")


def required(*, labels: bool) -> tuple[str, ...]:
    """The data sets that no index is without, and those of labels."""
    groups = ["paths", "errors/paths", "errors/reasons"]
    texts = [*groups, "label_names"] if labels else groups
    parts = [f"{name}/{part}" for name in texts for part in ("ends", "bytes")]
    parts += ["labels/ends", "labels/numbers"] if labels else []
    return ("codes", *ROW_COLUMNS, HASHES, *parts, "encoder")


def first_bytes(identity: str) -> bytes:
    """The user block of an index."""
    return f"{FORMAT} {identity}\n".encode().ljust(USER_BLOCK, b"\0")


def write_attributes(
    file: h5py.File,
    *,
    bits: int,
    preprocessing: Preprocessing,
    encoder: bytes,
    model: dict[str, Any],
    root: str,
) -> str:
    """Write the root attributes of an index without a row; returns its random identity."""
    identity = uuid.uuid4().hex
    # Strings of fixed length: those of variable length live in a heap without a checksum.
    texts = {
        "format": FORMAT,
        "bitorder": BIT_ORDER,
        "encoder_fingerprint": hashlib.sha256(encoder).hexdigest(),
        "preprocessing": to_json(preprocessing),
        "model": json.dumps(model),
        "root": json.dumps(root),
        "created_by": f"nachash {nachash.__version__}",
        "identity": identity,
    }
    for name, text in texts.items():
        file.attrs[name] = np.bytes_(text.encode())
    numbers = {"format_version": FORMAT_VERSION, "bits": bits, "committed": 0, "next_id": 0}
    numbers["outside"] = 0
    for name, number in numbers.items():
        file.attrs[name] = np.int64(number)
    return identity


def write_root(file: h5py.File, root: str) -> None:
    """Write what the paths are relative to, in place of what was there."""
    file.attrs["root"] = np.bytes_(json.dumps(root).encode())


def seal(file: h5py.File, digests: Manifest, committed: int, next_id: int) -> None:
    """Write what makes the present content count: the last thing before a commit."""
    file.attrs.modify("committed", np.int64(committed))
    file.attrs.modify("next_id", np.int64(next_id))
    record = digests.record()
    attributes = structure.attributes(file)
    attributes.pop(_COMMIT_DIGEST, None)
    proof = np.bytes_(manifest.commit_digest(attributes, record).encode())
    file.attrs.modify(_COMMIT_DIGEST, proof)


def read_header(file: h5py.File, path: Path) -> Header:
    """The root attributes and the commit record, after a look at the form of everything.

    Raises:
        DamagedError: the file is not an index, is damaged, or has what no index has.
        IncompatibleError: a newer nachash wrote it.
    """
    found = structure.attributes(file)
    if found.get("format") != FORMAT.encode():
        raise DamagedError(f"{path} is an HDF5 file but not a nachash index")
    version = _number(found, "format_version", 1, 2**62)
    if version > FORMAT_VERSION:
        raise IncompatibleError(
            f"{path} has index format {version}, this nachash reads up to {FORMAT_VERSION}",
            "upgrade nachash: pip install --upgrade nachash",
        )
    proof = found.pop(_COMMIT_DIGEST, b"") if version > 1 else b""
    record = _record(file, found, proof) if version > 1 else b"{}"
    header = Header(
        version=version,
        bits=_number(found, "bits", 1, MAX_BITS),
        encoder_fingerprint=_text(found, "encoder_fingerprint"),
        preprocessing=_preprocessing(found),
        model=_json(found, "model", dict),
        root=_json(found, "root", str),
        created_by=_text(found, "created_by"),
        committed=_number(found, "committed", 0, 2**48),
        next_id=_number(found, "next_id", 0, 2**62),
        bit_order=_text(found, "bitorder"),
        identity=_text(found, "identity") if version > 1 else "",
        outside=version > 1 and bool(_number(found, "outside", 0, 1)),
        commit=proof.decode(),
        entries=manifest.entries(record),
    )
    _check_structure(file, header, path)
    return header


def _record(file: h5py.File, attributes: dict[str, Any], proof: bytes) -> bytes:
    structure.check_record(file)
    record = manifest.read_record(file)
    if manifest.commit_digest(attributes, record).encode() != proof:
        raise manifest.UnprovenError("its attributes or its commit record are not what was written")
    return record


def _check_structure(file: h5py.File, header: Header, path: Path) -> None:
    if header.version == 1:
        structure.check_first_format(file, header.bits)
        lengths = {name: len(file[name]) for name in data_sets(header, file) if of_rows(name)}
        lengths |= {"labels": len(file["labels"])} if "labels" in file else {}
    else:
        labels = any(name.partition("/")[0] == "labels" for name in header.entries)
        for name in required(labels=labels):
            if name not in header.entries:
                raise KeyError(f"there is no {name}")
        structure.check(file, header.entries, lambda name: column_type(name, header.bits))
        lengths = {name: entry.rows for name, entry in header.entries.items() if of_rows(name)}
    short = [name for name, length in lengths.items() if length < header.committed]
    if short:
        raise DamagedError(
            f"{path} is damaged: {header.committed} rows of {header.bits} bits were committed, "
            f"but {', '.join(short)} cannot hold them",
            f"nachash index repair --index {path}",
        )


def _number(attributes: dict[str, Any], name: str, least: int, most: int) -> int:
    value = attributes[name]
    if not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"its attribute {name} is {value!r}")
    return value


def _text(attributes: dict[str, Any], name: str) -> str:
    value = attributes[name]
    if not isinstance(value, bytes):
        raise TypeError(f"its attribute {name} is not a text")
    return value.decode()


def _preprocessing(attributes: dict[str, Any]) -> Preprocessing:
    found = Preprocessing(**_json(attributes, "preprocessing", dict))
    kinds = (type(found.size), type(found.filter), type(found.jpeg_margin))
    if kinds != (int, str, int) or not 1 <= found.size <= _LARGEST_PICTURE:
        raise ValueError(f"its attribute preprocessing is {found}")
    return found


def _json(attributes: dict[str, Any], name: str, kind: type) -> Any:
    value = json.loads(_text(attributes, name))
    if not isinstance(value, kind):
        raise TypeError(f"its attribute {name} is not a {kind.__name__}")
    return value
