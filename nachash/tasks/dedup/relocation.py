"""A file under another name: whole or not at all, and never over another file."""

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from nachash.errors import ImageError
from nachash.tasks.dedup import encoded_file
from nachash.tasks.dedup.encoded_file import State

_MOST_BYTES: Final = 255  # of a name


def move_file(source: Path, target: Path, seen: State) -> None:
    """Give a file its new name; it is complete before the old one goes.

    Raises:
        ImageError: the file is not the one that was looked at; it stays.
        OSError: it stays, and nothing stands in the target.
    """
    made = make_folders(target.parent)
    try:
        try:
            os.link(source, target)
        except FileExistsError:
            raise
        except OSError:  # another file system, or one without hard links
            copy_file(source, target)
        else:
            _require(seen, target, unwanted=target)
        _require(seen, source, unwanted=target)
        try:
            source.unlink()
        except BaseException:
            target.unlink()
            raise
    except BaseException:
        remove_empty(made)
        raise


def copy_file(source: Path, target: Path) -> None:
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


def _require(seen: State, path: Path, *, unwanted: Path) -> None:
    """Refuse a file that is not the one that was looked at; its new name goes."""
    if encoded_file.state(path) != seen:
        unwanted.unlink()
        raise ImageError("it has changed at this moment")


def make_folders(folder: Path) -> list[Path]:
    """Make a folder with those above it; those that were not there before, the deepest first."""
    fresh = []
    while not folder.exists():
        fresh.append(folder)
        folder = folder.parent
    try:
        for each in reversed(fresh):
            each.mkdir(exist_ok=True)
    except OSError:
        remove_empty(fresh)
        raise
    return fresh


def remove_empty(folders: Sequence[Path]) -> None:
    """Remove those of some folders, the deepest first, that are empty."""
    for folder in folders:
        with suppress(OSError):  # somebody has put something there
            folder.rmdir()


def free_names(wanted: Sequence[Path], stem: str, taken: set[Path]) -> list[Path]:
    """Names for files that begin alike; one number behind that beginning where any is taken."""
    free, number = list(wanted), 1
    while any(each in taken or os.path.lexists(each) for each in free):
        number += 1
        ends = [f"-{number}{each.name.removeprefix(stem)}" for each in wanted]
        room = _MOST_BYTES - max(len(os.fsencode(end)) for end in ends)
        short = os.fsdecode(_shortened(stem, room))
        free = [each.with_name(short + end) for each, end in zip(wanted, ends, strict=True)]
    return free


def _shortened(stem: str, most: int) -> bytes:
    """At most so many bytes of a name, no character of it in part."""
    name = os.fsencode(stem)
    while len(name) > most:
        stem = stem[:-1]
        name = os.fsencode(stem)
    return name
