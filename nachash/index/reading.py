"""Reading while somebody writes: begun again where a writer came in between."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from nachash.errors import DamagedError
from nachash.index.reader import Index, open_index
from nachash.index.storage import lock

_ATTEMPTS: Final = 50
_PAUSE: Final = 0.02  # seconds; a commit takes less

T = TypeVar("T")


def reading(path: Path, use: Callable[[Index], T], *, check: bool = True) -> T:
    """What `use` makes of the open index; `check` as for `open_index`.

    A chunk that is read at the very moment at which a writer rewrites it does not match its
    checksum. So a failure counts as damage only when nobody has written meanwhile.

    Raises:
        MissingError, DamagedError, IncompatibleError, StorageError: the index cannot be read.
    """
    for _ in range(_ATTEMPTS):
        before = stamp(path)
        try:
            with open_index(path, check=check) as index:
                return use(index)
        except DamagedError:
            if stamp(path) == before and lock.owner(path) is None:
                raise
            time.sleep(_PAUSE)
    with open_index(path, check=check) as index:
        return use(index)


def stamp(path: Path) -> tuple[int, ...]:
    """What changes when the file is written to or replaced; nothing while it does not exist."""
    try:
        status = os.stat(path)  # noqa: PTH116 (the number of the file as well)
    except OSError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns
