"""Everything that can be wrong in an index: each checksum, and what the columns promise."""

import hashlib
import re
from collections.abc import Callable, Collection, Container, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import h5py
import numpy as np

from nachash import codes as code
from nachash.errors import DamagedError
from nachash.index.reader import Index
from nachash.index.storage import layout, text_column
from nachash.index.storage.chunks import check_complete, mapped_rows
from nachash.index.storage.opening import checked_file
from nachash.records import Progress, silent
from nachash.results.index import Problem

_FIRST_LINE: Final = re.compile(rb"nachash-index [0-9a-f]{32}\n\0*\Z")
_BLOCK_BYTES: Final = 1 << 22
_RAISED: Final = (OSError, KeyError, ValueError, TypeError, RuntimeError)


def problems(path: Path, progress: Progress = silent) -> Iterator[Problem]:
    """Everything wrong in the file, from its first byte on; nothing when it is sound.

    Memory is bounded by some MiB and by 24 bytes for each row.

    Raises:
        MissingError: there is no such file.
        IncompatibleError: a newer nachash wrote it.
        StorageError: it cannot be read.
    """
    try:
        checked_file(path)
    except DamagedError as error:
        yield Problem("file", error.sentence)
        return
    with path.open("rb") as raw:
        if not _FIRST_LINE.match(raw.read(layout.USER_BLOCK)):
            yield Problem("identity", "the first 512 bytes are not those of a nachash index")
    try:
        opened = Index(path)
    except DamagedError as error:
        yield Problem("attributes", error.sentence)
        return
    with opened as index:
        yield from _of_file(index.file, index.header, progress)


def _of_file(file: h5py.File, header: layout.Header, progress: Progress) -> Iterator[Problem]:
    lengths: dict[str, int] = {}
    damaged = set()
    for name in layout.data_sets(file):
        try:
            lengths[name] = _rows(file, name, header)
        except _RAISED as error:
            damaged.add(name.partition("/")[0])
            yield Problem(name, _short(error))
    done, total = 0, sum(_bytes(file[name], rows) for name, rows in lengths.items())
    for name, rows in lengths.items():
        for what in _unreadable(file[name], rows):
            damaged.add(name.partition("/")[0])
            yield Problem(name, what)
        done += _bytes(file[name], rows)
        progress("verifying", done, total)
    yield from _rules(file, header, damaged)


def _rows(file: h5py.File, name: str, header: layout.Header) -> int:
    """How many rows of a data set count.

    Raises:
        KeyError, and what else h5py raises: it cannot be opened.
    """
    length = len(file[name])
    if name == "paths/ends" or name in ("codes", *layout.ROW_COLUMNS, *layout.OPTIONAL):
        return header.committed
    return length


def _bytes(dataset: h5py.Dataset, rows: int) -> int:
    width = int(np.prod(dataset.shape[1:], dtype=np.int64))
    return rows * width * dataset.dtype.itemsize


def _unreadable(dataset: h5py.Dataset, rows: int) -> Iterator[str]:
    """What is wrong with the chunks of a data set, one by one."""
    sound: Container[int] = range(rows)
    try:
        check_complete(dataset, rows)
    except _RAISED as error:
        sound = mapped_rows(dataset)
        if all(first in sound for first in range(0, rows, dataset.chunks[0])):
            yield _short(error)
    chunk = dataset.chunks[0]
    row_bytes = max(1, _bytes(dataset, chunk))
    step = chunk * max(1, _BLOCK_BYTES // row_bytes)
    for start in range(0, rows, step):
        firsts = range(start, min(start + step, rows), chunk)
        whole = all(first in sound for first in firsts)
        if whole and _error(dataset, start, min(start + step, rows)) is None:
            continue
        for first in firsts:
            last = min(first + chunk, rows)
            if first not in sound:
                yield f"rows {first} to {last - 1}: the chunk is missing, or without its checksum"
            elif (what := _error(dataset, first, last)) is not None:
                yield f"rows {first} to {last - 1}: {what}"


def _error(dataset: h5py.Dataset, start: int, end: int) -> str | None:
    try:
        dataset[start:end]
    except _RAISED as error:
        return _short(error)
    return None


def _rules(file: h5py.File, header: layout.Header, damaged: Collection[str]) -> Iterator[Problem]:
    """What the contents promise, beyond their checksums; damaged parts are not read again."""
    for part, rule in _RULES.items():
        if part in damaged:
            continue
        try:
            sentence = rule(file, header)
        except _RAISED as error:
            sentence = _short(error)
        if sentence:
            yield Problem(part, sentence)


def _codes(file: h5py.File, header: layout.Header) -> str:
    step = max(1, _BLOCK_BYTES // code.code_bytes(header.bits))
    blocks = range(0, header.committed, step)
    sound = all(
        code.padding_is_zero(file["codes"][at : min(at + step, header.committed)], header.bits)
        for at in blocks
    )
    return "" if sound else f"codes have ones after bit {header.bits}"


def _ids(file: h5py.File, header: layout.Header) -> str:
    ids = file["ids"][: header.committed]
    if (np.diff(ids) <= 0).any() or (len(ids) and ids[0] < 0):
        return "ids are not ascending"
    return "ids reach beyond next_id" if len(ids) and ids[-1] >= header.next_id else ""


def _status(file: h5py.File, header: layout.Header) -> str:
    beyond = (file["status"][: header.committed] > layout.REMOVED).any()
    return "a row is neither live nor removed" if beyond else ""


def _encoder(file: h5py.File, header: layout.Header) -> str:
    digest = hashlib.sha256(file["encoder"][:].tobytes()).hexdigest()
    return "" if digest == header.encoder_fingerprint else "it is not the one of the fingerprint"


def _labels(file: h5py.File, header: layout.Header) -> str:
    if "labels" not in file:
        return ""
    if file["labels"].shape[1] != text_column.length(file["label_names"]):
        return "there are more or fewer columns than names"
    return "a label is neither 0 nor 1" if (file["labels"][: header.committed] > 1).any() else ""


def _metadata(file: h5py.File, _: layout.Header) -> str:
    missing = [name for name in layout.METADATA if name not in file]
    some = 0 < len(missing) < len(layout.METADATA)
    return f"there is no {', '.join(missing)}" if some else ""


def _side(name: str, file: h5py.File, header: layout.Header) -> str:
    below = name in file and (file[name][: header.committed] < 0).any()
    return f"a {name} is below zero" if below else ""


def _paths(file: h5py.File, header: layout.Header) -> str:
    return _ends(file["paths"], header.committed)


def _errors(file: h5py.File, _: layout.Header) -> str:
    columns = [file["errors"]["paths"], file["errors"]["reasons"]]
    if text_column.length(columns[0]) != text_column.length(columns[1]):
        return "there are more or fewer reasons than paths"
    return "".join(_ends(column, text_column.length(column)) for column in columns)


def _ends(column: h5py.Group, rows: int) -> str:
    """What is wrong with the places where texts end; their bytes are not read for that."""
    ends = column["ends"][:rows]
    fit = not rows or (
        ends[0] >= 0 and (np.diff(ends) >= 0).all() and ends[-1] <= len(column["bytes"])
    )
    return "" if fit else "the ends of its texts do not fit their bytes"


def _attributes(file: h5py.File, _: layout.Header) -> str:
    order = file.attrs["bitorder"].decode()
    return "" if order == code.BIT_ORDER else f"the bit order is {order!r}"


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())


_RULES: Final[dict[str, Callable[[h5py.File, layout.Header], str]]] = {
    "attributes": _attributes,
    "encoder": _encoder,
    "ids": _ids,
    "status": _status,
    "codes": _codes,
    "labels": _labels,
    "metadata": _metadata,
    "width": partial(_side, "width"),
    "height": partial(_side, "height"),
    "paths": _paths,
    "errors": _errors,
}
