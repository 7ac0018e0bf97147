"""Files read without ever waiting for another process."""

import os
import stat

from nachash.errors import ImageError
from nachash.images.byte_stream import ByteStream
from nachash.images.limits import MAX_BYTES

_OPEN = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_OPEN |= getattr(os, "O_BINARY", 0)
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def kind(mode: int) -> str:
    """What a file is that is not regular, from its `st_mode`; empty for a regular file."""
    return "" if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "not a regular file")


def contents(path: str, most: int = MAX_BYTES) -> bytes:
    """All bytes of a regular file.

    Raises:
        ImageError: it cannot be read, is not regular, or holds more than `most` bytes.
    """
    try:
        return _read(path, most, whole=True)
    except (OSError, ValueError) as error:
        raise ImageError(trouble(error)) from error


def stream(path: str, most: int = MAX_BYTES) -> ByteStream:
    """A regular file, open for reading.

    Raises:
        ImageError: as `contents`.
    """
    try:
        descriptor = os.open(path, _OPEN)
        try:
            _size(descriptor, most)
        except BaseException:
            os.close(descriptor)
            raise
    except (OSError, ValueError) as error:
        raise ImageError(trouble(error)) from error
    return os.fdopen(descriptor, "rb")


def beginning(path: str, count: int) -> bytes:
    """At most the first `count` bytes of a regular file; none where it cannot be read."""
    try:
        return _read(path, count, whole=False)
    except (OSError, ValueError, ImageError):
        return b""


def trouble(error: Exception) -> str:
    """An operating system's error in a few words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error)


def _read(path: str, most: int, *, whole: bool) -> bytes:
    descriptor = os.open(path, _OPEN)
    try:
        size = _size(descriptor, most if whole else None)
        return _read_all(descriptor, size) if whole else os.read(descriptor, most)
    finally:
        os.close(descriptor)


def _size(descriptor: int, most: int | None) -> int:
    status = os.fstat(descriptor)
    if unusual := kind(status.st_mode):
        raise ImageError(unusual)
    if most is not None and status.st_size > most:
        raise ImageError(f"file too large: {status.st_size} bytes")
    return status.st_size


def _read_all(descriptor: int, size: int) -> bytes:
    """`size` bytes; a network file system may hand them over in parts."""
    first = os.read(descriptor, size)
    if len(first) == size or not first:
        return first
    parts = [first]
    missing = size - len(first)
    while missing and (part := os.read(descriptor, missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
