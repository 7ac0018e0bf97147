"""Bytes at a place of an open file, also on systems without `pread` and `pwrite`."""

import os


def read_at(descriptor: int, size: int, offset: int) -> bytes:
    """So many bytes from there; fewer only at the end of the file."""
    parts = []
    while size > 0 and (part := _read(descriptor, size, offset)):
        parts.append(part)
        size, offset = size - len(part), offset + len(part)
    return b"".join(parts)


def fill_at(descriptor: int, view: memoryview, offset: int) -> int:
    """Fill the view with the bytes from there; fewer, which it returns, at the end of the file."""
    done = 0
    while done < len(view) and (count := _fill(descriptor, view[done:], offset + done)):
        done += count
    return done


def write_at(descriptor: int, content: bytes | bytearray | memoryview, offset: int) -> None:
    """Write all of it there."""
    view = memoryview(content)
    while view:
        written = _write(descriptor, view, offset)
        view, offset = view[written:], offset + written


def _read(descriptor: int, size: int, offset: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(descriptor, size, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, size)


def _fill(descriptor: int, view: memoryview, offset: int) -> int:
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [view], offset)
    found = _read(descriptor, len(view), offset)
    view[: len(found)] = found
    return len(found)


def _write(descriptor: int, view: memoryview, offset: int) -> int:
    if hasattr(os, "pwrite"):
        return os.pwrite(descriptor, view, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.write(descriptor, view)
