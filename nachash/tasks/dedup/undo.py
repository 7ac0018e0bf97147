"""What `dedup` has moved, back where it was; nothing is replaced."""

import os
from pathlib import Path

from nachash.errors import ImageError
from nachash.images.sources import regular_file
from nachash.records import Progress, silent
from nachash.results.dedup import Move
from nachash.tasks.dedup import encoded_file, move_log
from nachash.tasks.dedup.move_log import MoveLog, Row
from nachash.tasks.dedup.relocation import move_file, remove_empty


def undo(log: Path, progress: Progress = silent) -> tuple[Move, ...]:
    """Move every file of a table back, the last one first; what became of each.

    The table, or the folder that it lies in, is what `dedup --move-to` wrote. It goes when all
    files are back, with the folders that are empty then; else it keeps what is still to be done.

    Raises:
        MissingError: there is no such table.
        UsageError: it is something else.
    """
    table = log / move_log.LOG if log.is_dir() else log
    folder = Path(os.path.realpath(table.parent))
    events = {(row.source, row.target): row.event for row in move_log.read(table)}
    away = [names for names, event in events.items() if event == move_log.MOVED]
    done = []
    with MoveLog(folder) as writing:
        writing.open()
        for number, (source, target) in enumerate(reversed(away), start=1):
            done.append(_put_back(source, target, folder, writing))
            progress("moving back", number, len(away))
    if not any(each.failed for each in done):
        table.unlink()
    _clean(folder, [Path(target) for _, target in away])
    return tuple(done)


def _put_back(source: str, target: str, folder: Path, log: MoveLog) -> Move:
    try:
        if not os.path.lexists(target) and os.path.lexists(source):
            return Move(target, source, "it is back already")
        if reason := _trouble(target, folder):
            return Move(target, source, reason, failed=True)
        with log.written([Row(source, target, move_log.PUT_BACK)]):
            move_file(Path(target), Path(source), encoded_file.state(target))
    except (ImageError, OSError, ValueError) as error:
        reason = error.sentence if isinstance(error, ImageError) else regular_file.trouble(error)
        return Move(target, source, f"it cannot be moved: {reason}", failed=True)
    return Move(target, source)


def _trouble(target: str, folder: Path) -> str:
    """Why a file is none that was moved into a folder."""
    if not Path(os.path.realpath(target)).is_relative_to(folder):
        return f"it does not lie below {folder}"
    unusual = regular_file.kind(os.lstat(target).st_mode)
    return f"it is {unusual}" if unusual else ""


def _clean(folder: Path, moved: list[Path]) -> None:
    """Remove the folders that were made for files, as far as they are empty."""
    made = {each for file in moved for each in file.parents if each.is_relative_to(folder)}
    remove_empty(sorted(made, key=lambda each: len(each.parts), reverse=True))
