"""`index verify`: read everything, compare every digest, and say all that is wrong."""

import time
from pathlib import Path

from nachash.errors import NachashError, StorageError
from nachash.index.reader import open_index
from nachash.index.reading import stamp
from nachash.index.storage import lock
from nachash.index.verification import problems
from nachash.records import Progress, silent
from nachash.results.index import Problem, Verification
from nachash.tasks.choose_index import chosen_index
from nachash.tasks.index.options import VerifySettings

_ATTEMPTS = 3


def verify(settings: VerifySettings, *, progress: Progress = silent) -> Verification:
    """Everything that is wrong in an index; no problem when it is sound.

    Raises:
        MissingError, IncompatibleError, StorageError: it cannot be read, or is being written.
    """
    path = chosen_index(settings.index)
    started = time.perf_counter()
    found = _settled(path, progress)
    return Verification(
        index=str(path),
        rows=_rows(path),
        bytes=path.stat().st_size,
        problems=found,
        seconds=time.perf_counter() - started,
    )


def _settled(path: Path, progress: Progress) -> tuple[Problem, ...]:
    """The problems of a file that nobody changed meanwhile: a half-written chunk is no damage."""
    for _ in range(_ATTEMPTS):
        before = stamp(path)
        found = tuple(problems(path, progress))
        if not found or (stamp(path) == before and lock.owner(path) is None):
            return found
    owner = lock.owner(path) or "written again and again"
    raise StorageError(f"{path} is being {owner}", "verify it when that has finished")


def _rows(path: Path) -> int:
    try:
        with open_index(path) as index:
            return index.header.committed
    except NachashError:
        return 0
