"""Everything that can be wrong in an index: each proof, and what the columns promise."""

import hashlib
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from nachash import codes as code
from nachash.errors import DamagedError
from nachash.index import path_rules
from nachash.index.reader import Index
from nachash.index.row_block import path_hashes
from nachash.index.storage import layout, text_column
from nachash.index.storage.opening import checked_file
from nachash.records import Progress, silent
from nachash.results.index import Problem

_BLOCK_BYTES: Final = 1 << 22
_BLOCK_ROWS: Final = 1 << 16
_RAISED: Final = (OSError, KeyError, ValueError, TypeError, RuntimeError)
_NO_TEXTS: Final = "where its rows end does not fit what it holds"


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
        first = raw.read(layout.USER_BLOCK)
    if not layout.FIRST_LINE.match(first):
        yield Problem("identity", "the first 512 bytes are not those of a nachash index")
    try:
        opened = Index(path)
    except DamagedError as error:
        yield Problem("attributes", error.sentence)
        return
    with opened as index:
        if layout.FIRST_LINE.match(first) and index.header.identity not in ("", _identity(first)):
            yield Problem("identity", "the first line is not that of this index")
        yield from _of_file(index, progress)


def _identity(first: bytes) -> str:
    return first[layout.IDENTITY].split()[1].decode()


def _of_file(index: Index, progress: Progress) -> Iterator[Problem]:
    damaged, sizes = set(), {}
    columns = index.proven
    for name in layout.data_sets(index.header, index.file):
        try:
            dataset = index.file[name]
            sizes[name] = int(np.prod(dataset.shape, dtype=np.int64)) * dataset.dtype.itemsize
        except _RAISED as error:
            damaged.add(name.partition("/")[0])
            yield Problem(name, _short(error))
    done, total = 0, sum(sizes.values())
    for name, size in sizes.items():
        for what in _faults(columns, name):
            damaged.add(name.partition("/")[0])
            yield Problem(name, what)
        done += size
        progress("verifying", done, total)
    yield from _rules(index, columns, damaged)


def _faults(columns: Any, name: str) -> Iterator[str]:
    for part in name.split("/"):
        columns = columns[part]
    yield from columns.faults()


def _rules(index: Index, columns: Any, damaged: Collection[str]) -> Iterator[Problem]:
    """What the contents promise, beyond their proofs; damaged parts are not read again."""
    for part, rule in _RULES.items():
        if part in damaged:
            continue
        try:
            sentence = rule(columns, index.header)
        except _RAISED as error:
            sentence = _short(error)
        if sentence:
            yield Problem(part, sentence)


def _codes(columns: Any, header: layout.Header) -> str:
    step = max(1, _BLOCK_BYTES // code.code_bytes(header.bits))
    blocks = range(0, header.committed, step)
    sound = all(
        code.padding_is_zero(columns["codes"][at : min(at + step, header.committed)], header.bits)
        for at in blocks
    )
    return "" if sound else f"codes have ones after bit {header.bits}"


def _ids(columns: Any, header: layout.Header) -> str:
    ids = columns["ids"][: header.committed]
    if (np.diff(ids) <= 0).any() or (len(ids) and ids[0] < 0):
        return "ids are not ascending"
    return "ids reach beyond next_id" if len(ids) and ids[-1] >= header.next_id else ""


def _status(columns: Any, header: layout.Header) -> str:
    beyond = (columns["status"][: header.committed] > layout.REMOVED).any()
    return "a row is neither live nor removed" if beyond else ""


def _encoder(columns: Any, header: layout.Header) -> str:
    digest = hashlib.sha256(columns["encoder"][:].tobytes()).hexdigest()
    return "" if digest == header.encoder_fingerprint else "it is not the one of the fingerprint"


def _labels(columns: Any, header: layout.Header) -> str:
    if "labels" not in columns:
        return ""
    names = text_column.length(columns["label_names"])
    if header.version == 1:
        return _multi_hot(columns["labels"], names, header.committed)
    if not _fits(columns["labels"], header.committed, layout.LABELS[0]):
        return _NO_TEXTS
    numbers = columns["labels"][layout.LABELS[0]][:]
    return "a label has no name" if ((numbers < 0) | (numbers >= names)).any() else ""


def _multi_hot(labels: Any, names: int, rows: int) -> str:
    if labels.shape[1] != names:
        return "there are more or fewer columns than names"
    return "a label is neither 0 nor 1" if (labels[:rows] > 1).any() else ""


def _metadata(columns: Any, _: layout.Header) -> str:
    missing = [name for name in layout.METADATA if name not in columns]
    some = 0 < len(missing) < len(layout.METADATA)
    return f"there is no {', '.join(missing)}" if some else ""


def _side(name: str, columns: Any, header: layout.Header) -> str:
    below = name in columns and (columns[name][: header.committed] < 0).any()
    return f"a {name} is below zero" if below else ""


def _paths(columns: Any, header: layout.Header) -> str:
    if not _fits(columns["paths"], header.committed):
        return _NO_TEXTS
    for start in range(0, header.committed, _BLOCK_ROWS):
        stop = min(start + _BLOCK_ROWS, header.committed)
        paths = text_column.part(columns["paths"], start, stop)
        if not path_rules.lawful(paths).all():
            return "a path is empty or holds a NUL"
        if header.version > 1 and not header.outside and path_rules.leaving(paths).any():
            return "a path leads out of the root"
        if (
            header.version > 1
            and (path_hashes(paths) != columns["paths"]["hashes"][start:stop]).any()
        ):
            return "a hash is not that of its path"
    return ""


def _errors(columns: Any, _: layout.Header) -> str:
    texts = [columns["errors"]["paths"], columns["errors"]["reasons"]]
    if text_column.length(texts[0]) != text_column.length(texts[1]):
        return "there are more or fewer reasons than paths"
    return "" if all(_fits(text, text_column.length(text)) for text in texts) else _NO_TEXTS


def _fits(column: Any, rows: int, values: str = layout.TEXTS[0]) -> bool:
    """Whether the places where rows end are ascending and within the values, which stay unread."""
    ends = column["ends"][:rows]
    return not rows or bool(
        ends[0] >= 0 and (np.diff(ends) >= 0).all() and ends[-1] <= len(column[values])
    )


def _attributes(_: Any, header: layout.Header) -> str:
    return "" if header.bit_order == code.BIT_ORDER else f"the bit order is {header.bit_order!r}"


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())


_RULES: Final[dict[str, Callable[[Any, layout.Header], str]]] = {
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
