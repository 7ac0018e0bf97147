"""Surplus images out of the way: planned first, then moved; nothing is deleted or replaced.

A file is moved only while its keeper is still there. What was moved is written down in the
target folder, so that it can be moved back.
"""

import csv
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from nachash.errors import StorageError, UsageError
from nachash.results.dedup import Duplicate, Duplicates, Move

LOG: Final = "nachash-moved.csv"


def plan(found: Duplicates, target: Path, references: Sequence[Path]) -> tuple[Move, ...]:
    """Where each surplus image would go, or why it has to stay; nothing is changed.

    Raises:
        UsageError: the target is a file, or lies in a reference folder.
    """
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target} is not a folder", "--move-to duplicates")
    if any(target.resolve().is_relative_to(folder.resolve()) for folder in references):
        raise UsageError(
            f"{target} lies in a reference folder, and those are never touched",
            "--move-to another folder",
        )
    taken: set[Path] = set()
    return tuple(
        move for group in found.groups for move in _of_group(group, Path(found.root), target, taken)
    )


def _of_group(
    group: Sequence[Duplicate], root: Path, target: Path, taken: set[Path]
) -> Iterator[Move]:
    real = [Path(each.path).resolve() for each in group]
    for each, place in zip(group, real, strict=True):
        if each.keep or each.reference:
            continue
        reason = (
            _why_no_file(each.path)
            or _why_not(each, group[0], place, real)
            or _why_not_there(place, target)
        )
        below = place.relative_to(root) if place.is_relative_to(root) else Path(*place.parts[1:])
        to = _free(target / below, taken)
        if reason is None:
            taken.add(to)
        yield Move(each.path, str(to), reason)


def _why_no_file(path: str) -> str | None:
    if "://" in path:
        return "it does not lie on this machine"
    return None if os.path.lexists(path) else "it is gone, or lies in an archive"


def _why_not(each: Duplicate, keeper: Duplicate, place: Path, group: Sequence[Path]) -> str | None:
    """The reason for which a file must stay, None when there is none."""
    try:
        if Path(each.path).is_symlink():
            return "it is a link"
        if not Path(keeper.path).is_file():
            return f"its keeper {keeper.path} is gone"
        if group.count(place) > 1:
            return "another name in its group leads to the same file"
        if Path(each.path).stat().st_size != each.size:
            return "it has changed since it was encoded"
        if Path(keeper.path).stat().st_size != keeper.size:
            return f"its keeper {keeper.path} has changed since it was encoded"
    except OSError as error:
        return error.strerror or str(error)
    return None


def _why_not_there(place: Path, target: Path) -> str | None:
    return "it lies there already" if place.is_relative_to(target.resolve()) else None


def _free(wanted: Path, taken: set[Path]) -> Path:
    """The wanted path, with a number where something stands there already."""
    free, number = wanted, 1
    while free in taken or os.path.lexists(free):
        number += 1
        free = wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
    return free


def move(moves: Sequence[Move], target: Path) -> int:
    """Carry out a plan; returns how many files were moved.

    Raises:
        StorageError: a file cannot be moved; those before it have been, and are written down.
    """
    planned = [each for each in moves if each.reason is None]
    if not planned:
        return 0
    try:
        target.mkdir(parents=True, exist_ok=True)
        with (target / LOG).open(
            "a", newline="", encoding="utf-8", errors="surrogateescape"
        ) as log:
            writer = csv.writer(log)
            if not log.tell():
                writer.writerow(("from", "to"))
            for each in planned:
                source = Path(each.path).resolve()
                _move_one(source, Path(each.target))
                writer.writerow((source, Path(each.target).resolve()))
                log.flush()
    except OSError as error:
        name = error.filename or target
        raise StorageError(
            f"{name} cannot be moved: {error.strerror or error}",
            f"what was moved before stands in {target / LOG}",
        ) from error
    return len(planned)


def _move_one(source: Path, target: Path) -> None:
    """Give a file its new name; never over another file, and complete before the old one goes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # another file system, or one without hard links
        _copy(source, target)
    source.unlink()


def _copy(source: Path, target: Path) -> None:
    """Copy a file to a name that is free, down to the disk; a copy that fails leaves nothing."""
    with source.open("rb") as old, target.open("xb") as new:
        try:
            shutil.copyfileobj(old, new)
            new.flush()
            os.fsync(new.fileno())
        except BaseException:
            target.unlink()
            raise
    shutil.copystat(source, target)
