"""Codes in the forms that other programs read. One file per format; its name is `--format`.

To add one: a file with `write(out, *, ids, codes, paths, bits)`, called with the live rows of an
index. It writes to a `complete_file`, so that no half file is left and no error of the disk is
lost. `BESIDE` names the suffixes of further files that it writes.
"""

import contextlib
import glob
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from nachash.errors import StorageError


@contextlib.contextmanager
def complete_file(out: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `out`, or of what it links to, when it is complete.

    Raises:
        StorageError: it cannot be written.
    """
    place = Path(os.path.realpath(out))
    unborn = place.with_name(f".{place.name}.{os.getpid()}.tmp")
    try:
        _drop_leftovers(place)
        with unborn.open("xb") as file:
            yield file
        unborn.replace(place)
    except OSError as error:
        raise StorageError(f"{out} cannot be written: {error.strerror or error}") from error
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
