"""The one way in which a file is written that others may read meanwhile, or after a crash."""

import contextlib
import glob
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from nachash.errors import StorageError


@contextlib.contextmanager
def complete_file(out: Path, *, durable: bool = False, hint: str = "") -> Iterator[BinaryIO]:
    """A file that takes the place of `out`, or of what it links to, when it is complete.

    With `durable` it is on the disk before. `hint` says what to do where it cannot be written.

    Raises:
        StorageError: it cannot be written; what was there is kept.
    """
    place = Path(os.path.realpath(out))
    unborn = place.with_name(f".{place.name}.{os.getpid()}.tmp")
    try:
        _drop_leftovers(place)
        with unborn.open("xb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        unborn.replace(place)
    except OSError as error:
        raise StorageError(f"{out} cannot be written: {error.strerror or error}", hint) from error
    finally:
        with contextlib.suppress(OSError):
            unborn.unlink(missing_ok=True)


def _drop_leftovers(place: Path) -> None:
    """Remove what killed processes, known by the number in the name, were about to write."""
    for left in place.parent.glob(f".{glob.escape(place.name)}.*.tmp"):
        import psutil

        number = left.name.split(".")[-2]
        ours = number == str(os.getpid())
        if ours or (number.isdecimal() and not psutil.pid_exists(int(number))):
            left.unlink(missing_ok=True)
