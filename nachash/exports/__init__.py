"""Codes in the forms that other programs read. One file per format; its name is `--format`.

To add one: a file with `write(out, *, ids, codes, paths, bits)`, called with the live rows of an
index. It writes under another name first (`complete_file`), so that no half file is left. `BESIDE`
names the suffixes of further files that it writes.
"""

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

from nachash.errors import StorageError


@contextlib.contextmanager
def complete_file(out: Path) -> Iterator[Path]:
    """A name beside `out` to write to; the file takes the place of `out` when it is complete.

    Raises:
        StorageError: it cannot be written.
    """
    unborn = out.with_name(f".{out.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield unborn
        unborn.replace(out)
    except OSError as error:
        raise StorageError(f"{out} cannot be written: {error.strerror or error}") from error
    finally:
        unborn.unlink(missing_ok=True)
