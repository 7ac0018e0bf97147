"""Surplus images out of the way: planned first, then moved; nothing is deleted or replaced.

A file is moved only while it and its keeper are what was encoded. What was moved is written down
in the target folder, so that it can be moved back.
"""

import csv
import errno
import io
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from io import FileIO
from pathlib import Path
from typing import Final, final

from nachash.errors import ImageError, UsageError
from nachash.images.sources.regular_file import trouble
from nachash.records import Progress, silent
from nachash.results.dedup import Duplicate, Duplicates, Move
from nachash.tasks.dedup import encoded_file
from nachash.tasks.dedup.encoded_file import Look, State

LOG: Final = "nachash-moved.csv"
_MOST_BYTES: Final = 255  # of a name


def check(target: Path, references: Sequence[Path]) -> None:
    """Refuse a folder to move to, before any work.

    Raises:
        UsageError: it is a file, or lies in a reference folder.
    """
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target} is not a folder", "--move-to duplicates")
    if any(target.resolve().is_relative_to(folder.resolve()) for folder in references):
        raise UsageError(
            f"{target} lies in a reference folder, and those are never touched",
            "--move-to another folder",
        )


def roots(found: Duplicates, references: Sequence[Path]) -> tuple[Path, ...]:
    """The real folders that hold the images of a search, its own first."""
    return (Path(found.root).resolve(), *(folder.resolve() for folder in references))


def plan(found: Duplicates, target: Path, references: Sequence[Path]) -> tuple[Move, ...]:
    """Where each surplus image would go, or why it has to stay; nothing is changed or read.

    Raises:
        UsageError: the target is a file, or lies in a reference folder.
    """
    check(target, references)
    taken: set[Path] = set()
    return tuple(
        move
        for group in found.groups
        for move in _of_group(group, roots(found, references), target, taken)
    )


def _of_group(
    group: Sequence[Duplicate], places: Sequence[Path], target: Path, taken: set[Path]
) -> Iterator[Move]:
    files = [_file(each.path) for each in group]
    for each, file in zip(group, files, strict=True):
        if each.keep or each.reference:
            continue
        place = Path(os.path.realpath(each.path))
        reason = encoded_file.trouble(each, places)
        if reason is None and files.count(file) > 1:
            reason = "another name in its group leads to the same file"
        reason = reason or _about_keeper(group[0], encoded_file.trouble(group[0], places))
        if reason is None and place.is_relative_to(target.resolve()):
            reason = "it lies there already"
        inside = place.is_relative_to(places[0])
        to = target / (place.relative_to(places[0]) if inside else place.name)
        if reason is None:
            to = _free(to, taken)
            taken.add(to)
        yield Move(each.path, str(to), reason)


def _file(path: str) -> tuple[int, int] | str:
    """What all names of a file have in common; the path itself where there is no file."""
    try:
        status = os.stat(path)  # noqa: PTH116 (names need not be valid text)
    except (OSError, ValueError):
        return path
    return status.st_dev, status.st_ino


def _about_keeper(keeper: Duplicate, reason: str | None) -> str | None:
    return None if reason is None else f"its keeper {keeper.path}: {reason}"


def _free(wanted: Path, taken: set[Path]) -> Path:
    """The wanted path, with a number where something stands there already."""
    free, number = wanted, 1
    while free in taken or os.path.lexists(free):
        number += 1
        end = f"-{number}{wanted.suffix}"
        room = _MOST_BYTES - len(os.fsencode(end))
        free = wanted.with_name(os.fsdecode(_shortened(wanted.stem, room)) + end)
    return free


def _shortened(stem: str, most: int) -> bytes:
    """At most so many bytes of a name, no character of it in part."""
    name = os.fsencode(stem)
    while len(name) > most:
        stem = stem[:-1]
        name = os.fsencode(stem)
    return name


def move(
    found: Duplicates,
    planned: Sequence[Move],
    target: Path,
    look: Look,
    progress: Progress = silent,
) -> tuple[Move, ...]:
    """Carry out a plan; what became of each file, in the order of the plan.

    `look` reads a file once more and raises ImageError where it is not what was encoded. Both a
    file and its keeper are looked at just before. A file that cannot be moved stays, whole, and
    the others are moved.
    """
    keepers = {
        each.path: (each, group[0])
        for group in found.groups
        for each in group
        if not (each.keep or each.reference)
    }
    done = []
    with _Log(target) as log:
        for number, each in enumerate(planned, start=1):
            moved = each
            if each.reason is None:
                moved = _carried_out(each, *keepers[each.path], look, log)
            done.append(moved)
            progress("moving", number, len(planned))
    return tuple(done)


def _carried_out(
    planned: Move, image: Duplicate, keeper: Duplicate, look: Look, log: "_Log"
) -> Move:
    try:
        try:
            look(keeper)
        except ImageError as error:
            return replace(planned, reason=_about_keeper(keeper, error.sentence))
        seen = look(image)
        log.open()
        source, to = Path(image.path).resolve(), Path(planned.target)
        _move_one(source, to, seen)
        log.write(source, to.resolve())
    except ImageError as error:
        return replace(planned, reason=error.sentence)
    except OSError as error:
        return replace(planned, reason=f"it cannot be moved: {trouble(error)}", failed=True)
    return planned


@final
@dataclass(slots=True)
class _Log:
    """The table of what was moved, in the target folder; there from the first move on."""

    target: Path
    _file: FileIO | None = None
    _made: list[Path] = field(default_factory=list)

    def open(self) -> None:
        """Create the folder and the table, so that a move that follows can be written down."""
        if self._file is not None:
            return
        self._made = _make_folders(self.target)
        table = self.target / LOG
        if table.exists() and not table.is_file():
            raise OSError(f"{table} is not a regular file")
        self._file = table.open("ab", buffering=0)

    def write(self, source: Path, to: Path) -> None:
        """Write a move down; where that fails, the file goes back.

        Raises:
            OSError: it has failed.
        """
        assert self._file is not None
        before = self._file.seek(0, os.SEEK_END)
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        writer.writerows([("from", "to")] * (not before) + [(str(source), str(to))])
        row = text.getvalue().encode("utf-8", "surrogateescape")
        try:
            _write_whole(self._file, row)
        except OSError:
            with suppress(OSError):
                self._file.truncate(before)
            _move_one(to, source, encoded_file.state(to))
            raise

    def __enter__(self) -> "_Log":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is None:
            return
        with suppress(OSError):
            empty = not self._file.seek(0, os.SEEK_END)
            self._file.close()
            if empty:
                (self.target / LOG).unlink()
        _remove_empty(self._made)


def _write_whole(file: FileIO, row: bytes) -> None:
    if file.write(row) != len(row):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _move_one(source: Path, target: Path, seen: State) -> None:
    """Give a file its new name; never over another file, and complete before the old one goes.

    Raises:
        ImageError: the file is not the one that was looked at; it stays.
        OSError: it stays, and nothing stands in the target.
    """
    made = _make_folders(target.parent)
    try:
        try:
            os.link(source, target)
        except FileExistsError:
            raise
        except OSError:  # another file system, or one without hard links
            _copy(source, target)
        else:
            _require(seen, target, unwanted=target)
        _require(seen, source, unwanted=target)
        try:
            source.unlink()
        except BaseException:
            target.unlink()
            raise
    except BaseException:
        _remove_empty(made)
        raise


def _require(seen: State, path: Path, *, unwanted: Path) -> None:
    """Refuse a file that is not the one that was looked at; its new name goes."""
    if encoded_file.state(path) != seen:
        unwanted.unlink()
        raise ImageError("it has changed at this moment")


def _copy(source: Path, target: Path) -> None:
    """Copy a file to a name that is free, down to the disk; a copy that fails leaves nothing."""
    with source.open("rb") as old, target.open("xb") as new:
        try:
            shutil.copyfileobj(old, new)
            new.flush()
            os.fsync(new.fileno())
            shutil.copystat(source, target)
        except BaseException:
            target.unlink()
            raise


def _make_folders(folder: Path) -> list[Path]:
    """Make a folder with those above it; those that were not there before, the deepest first."""
    fresh = []
    while not folder.exists():
        fresh.append(folder)
        folder = folder.parent
    try:
        for each in reversed(fresh):
            each.mkdir(exist_ok=True)
    except OSError:
        _remove_empty(fresh)
        raise
    return fresh


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in folders:
        with suppress(OSError):  # somebody has put something there
            folder.rmdir()
