"""A file whose changes stay in memory: what HDF5 writes to between two commits."""

import io
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from nachash.index.storage.positioned import read_at

PAGE: Final = 4096


@dataclass
class Pages:
    """What is to be written: page number to content, and the size that the file will have."""

    size: int
    pages: dict[int, bytearray] = field(default_factory=dict)


class PagedFile(io.RawIOBase):
    """An open file seen through pages that have not been written to it yet.

    HDF5 and h5py drop an exception that is raised when they write out what a data set has
    cached. So none is raised by a write: it waits in `failure`, and who commits has to look there.
    """

    def __init__(self, descriptor: int, pending: Pages) -> None:
        super().__init__()
        self.descriptor = descriptor
        self.pending = pending
        self.failure: BaseException | None = None
        self._position = 0

    def readable(self) -> bool:
        """True, for `io`."""
        return True

    def writable(self) -> bool:
        """True, for `io`."""
        return True

    def seekable(self) -> bool:
        """True, for `io`."""
        return True

    def tell(self) -> int:
        """Where the next byte is read or written."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move there."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.pending.size}
        self._position = start[whence] + offset
        return self._position

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        """Fill the buffer from the file and the pages over it; after the end come zeros."""
        view = memoryview(buffer).cast("B")
        self._attempt(lambda: self._read(view))
        if isinstance(self.failure, OSError):
            raise self.failure
        self._position += len(view)
        return len(view)

    def _read(self, view: memoryview) -> None:
        first, end = self._position, self._position + len(view)
        found = read_at(self.descriptor, len(view), first)
        view[: len(found)] = found
        view[len(found) :] = bytes(len(view) - len(found))
        for number in range(first // PAGE, -(-end // PAGE)):
            if (page := self.pending.pages.get(number)) is not None:
                low, high = max(first, number * PAGE), min(end, (number + 1) * PAGE)
                view[low - first : high - first] = page[low - number * PAGE : high - number * PAGE]

    def write(self, data) -> int:  # type: ignore[no-untyped-def]
        """Change pages in memory."""
        view = memoryview(data).cast("B")
        self._attempt(lambda: self._write(view))
        self._position += len(view)
        return len(view)

    def _write(self, view: memoryview) -> None:
        first, end = self._position, self._position + len(view)
        for number in range(first // PAGE, -(-end // PAGE)):
            low, high = max(first, number * PAGE), min(end, (number + 1) * PAGE)
            page = self._page(number)
            page[low - number * PAGE : high - number * PAGE] = view[low - first : high - first]
        self.pending.size = max(self.pending.size, end)

    def truncate(self, size: int | None = None) -> int:
        """Change the size that the file will have, in memory."""
        wanted = self._position if size is None else size
        self._attempt(lambda: self._cut(wanted))
        return wanted

    def _cut(self, wanted: int) -> None:
        # What is cut off must not come back when the file grows again.
        for number in range(wanted // PAGE, -(-self.pending.size // PAGE)):
            self._page(number)[max(0, wanted - number * PAGE) :] = bytes(
                PAGE - max(0, wanted - number * PAGE)
            )
        self.pending.size = wanted

    def _attempt(self, change: Callable[[], None]) -> None:
        try:
            change()
        except BaseException as error:  # noqa: BLE001
            self.failure = self.failure or error

    def _page(self, number: int) -> bytearray:
        if number not in self.pending.pages:
            self.pending.pages[number] = bytearray(
                read_at(self.descriptor, PAGE, number * PAGE).ljust(PAGE, b"\0")
            )
        return self.pending.pages[number]
