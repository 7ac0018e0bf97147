"""How a complete index file gets its name, without another file being lost by that.

Names are resolved first: a link to an index stays a link, and the file that it names is replaced.
"""

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import final

from nachash.errors import ExistsError, StorageError
from nachash.index.storage import lock
from nachash.index.storage.lock import Lock
from nachash.index.storage.opening import storage


def real(path: Path) -> Path:
    """The name of a file without links; it need not be there."""
    return Path(os.path.realpath(path))


@final
class NewFile:
    """An index that is being built, hidden beside its place until it is complete."""

    def __init__(self, path: Path, place: Path, descriptor: int) -> None:
        self.path = path
        self.place = place
        self.descriptor = descriptor
        self.hidden = _hidden(place)

    def take_name(self) -> None:
        """Give the file its name without ever replacing another one.

        Raises:
            ExistsError: there is such a file.
            StorageError: the disk fails.
        """
        with storage(self.path):
            os.fsync(self.descriptor)
            try:
                os.link(self.hidden, self.place)
                self.hidden.unlink(missing_ok=True)
            except FileExistsError as error:
                raise exists(self.path) from error
            except OSError:  # a file system without hard links
                if os.path.lexists(self.place):
                    raise
                self.hidden.rename(self.place)
            _synchronise_folder(self.place)

    def replace(self, *, kept: Path | None = None) -> None:
        """Take the place of an index whose lock is held; it becomes `kept`, where that is given.

        Raises:
            ExistsError: there is such a file as `kept`.
            StorageError: the disk fails; the index is as before.
        """
        with storage(self.path):
            os.fsync(self.descriptor)
            if kept is not None:
                _keep(self.place, kept)
            self.hidden.replace(self.place)
            _synchronise_folder(self.place)


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[NewFile]:
    """An empty hidden file for the index `path`; it is gone afterwards unless it got a name.

    One at a time is built for each index; what a killed process left is dropped.

    Raises:
        StorageError: it cannot be made, or another process builds one.
    """
    place = real(path)
    with contextlib.ExitStack() as afterwards:
        with storage(path):
            descriptor = _opened_alone(path, place, afterwards)
            with contextlib.suppress(OSError):  # nobody may read it who may not read the old one
                _hidden(place).chmod(stat.S_IMODE(place.stat().st_mode))
        yield NewFile(path, place, descriptor)


def _opened_alone(path: Path, place: Path, afterwards: contextlib.ExitStack) -> int:
    hidden = _hidden(place)
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
    while True:
        _drop_second_name(hidden, place)
        with contextlib.ExitStack() as unless_ours:
            descriptor = os.open(hidden, flags, 0o666)
            unless_ours.callback(os.close, descriptor)
            unless_ours.callback(Lock(hidden, descriptor, path, named=False).release)
            unless_ours.callback(_remove, hidden, descriptor)
            # Who had it before may have named or removed it between our opening and our locking.
            if is_still(hidden, descriptor) and os.fstat(descriptor).st_size == 0:
                afterwards.push(unless_ours.pop_all())
                return descriptor


def has_leftovers(path: Path) -> bool:
    """Whether a killed process left something beside an index that nobody writes."""
    place = real(path)
    beside = (lock.beside(place), _hidden(place))
    return any(os.path.lexists(each) for each in beside) and lock.owner(place) is None


def drop_leftover(place: Path) -> None:
    """Remove what a killed process was building for an index; what is being built stays."""
    if os.path.lexists(_hidden(place)):
        with contextlib.suppress(StorageError), new_file(place):
            pass


@contextlib.contextmanager
def locked(path: Path, *, kept: Path | None = None) -> Iterator[None]:
    """Keep writers out of an index that is about to be replaced, and to stay as `kept`.

    Raises:
        StorageError: another process writes it, or it has several names.
    """
    place = real(path)
    with contextlib.ExitStack() as held:
        with storage(path):
            descriptor = os.open(place, os.O_RDWR)
            held.callback(os.close, descriptor)
            held.callback(Lock(place, descriptor, path).release)
            drop_leftover(place)
            if kept is not None:
                _drop_second_name(kept, place)
            require_one_name(path)
        yield


def replace(new: Path, path: Path) -> None:
    """Let the complete index `new` take the name of `path`, which nobody else writes meanwhile.

    Raises:
        StorageError: another process writes `path`, or the disk fails; both files are as before.
    """
    with storage(path), locked(path):
        with contextlib.suppress(OSError):
            new.chmod(stat.S_IMODE(path.stat().st_mode))
        with new.open("rb") as file:
            os.fsync(file.fileno())
        new.replace(real(path))
        _synchronise_folder(real(path))


def require_one_name(path: Path) -> None:
    """Refuse to replace a file that would stay as it is under another name.

    Raises:
        StorageError: it has hard links.
    """
    if path.stat().st_nlink > 1:
        raise StorageError(
            f"{path} has other names (hard links), under which the old index would stay",
            f"make it a file of its own: cp {path} COPY && mv COPY {path}",
        )


def is_still(path: Path, descriptor: int) -> bool:
    """Whether a name is still that of an open file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def exists(path: Path) -> ExistsError:
    """The error of an output that is there already."""
    return ExistsError(f"{path} exists already", "overwrite it with --overwrite")


def _hidden(place: Path) -> Path:
    return place.with_name(f".{place.name}.unfinished")


def _remove(hidden: Path, descriptor: int) -> None:
    with contextlib.suppress(OSError):
        if is_still(hidden, descriptor):
            hidden.unlink()


def _drop_second_name(path: Path, place: Path) -> None:
    """Remove the name that an index has besides where a process was killed while naming it."""
    if path.exists() and place.exists() and path.samefile(place):
        path.unlink(missing_ok=True)


def _keep(place: Path, kept: Path) -> None:
    if kept.exists():
        raise exists(kept)
    try:
        os.link(place, kept)
    except OSError:  # a file system without hard links
        try:
            shutil.copy2(place, kept)
        except BaseException:
            kept.unlink(missing_ok=True)
            raise


def _synchronise_folder(path: Path) -> None:
    """Have the disk remember the new name; some file systems cannot, and Windows need not."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
