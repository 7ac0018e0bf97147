"""All or nothing: what HDF5 writes between two commits reaches the index wholly or not at all.

HDF5 changes its metadata in place, in several writes, so a process killed among them leaves a
file that does not open. Here HDF5 writes to pages in memory. A commit writes these pages to
`INDEX.journal` with a checksum, then to the index, then empties the journal. Killed before
the journal was whole, nothing happened; killed after it, whoever opens the index next finishes
the work (a writer) or looks through the journal's pages (a reader). The journal also carries the
lock that keeps out a second writer, and its first line names the process that holds it. The lock
is the kernel's (`flock`): it ends with its process, so a line that a killed one left is no lock.
"""

import datetime as dt
import errno
import fcntl
import hashlib
import os
import struct
from pathlib import Path
from typing import Final

from nachash.errors import StorageError
from nachash.index.storage.layout import IDENTITY
from nachash.index.storage.paged_file import PAGE, Pages

_OWNER: Final = 256
_COUNTS: Final = struct.Struct("<qq")
_DIGEST: Final = hashlib.sha256().digest_size


def beside(path: Path) -> Path:
    """Where the journal of an index is."""
    return path.with_name(path.name + ".journal")


def committed_pages(path: Path, descriptor: int) -> Pages | None:
    """The pages of a whole journal that belongs to this index; None when there is none."""
    try:
        content = beside(path).read_bytes()
    except FileNotFoundError:
        return None
    body, digest = content[_OWNER:-_DIGEST], content[-_DIGEST:]
    if len(body) < _COUNTS.size or hashlib.sha256(body).digest() != digest:
        return None
    if body[: IDENTITY.stop] != os.pread(descriptor, IDENTITY.stop, 0):
        return None
    size, count = _COUNTS.unpack_from(body, IDENTITY.stop)
    numbers = struct.unpack_from(f"<{count}q", body, IDENTITY.stop + _COUNTS.size)
    first = IDENTITY.stop + _COUNTS.size + 8 * count
    starts = range(first, first + PAGE * count, PAGE)
    contents = (bytearray(body[start : start + PAGE]) for start in starts)
    return Pages(size, dict(zip(numbers, contents, strict=True)))


class Journal:
    """The lock of a writer, and its commits."""

    def __init__(self, path: Path, descriptor: int, *, finish: bool = True) -> None:
        """Take the lock and `finish` what a killed writer had committed, or drop it.

        Raises:
            StorageError: another process writes this index.
        """
        self._path = path
        self._index = descriptor
        self._journal = _locked(path)
        self._owner = _own_line()
        if finish and (pages := committed_pages(path, descriptor)) is not None:
            self._apply(pages)
        self._empty()

    def commit(self, pending: Pages) -> None:
        """Write the pages to the index: wholly, or not at all.

        Raises:
            OSError: disk full, or another failure of the disk; the index is as it was.
        """
        try:
            self._record(pending)
            _reserve(self._index, pending.size)
        except OSError:
            self._empty()
            os.ftruncate(self._index, min(self._before, os.fstat(self._index).st_size))
            raise
        self._apply(pending)
        self._empty()

    def close(self) -> None:
        """Give the lock back and remove the journal, unless it holds work to finish."""
        if os.fstat(self._journal).st_size <= _OWNER:
            beside(self._path).unlink(missing_ok=True)
        os.close(self._journal)

    def _record(self, pending: Pages) -> None:
        self._before = os.fstat(self._index).st_size
        identity = os.pread(self._index, IDENTITY.stop, 0)
        numbers = sorted(pending.pages)
        body = b"".join(
            [
                identity,
                _COUNTS.pack(pending.size, len(numbers)),
                struct.pack(f"<{len(numbers)}q", *numbers),
                *(pending.pages[number] for number in numbers),
            ]
        )
        _write_all(self._journal, body + hashlib.sha256(body).digest(), _OWNER)
        os.fsync(self._journal)

    def _apply(self, pages: Pages) -> None:
        for number, content in sorted(pages.pages.items()):
            room = pages.size - number * PAGE
            if room > 0:
                _write_all(self._index, content[:room], number * PAGE)
        os.ftruncate(self._index, pages.size)
        os.fsync(self._index)

    def _empty(self) -> None:
        os.ftruncate(self._journal, 0)
        _write_all(self._journal, self._owner, 0)


def owner(path: Path) -> str | None:
    """Who writes an index just now, in words; None when nobody does."""
    try:
        descriptor = os.open(beside(path), os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _owner_in(descriptor)
    finally:
        os.close(descriptor)
    return None


def is_unfinished(path: Path) -> bool:
    """Whether a killed writer left a whole batch in the journal, to be finished by the next."""
    with path.open("rb") as file:
        return owner(path) is None and committed_pages(path, file.fileno()) is not None


def _own_line() -> bytes:
    since = dt.datetime.now(dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    who = f"process {os.getpid()} on {os.uname().nodename[:100]} since {since}"
    return f"written by nachash, {who}\n".encode()[:_OWNER].ljust(_OWNER)


def _owner_in(descriptor: int) -> str:
    line = os.pread(descriptor, _OWNER, 0).decode(errors="replace").partition("\n")[0]
    return line.strip() or "written by another process"


def _locked(path: Path) -> int:
    journal = beside(path)
    while True:
        descriptor = os.open(journal, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            described = _owner_in(descriptor)
            os.close(descriptor)
            raise StorageError(
                f"{path} is being {described}", "wait until it has finished"
            ) from error
        # The previous owner may have removed the file between our opening and our locking it.
        if journal.exists() and journal.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
        os.close(descriptor)


def _reserve(descriptor: int, size: int) -> None:
    """Find out now, not among the writes to the index, that the disk is full."""
    present = os.fstat(descriptor).st_size
    if size > present and hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, present, size - present)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
                raise


def _write_all(descriptor: int, content: bytes | bytearray, offset: int) -> None:
    view = memoryview(content)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
