"""The first look at a file that should be an index, and what its errors mean."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import h5py

from nachash.errors import DamagedError, MissingError, StorageError


def checked_file(path: Path) -> Path:
    """Return `path` when it is an HDF5 file that can be read.

    Raises:
        MissingError: there is no such file.
        DamagedError: it is a folder, or not HDF5.
        StorageError: it cannot be read.
    """
    if not path.exists():
        raise _missing(path)
    if not path.is_file():
        raise DamagedError(f"{path} is not a file, so it is not a nachash index")
    try:
        with path.open("rb"):
            pass
    except FileNotFoundError as error:  # deleted at this moment
        raise _missing(path) from error
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}") from error
    if not h5py.is_hdf5(path):
        if not path.exists():
            raise _missing(path)
        raise DamagedError(f"{path} is not a nachash index", "make one with `nachash encode`")
    return path


@contextlib.contextmanager
def damage(path: Path) -> Iterator[None]:
    """Turn what h5py and numpy raise about damaged content into DamagedError."""
    try:
        yield
    except FileNotFoundError as error:
        raise _missing(path) from error
    except PermissionError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}") from error
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise DamagedError(
            f"{path} is damaged: {error}", f"nachash index repair --index {path}"
        ) from error


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
