"""All or nothing: what HDF5 writes between two commits reaches the index wholly or not at all.

HDF5 changes its metadata in place, in several writes, so a process killed among them leaves a
file that does not open. Here HDF5 writes to pages in memory. A commit writes these pages behind
the end of the index, with a checksum: this is the journal. Then it writes them where they belong,
and cuts the journal off. Killed before the journal was whole, nothing happened; killed after it,
whoever opens the index next finishes the work (a writer) or looks through the journal's pages (a
reader). As the journal is part of the file, it is there under every name of the file, goes where
the file goes, and never meets another state of the index than the one that it continues.
"""

import errno
import hashlib
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, final

from nachash.index.storage import lock
from nachash.index.storage.layout import IDENTITY
from nachash.index.storage.opening import damage
from nachash.index.storage.paged_file import PAGE, Pages
from nachash.index.storage.positioned import read_at, write_at

# The end of a journal: what it is, where it begins, the size of the index, how many pages.
_END: Final = struct.Struct("<16sqqq")
_MAGIC: Final = b"nachash-journal\n"
_DIGEST: Final = hashlib.sha256().digest_size
_TAIL: Final = IDENTITY.stop + _END.size + _DIGEST
_AT_ONCE: Final = 256  # pages that are written in one call


def committed_pages(descriptor: int) -> Pages | None:
    """The pages of the whole journal at the end of an open index; None when there is none."""
    end = os.fstat(descriptor).st_size
    tail = read_at(descriptor, _TAIL, max(0, end - _TAIL))
    if len(tail) < _TAIL or not tail.startswith(_MAGIC, IDENTITY.stop):
        return None
    _, start, size, count = _END.unpack_from(tail, IDENTITY.stop)
    if not 0 <= size <= start or start + count * (8 + PAGE) != end - _TAIL:
        return None
    body = read_at(descriptor, end - _DIGEST - start, start)
    if hashlib.sha256(body).digest() != tail[-_DIGEST:]:
        return None
    if tail[: IDENTITY.stop] != read_at(descriptor, IDENTITY.stop, 0):
        return None
    numbers = struct.unpack_from(f"<{count}q", body)
    places = range(8 * count, (8 + PAGE) * count, PAGE)
    contents = (bytearray(body[place : place + PAGE]) for place in places)
    return Pages(size, dict(zip(numbers, contents, strict=True)))


def write_pages(descriptor: int, pages: Pages, *, synchronise: bool = True) -> None:
    """Write pages where they belong; `pages.size` is the size of the file afterwards."""
    for run in _runs(sorted(number for number in pages.pages if number * PAGE < pages.size)):
        content = b"".join(pages.pages[number] for number in run)
        write_at(descriptor, content[: pages.size - run[0] * PAGE], run[0] * PAGE)
    if synchronise:
        os.fsync(descriptor)
    os.ftruncate(descriptor, pages.size)


def is_unfinished(path: Path) -> bool:
    """Whether a killed writer left a whole batch in the journal, to be finished by the next."""
    with damage(path), path.open("rb") as file:
        return lock.owner(path) is None and committed_pages(file.fileno()) is not None


@final
class Journal:
    """The commits to an open index that is locked."""

    def __init__(self, descriptor: int) -> None:
        """Finish what a killed writer had committed.

        Raises:
            OSError: the disk fails.
        """
        self._index = descriptor
        if (pages := committed_pages(descriptor)) is not None:
            write_pages(descriptor, pages)

    def commit(self, pending: Pages) -> None:
        """Write the pages to the index: wholly, or not at all.

        Raises:
            OSError: disk full, or another failure of the disk. Either the index is as it was, or
                the journal is whole and whoever opens the index next finishes the work.
        """
        before = os.fstat(self._index).st_size
        try:
            _reserve(self._index, pending.size)
            self._record(pending, max(before, pending.size))
        except BaseException:
            os.ftruncate(self._index, before)
            raise
        write_pages(self._index, pending)

    def _record(self, pending: Pages, start: int) -> None:
        numbers = sorted(pending.pages)
        digest, place = hashlib.sha256(), start
        for part in self._parts(pending, numbers, start):
            digest.update(part)
            write_at(self._index, part, place)
            place += len(part)
        write_at(self._index, digest.digest(), place)
        os.fsync(self._index)

    def _parts(self, pending: Pages, numbers: Sequence[int], start: int) -> Iterator[bytes]:
        yield struct.pack(f"<{len(numbers)}q", *numbers)
        for at in range(0, len(numbers), _AT_ONCE):
            yield b"".join(pending.pages[number] for number in numbers[at : at + _AT_ONCE])
        identity = read_at(self._index, IDENTITY.stop, 0)
        yield identity + _END.pack(_MAGIC, start, pending.size, len(numbers))


def _runs(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    """Pages that lie one after the other, not too many at once."""
    start = 0
    for at in range(1, len(numbers) + 1):
        ends = at == len(numbers) or numbers[at] != numbers[at - 1] + 1
        if ends or at - start == _AT_ONCE:
            yield numbers[start:at]
            start = at


def _reserve(descriptor: int, size: int) -> None:
    """Find out now, not among the writes to the index, that the disk is full."""
    present = os.fstat(descriptor).st_size
    if size <= present:
        return
    try:
        os.posix_fallocate(descriptor, present, size - present)
    except AttributeError:  # macOS and Windows
        _fill(descriptor, present, size)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        _fill(descriptor, present, size)


def _fill(descriptor: int, start: int, end: int) -> None:
    for at in range(start, end, PAGE * _AT_ONCE):
        write_at(descriptor, bytes(min(PAGE * _AT_ONCE, end - at)), at)
