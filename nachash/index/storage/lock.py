"""The lock of a writer: on the file itself, so that all names of a file share it.

What is locked is one byte far behind the end of the file, for the open file (`F_OFD_SETLK`, of
Linux; elsewhere `flock`). So no reader is kept out, also where a share makes locks mandatory; a
file that this process opens and closes meanwhile does not end it; and it ends with its process.
`INDEX.lock` only says who holds it. No library does this: they lock a file of their own, by name.

A file system that grants no lock leaves `INDEX.lock` to be the lock. It keeps out writers on the
same machine, and a stale one is known by its process; the user is told what it does not do.
"""

import contextlib
import datetime as dt
import errno
import os
import platform
import re
import struct
import sys
import warnings
from pathlib import Path
from typing import Final, final

from nachash.errors import NachashWarning, StorageError

if sys.platform != "win32":
    import fcntl

_FLOCK: Final = "hhqqi4x"  # struct flock: type, whence, start, length, process
_BYTE: Final = 1 << 62
_ATTEMPTS: Final = 3
_LINE: Final = re.compile(r"written by nachash, process (\d+) on (.+) since (.+) UTC(.*)")
_WITHOUT: Final = ", without a lock"
_CLOCK: Final = "%Y-%m-%d %H:%M:%S"


def beside(real: Path) -> Path:
    """Where the holder of the lock of a file is named."""
    return real.with_name(f"{real.name}.lock")


@final
class Lock:
    """A lock that is held until its descriptor is closed; `release` before that."""

    def __init__(self, real: Path, descriptor: int, shown: Path, *, named: bool = True) -> None:
        """Take the lock of an open file; `named`: say in `INDEX.lock` who has it.

        `real` is the file's name without links, `shown` the one that the user knows.

        Raises:
            StorageError: another process, or another writer of this one, has it.
        """
        self._note = beside(real)
        self._shown = shown
        try:
            if not _taken(descriptor):
                raise self._busy("")
        except OSError as error:
            self._take_note(error)
            return
        if named:
            _write_note(self._note, "", exclusive=False)

    def release(self) -> None:
        """Remove what names the holder; closing the descriptor then gives the lock back."""
        with contextlib.suppress(OSError):
            self._note.unlink()

    def _take_note(self, refusal: OSError) -> None:
        """Make do with `INDEX.lock`, on a file system that refuses locks."""
        if not _may_live(_line(self._note)):
            with contextlib.suppress(OSError):
                self._note.unlink()
        if not _write_note(self._note, _WITHOUT, exclusive=True):
            raise self._busy(f"; if nobody does, delete {self._note}") from refusal
        warnings.warn(
            f"files in {self._note.parent} cannot be locked ({refusal.strerror or refusal}): "
            "nothing keeps out a second writer on another machine",
            NachashWarning,
            stacklevel=2,
        )

    def _busy(self, otherwise: str) -> StorageError:
        line = _line(self._note) or "written by another process"
        return StorageError(
            f"{self._shown} is being {line}", f"wait until it has finished{otherwise}"
        )


def owner(path: Path) -> str | None:
    """Who writes an index just now, in words; None when nobody does."""
    real = Path(os.path.realpath(path))
    line = _line(beside(real))
    try:
        with real.open("rb") as file:
            held = _is_held(file.fileno())
    except OSError:
        held = False
    if not held and not (line.endswith(_WITHOUT) and _may_live(line)):
        return None
    return line or "written by another process"


def _taken(descriptor: int) -> bool:
    """Take the lock; False when it is held.

    Raises:
        OSError: there are no locks here.
    """
    if sys.platform == "win32":
        raise OSError(errno.ENOTSUP, "not on Windows")
    if not hasattr(fcntl, "F_OFD_SETLK"):
        return _flocked(descriptor)
    try:
        return _taken_for_open_file(descriptor)
    except OSError as error:
        if error.errno == errno.EINVAL:  # a kernel, or a layer over one, without such locks
            return _flocked(descriptor)
        raise


def _taken_for_open_file(descriptor: int) -> bool:
    if sys.platform == "win32":
        return False
    for _ in range(_ATTEMPTS):
        with contextlib.suppress(BlockingIOError, PermissionError):  # EAGAIN, EACCES
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _range(fcntl.F_WRLCK))
            return True
        if _is_held(descriptor):
            return False
    # Refused, though nobody holds it: so some file systems say that they have no locks.
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


def _flocked(descriptor: int) -> bool:
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno == errno.EWOULDBLOCK:
            return False
        raise
    return True


def _is_held(descriptor: int) -> bool:
    """Whether another open file has the lock.

    Raises:
        OSError: there are no locks here.
    """
    if sys.platform == "win32":
        return False
    with contextlib.suppress(AttributeError, OSError):
        answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _range(fcntl.F_WRLCK))
        return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno == errno.EWOULDBLOCK:
            return True
        raise
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def _range(kind: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, _BYTE, 1, 0)


def _write_note(path: Path, without: str, *, exclusive: bool) -> bool:
    """Say who writes; only a name for people, so that a failure stops nothing. False: it exists."""
    since = dt.datetime.now(dt.UTC).strftime(_CLOCK)
    who = f"process {os.getpid()} on {platform.node()[:100]} since {since} UTC"
    try:
        with path.open("x" if exclusive else "w", encoding="utf-8") as file:
            file.write(f"written by nachash, {who}{without}\n")
    except FileExistsError:
        return False
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
    return True


def _line(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.readline(400).strip()
    except OSError:
        return ""


def _may_live(line: str) -> bool:
    """Whether the process of a line may still run: not, if it was one of this machine and ended."""
    found = _LINE.fullmatch(line)
    if found is None:
        return False
    if found[2] != platform.node()[:100]:
        return True
    import psutil

    try:
        began = psutil.Process(int(found[1])).create_time()
    except psutil.Error:
        return False
    since = dt.datetime.strptime(found[3], _CLOCK).replace(tzinfo=dt.UTC)
    return began <= since.timestamp() + 1  # else another process has got its number
