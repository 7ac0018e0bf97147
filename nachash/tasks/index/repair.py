"""`index repair`: finish what a killed writer had begun; save what is sound of a damaged file."""

import contextlib
from pathlib import Path
from typing import Final

from nachash.errors import ExistsError, StorageError
from nachash.index import writer
from nachash.index.reader import open_index
from nachash.index.salvage import salvage
from nachash.index.storage import journal, naming
from nachash.index.verification import problems
from nachash.records import Progress, silent
from nachash.results.index import Repair
from nachash.tasks.choose_index import chosen_index
from nachash.tasks.index.options import RepairSettings

_PROVES_LESS: Final = (
    "format 1 has checksums and no digests: exchanged chunks of codes, and zeros in sizes, times, "
    "status and labels, cannot be noticed; to be certain, encode the images again"
)


def repair(settings: RepairSettings, *, progress: Progress = silent) -> Repair:
    """Make an index sound; a damaged file is kept under another name, never changed.

    Raises:
        DamagedError: nothing can be saved.
        ExistsError: the name for the damaged file is taken.
        StorageError: another process writes the index, or the disk is full.
    """
    path = chosen_index(settings.index, changing=True)
    done = []
    if path.exists() and journal.is_unfinished(path):
        writer.finish(path)
        done.append("finished a batch that a killed process had left in the journal")
    found = list(problems(path, progress))
    if not found:
        if naming.has_leftovers(path):
            with contextlib.suppress(StorageError):  # where nothing can be written, they stay
                writer.open_for_append(path).close()
        with open_index(path) as index:
            return Repair(str(path), tuple(done) or ("nothing was wrong",), index.rows, 0)
    return _salvaged(path, done, len(found))


def _salvaged(path: Path, done: list[str], wrong: int) -> Repair:
    place = naming.real(path)
    kept = place.with_name(f"{place.name}.damaged")
    with naming.locked(path, kept=kept), open_index(path) as index:
        if kept.exists():
            raise ExistsError(f"{kept} exists already", f"move it away: mv {kept} ELSEWHERE")
        with naming.new_file(path) as new:
            outcome = salvage(index, new)
            new.replace(kept=kept)
        old = index.header.version == 1
    done.append(f"wrote the proven rows into a new file; {wrong} parts were damaged")
    if old:
        done.append(_PROVES_LESS)
    return Repair(str(path), tuple(done), outcome.saved, outcome.lost, str(kept))
