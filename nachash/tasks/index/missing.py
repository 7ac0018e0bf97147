"""Images of an index whose files are no longer there, told from those of which nothing is known.

A file is missing where the folder that held it can be listed and does not have it. A disk that is
not mounted, a folder that may not be read and a link to nothing say nothing of the files below.
"""

import os
import stat
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

import numpy as np

from nachash.errors import MissingError, NachashError
from nachash.images.sources import location, remote, tar, zip_archive
from nachash.images.sources.hosts import Hosts
from nachash.images.sources.regular_file import trouble
from nachash.index.reader import Index
from nachash.index.storage import text_column
from nachash.records import Skipped

_MOST_NAMES: Final = 1 << 20  # that are kept of listed folders
_NO_PHOTO = frozenset({"lost+found", "@eaDir", "$RECYCLE.BIN", "System Volume Information"})


@dataclass(slots=True)
class Missing:
    """Rows whose files are gone; `unknown` says of which others nothing is known, and why.

    `emptied` are folders directly below the root, of two images or more, that have none left.
    """

    rows: list[int] = field(default_factory=list)
    unknown: list[Skipped] = field(default_factory=list)
    emptied: tuple[str, ...] = ()


def missing(index: Index, hosts: Hosts) -> Missing:
    """Which images of an index are no longer there.

    Raises:
        MissingError: the whole root, or every image of it, is not there, so that a disk may not
            be mounted; or its host was not named.
        NachashError: the root cannot be listed.
    """
    root = index.root
    if "://" in root:
        found = _elsewhere(root, index, hosts)
    elif Path(root).is_dir():
        found = _below(root, _paths(index))
    else:
        found = _in_archive(root, _paths(index))
    if index.rows and len(found.rows) + len(found.unknown) == index.rows:
        why = f" ({found.unknown[0].reason})" if found.unknown else ""
        raise MissingError(
            f"no image of {index.path} is to be seen at {root}{why}, so nothing is removed",
            "mount the disk; or, where they have moved, nachash index relocate OLD NEW",
        )
    if found.rows:
        found.emptied = _emptied(index, found.rows)
    return found


def _paths(index: Index) -> Iterator[str]:
    """The path of every row; only some are in memory at once."""
    for block in index.path_blocks():
        yield from text_column.texts(block)


def _emptied(index: Index, rows: Sequence[int]) -> tuple[str, ...]:
    before = Counter(map(_top, _paths(index)))
    gone = Counter(map(_top, index.paths(np.array(rows, np.int64))))
    return tuple(sorted(top for top, many in gone.items() if top and before[top] == many > 1))


def _top(path: str) -> str:
    first, separator, _ = path.partition("/")
    return first if separator else ""


def _elsewhere(root: str, index: Index, hosts: Hosts) -> Missing:
    if refusal := hosts.refusal(root):
        raise MissingError(f"{root} is not asked for what is missing there: {refusal}")
    source = remote.source(root, hosts)
    present = {each.path for each in source.references} | {each.path for each in source.skipped}
    found = Missing()
    candidates = [row for row, path in enumerate(_paths(index)) if path not in present]
    if not isinstance(source, remote.Remote):  # an archive, which says all
        found.rows = candidates
        return found
    paths = index.paths(np.array(candidates, np.int64))
    told = remote.absent(root, paths, hosts)
    for row, path, absent in zip(candidates, paths, told, strict=True):
        if isinstance(absent, str):
            found.unknown.append(Skipped(path, absent))
        elif absent:
            found.rows.append(row)
    return found


def _in_archive(root: str, known: Iterable[str]) -> Missing:
    if not os.path.lexists(root):
        raise MissingError(
            f"{root} is not there, so nothing is removed",
            "mount it; or, where it has moved, nachash index relocate OLD NEW",
        )
    source = location.source(root, sys.stdin)
    present = {each.path for each in source.references} | {each.path for each in source.skipped}
    return Missing([row for row, path in enumerate(known) if path not in present])


def _below(root: str, known: Iterable[str]) -> Missing:
    folders, archives = _Folders(), _Archives(root)
    found = Missing()
    for row, path in enumerate(known):
        try:
            gone = archives.lacks(path)
            if gone is None:
                gone = folders.lacks(os.path.join(root, path))  # noqa: PTH118 (bytes kept, speed)
            if gone:
                found.rows.append(row)
        except _UnknownError as error:
            found.unknown.append(Skipped(path, str(error)))
    return found


class _UnknownError(Exception):
    """Nothing can be said of what lies below a folder; the text says why."""


@final
class _Archives:
    """Archives in a folder, as shards are, each listed once."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._members: dict[str, frozenset[str] | _UnknownError | None] = {}

    def lacks(self, path: str) -> bool | None:
        """Whether an archive has no such member any more; None for what lies in no archive.

        Raises:
            _UnknownError: the archive cannot be read.
        """
        archive, separator, member = path.partition("/")
        if not separator:
            return None
        if archive not in self._members:
            self._members[archive] = self._listed(os.path.join(self._root, archive))  # noqa: PTH118
        known = self._members[archive]
        if isinstance(known, _UnknownError):
            raise known
        return None if known is None else member not in known

    def _listed(self, archive: str) -> frozenset[str] | _UnknownError | None:
        try:
            if not os.path.isfile(archive):  # noqa: PTH113 (names need not be valid text)
                return None
            if not (tar.is_tar(archive) or zip_archive.is_zip(archive)):
                return _UnknownError(f"{archive} is no archive that can be read")
            source = location.source(archive, ())
        except NachashError as error:
            return _UnknownError(error.sentence)
        present = {each.path for each in source.references}
        return frozenset(present.union(each.path for each in source.skipped))


@final
class _Folders:
    """Folders, each listed once as long as their names are not too many to be kept."""

    def __init__(self) -> None:
        self._names: dict[str, frozenset[str] | _UnknownError | None] = {}
        self._kept = 0

    def lacks(self, path: str) -> bool:
        """Whether a file is not there, or none of the folders that held it.

        Raises:
            _UnknownError: that cannot be told.
        """
        folder, name = os.path.split(path)
        names = self._listed(folder)
        return names is None or (name not in names and _is_absent(path))

    def _listed(self, folder: str) -> frozenset[str] | None:
        """The names in a folder; None where the folder itself is missing."""
        if folder not in self._names:
            try:
                self._names[folder] = self._list(folder)
            except _UnknownError as error:
                self._names[folder] = error
        known = self._names[folder]
        if isinstance(known, _UnknownError):
            raise known
        return known

    def _list(self, folder: str) -> frozenset[str] | None:
        try:
            names = frozenset(os.listdir(folder))  # noqa: PTH208 (speed)
        except (FileNotFoundError, NotADirectoryError) as error:
            return self._unlisted(folder, error)
        except OSError as error:
            raise _UnknownError(f"{folder}: {trouble(error)}") from error
        if all(name.startswith(".") or name in _NO_PHOTO for name in names):
            raise _UnknownError(f"{folder} is empty, as where no disk is mounted")
        self._kept += len(names)
        if self._kept > _MOST_NAMES:
            self._names.clear()
            self._kept = len(names)
        return names

    def _unlisted(self, folder: str, error: OSError) -> frozenset[str] | None:
        """None where a folder that cannot be listed is missing itself."""
        parent, name = os.path.split(folder)
        if not name:
            raise _UnknownError(f"{folder}: {trouble(error)}") from error
        try:
            mode = os.lstat(folder).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return self._gone(folder, parent, name)
        except OSError as reason:
            raise _UnknownError(f"{folder}: {trouble(reason)}") from reason
        what = "a link to nothing" if stat.S_ISLNK(mode) else "no folder any more"
        raise _UnknownError(f"{folder} is {what}") from error

    def _gone(self, folder: str, parent: str, name: str) -> frozenset[str] | None:
        names = self._listed(parent)
        if names is None or name not in names:
            return None
        raise _UnknownError(f"{folder} cannot be read")


def _is_absent(path: str) -> bool:
    """Whether there is no such file, by another way than the listing of its folder."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        return True
    except OSError as error:
        raise _UnknownError(trouble(error)) from error
    return False
