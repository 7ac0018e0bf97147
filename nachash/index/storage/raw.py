"""Bytes of a file at a place, past HDF5: from the disk, or through pages not written yet."""

from collections.abc import Callable
from typing import TypeAlias

from nachash.index.storage.paged_file import PagedFile, Pages
from nachash.index.storage.positioned import fill_at

# Fills the whole view with the bytes from an offset on.
ReadAt: TypeAlias = Callable[[memoryview, int], None]


def from_disk(descriptor: int) -> ReadAt:
    """The bytes of an open file.

    Raises (what is returned):
        OSError: the file cannot be read, or ends before.
    """

    def read(view: memoryview, offset: int) -> None:
        if fill_at(descriptor, view, offset) != len(view):
            raise OSError("the file ends within a chunk")

    return read


def through_pages(descriptor: int, pages: Pages) -> ReadAt:
    """The bytes of an open file as they will be when the pages have been written."""
    # Its own position: HDF5 moves that of the file that it reads from.
    paged = PagedFile(descriptor, pages)

    def read(view: memoryview, offset: int) -> None:
        paged.seek(offset)
        paged.readinto(view)
        if paged.failure is not None:
            raise paged.failure

    return read
