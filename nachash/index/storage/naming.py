"""How a complete index file gets its name, without another file being lost by that."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from nachash.errors import ExistsError
from nachash.index.storage.journal import Journal, beside
from nachash.index.storage.opening import storage


def give_name(unborn: Path, path: Path) -> None:
    """Give the file its name without ever replacing another one.

    Raises:
        ExistsError: there is such a file.
        StorageError: the disk fails.
    """
    with storage(path):
        _synchronise(unborn)
        beside(path).unlink(missing_ok=True)
        try:
            os.link(unborn, path)
        except FileExistsError as error:
            raise exists(path) from error
        except OSError:  # a file system without hard links
            unborn.rename(path)


def replace(new: Path, path: Path) -> None:
    """Let the complete index `new` take the name of `path`, which nobody else writes meanwhile.

    Raises:
        StorageError: another process writes `path`, or the disk fails; both files are as before.
    """
    with storage(path), locked(path):
        _synchronise(new)
        new.replace(path)


def keep_and_replace(path: Path, kept: Path, new: Path) -> None:
    """As `replace`, but under a lock that is held already; what was `path` is `kept` afterwards.

    Raises:
        ExistsError: there is such a file as `kept`.
        StorageError: the disk fails.
    """
    with storage(path):
        _synchronise(new)
        if kept.exists():
            raise exists(kept)
        try:
            os.link(path, kept)
        except OSError:  # a file system without hard links
            path.rename(kept)
        new.replace(path)


def exists(path: Path) -> ExistsError:
    """The error of an output that is there already."""
    return ExistsError(f"{path} exists already", "overwrite it with --overwrite")


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep writers out of an index that is about to be replaced.

    Raises:
        StorageError: another process writes it.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        journal = Journal(path, descriptor, finish=False)
        try:
            yield
        finally:
            journal.close()
    finally:
        os.close(descriptor)


def _synchronise(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
