"""The first look at a file that should be an index, and what its errors mean."""

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from nachash.errors import DamagedError, MissingError, StorageError
from nachash.index.storage.layout import FIRST_LINE, USER_BLOCK
from nachash.index.storage.manifest import UnprovenError

_SIGNATURE: Final = b"\x89HDF\r\n\x1a\n"
_IN_TEXT: Final = re.compile(r"\berrno = (\d+)")
# A FIFO would let us wait for its other end.
_OPEN: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
# What the system answers when it is asked for bytes at a place that no file has: the file said so.
_NOT_THE_SYSTEM: Final = (0, errno.EINVAL, errno.EOVERFLOW, errno.EFAULT)


def checked_file(path: Path) -> Path:
    """Return `path` when it is an HDF5 file that can be read.

    Raises:
        MissingError: there is no such file.
        DamagedError: it is a folder, or not HDF5.
        StorageError: it cannot be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DamagedError(f"{path} is not a file, so it is not a nachash index")
        with path.open("rb") as file:
            found = _is_hdf5(file)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _missing(path) from error
    except OSError as error:
        raise _unreadable(path, error) from error
    if not found:
        raise DamagedError(f"{path} is not a nachash index", "make one with `nachash encode`")
    return path


def _is_hdf5(file: BinaryIO) -> bool:
    """Whether HDF5's signature stands at one of the places where it looks for it."""
    place, size = 0, file.seek(0, os.SEEK_END)
    while place < size:
        file.seek(place)
        if file.read(len(_SIGNATURE)) == _SIGNATURE:
            return True
        place = max(512, 2 * place)
    return False


def looks_like_an_index(path: Path) -> bool:
    """Whether a regular file begins as indexes do; no more of it is read, nothing is waited for."""
    try:
        descriptor = os.open(path, _OPEN)
    except OSError:
        return False
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return False
        first = os.read(descriptor, USER_BLOCK + len(_SIGNATURE))
        begins = FIRST_LINE.match(first[:USER_BLOCK]) is not None
        return begins and first[USER_BLOCK:] == _SIGNATURE
    except OSError:
        return False
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def damage(path: Path) -> Iterator[None]:
    """Turn what h5py and numpy raise about damaged content into DamagedError.

    What the system says about reading is no damage: it becomes StorageError.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise _missing(path) from error
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        if (number := _number(error)) not in _NOT_THE_SYSTEM:
            raise _unreadable(path, OSError(number, "")) from error
        raise _damaged(path, error) from error


@contextlib.contextmanager
def proof(path: Path) -> Iterator[None]:
    """Turn what a writer finds damaged before it continues it into DamagedError.

    What HDF5 says without a number of the system's is about the file's structure.
    """
    try:
        yield
    except (UnprovenError, OSError, RuntimeError) as error:
        if _number(error) not in _NOT_THE_SYSTEM:
            raise
        raise _damaged(path, error) from error


def _damaged(path: Path, error: BaseException) -> DamagedError:
    return DamagedError(f"{path} is damaged: {error}", f"nachash index repair --index {path}")


def _number(error: Exception) -> int:
    """The errno of an error; h5py has that of HDF5's errors in their text, if at all."""
    if isinstance(error, OSError) and error.errno:
        return error.errno
    found = _IN_TEXT.search(str(error))
    return int(found[1]) if found else 0


def _unreadable(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path} cannot be read: {os.strerror(error.errno or errno.EIO)}")


def _missing(path: Path) -> MissingError:
    return MissingError(f"there is no index {path}", "make one with `nachash encode`")


@contextlib.contextmanager
def storage(path: Path) -> Iterator[None]:
    """Turn what the operating system says about writing into StorageError."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror or error}",
            "free some space or choose another place; what was committed is still there",
        ) from error
