"""`index merge`: several indexes of one encoder as one."""

import os
import posixpath
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from nachash.errors import ExistsError, IncompatibleError, UsageError
from nachash.images.sources.root import absolute
from nachash.index import writer
from nachash.index.copying import copy_rows
from nachash.index.facts import Facts, facts_of
from nachash.index.reader import Index, open_index
from nachash.index.rows import Changes
from nachash.index.storage import naming
from nachash.records import Skipped
from nachash.results.index import Rewriting
from nachash.tasks.choose_index import remember
from nachash.tasks.index.options import MergeSettings


def merge(settings: MergeSettings) -> Rewriting:
    """Write one index with the live rows of all; its root is the folder that holds all roots.

    Rows get new ids, in the order of the indexes. Of images that several indexes hold, the row
    of the last index counts. Labels are brought together by name.

    Raises:
        UsageError: fewer than two indexes, or roots that have nothing in common.
        IncompatibleError: they were made by different encoders.
        ExistsError: the output exists.
        StorageError: it cannot be written.
    """
    if len(settings.indexes) < 2:
        raise UsageError(
            "there is nothing to merge with fewer than two indexes",
            "nachash index merge A.h5 B.h5 OUT.h5",
        )
    out = settings.out
    if out.exists() and not settings.overwrite:
        raise ExistsError(f"{out} exists already", "another name, or --overwrite to replace it")
    with ExitStack() as opened:
        indexes = [opened.enter_context(open_index(path)) for path in settings.indexes]
        _require_one_encoder(indexes)
        if out.exists():
            open_index(out).close()  # only an index is ever replaced
            naming.require_one_name(out)
        with naming.new_file(out) as new:
            dropped, images = _write(indexes, new)
            _name(new)
        remember(out)
        return Rewriting(
            index=str(out),
            images=images,
            dropped=dropped,
            bytes_before=sum(index.path.stat().st_size for index in indexes),
            bytes_after=out.stat().st_size,
            notes=_notes(indexes, dropped),
        )


def _name(new: naming.NewFile) -> None:
    if not new.place.exists():
        new.take_name()
        return
    with naming.locked(new.path):
        new.replace()


def _require_one_encoder(indexes: Sequence[Index]) -> None:
    first = indexes[0]
    for other in indexes[1:]:
        if other.fingerprint != first.fingerprint:
            raise IncompatibleError(
                f"{first.path} and {other.path} were made by different encoders, "
                "so their codes cannot stand in one index",
                "encode both with the same --model",
            )


def _write(indexes: Sequence[Index], new: naming.NewFile) -> tuple[int, int]:
    """Fill the new file; returns how many rows were left out as doubles, and how many went in."""
    roots = _roots(indexes)
    root = _common_root(roots)
    names = tuple(dict.fromkeys(name for index in indexes for name in index.label_names or ()))
    labelled = any(index.label_names is not None for index in indexes)
    paths = [
        _rebased(index.all_paths(), own, root) for index, own in zip(indexes, roots, strict=True)
    ]
    last = {path: number for number, some in enumerate(paths) for path in some}
    images = 0
    labels = names if labelled else None
    facts: Facts = {**facts_of(indexes[0]), "root": root, "label_names": labels}
    with writer.fill(new, **facts) as merged:
        for number, (index, some) in enumerate(zip(indexes, paths, strict=True)):
            keep = np.array([last[path] == number for path in some], bool)
            images += int(keep.sum())
            copy_rows(index, merged, names=labels, keep=keep, paths=some)
            merged.change(skipped=_errors(index, roots[number], root))
        merged.change(Changes(found=tuple(last)))
    return sum(map(len, paths)) - images, images


def _roots(indexes: Sequence[Index]) -> list[str]:
    """Absolute roots; real ones, without links, where they differ."""
    roots = [absolute(index.root) for index in indexes]
    if len(set(roots)) == 1:
        return roots
    return [root if "://" in root else os.path.realpath(root) for root in roots]


def _common_root(roots: Sequence[str]) -> str:
    if len(set(roots)) == 1:
        return roots[0]
    if any("://" in root or not Path(root).is_absolute() for root in roots):
        raise UsageError(f"{' and '.join(dict.fromkeys(roots))} have no folder in common")
    return os.path.commonpath(roots)


def _rebased(paths: Sequence[str], old: str, new: str) -> list[str]:
    if old == new:
        return list(paths)
    prefix = Path(old).relative_to(new).as_posix()
    return [posixpath.join(prefix, path) for path in paths]


def _errors(index: Index, own: str, root: str) -> list[Skipped]:
    errors = index.errors()
    paths = _rebased([each.path for each in errors], own, root)
    return [Skipped(path, each.reason) for path, each in zip(paths, errors, strict=True)]


def _notes(indexes: Sequence[Index], dropped: int) -> tuple[str, ...]:
    notes = []
    if dropped:
        notes.append(f"{dropped:,} images were in several indexes; the last one counts")
    without = [str(index.path) for index in indexes if index.label_names is None]
    if 0 < len(without) < len(indexes):
        notes.append(f"the images of {', '.join(without)} have no labels")
    return tuple(notes)
