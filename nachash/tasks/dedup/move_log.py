"""The table of what was moved where, or left and why: what `dedup --undo` reads."""

import csv
import errno
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Final, NamedTuple, final

from nachash.errors import MissingError, UsageError
from nachash.images.sources.folder import MOVED_HERE
from nachash.images.sources.regular_file import trouble
from nachash.tasks.dedup.relocation import make_folders, remove_empty

LOG: Final = MOVED_HERE
MOVED: Final = "moved"
PUT_BACK: Final = "put back"
_TITLES: Final = ("from", "to", "what happened")
_HINT: Final = f"nachash dedup --undo surplus/{LOG}"


class Row(NamedTuple):
    """A file: where it was, where it was to go, and what happened."""

    source: str
    target: str
    event: str


@final
@dataclass(slots=True)
class MoveLog:
    """A table that is written row by row, in the target folder; there from the first move on.

    What was left is written only beside what was moved: a run that moves nothing changes nothing.
    """

    target: Path
    _file: FileIO | None = None
    _made: list[Path] = field(default_factory=list)
    _left: list[Row] = field(default_factory=list)
    _moved: bool = False

    def open(self) -> None:
        """Create the folder and the table, so that a move that follows can be written down.

        Raises:
            OSError: that is not possible.
        """
        if self._file is not None:
            return
        self._made = make_folders(self.target)
        table = self.target / LOG
        if table.exists() and not table.is_file():
            raise OSError(f"{table} is not a regular file")
        self._file = table.open("ab", buffering=0)

    @contextmanager
    def written(self, rows: Sequence[Row]) -> Iterator[None]:
        """Write down what is about to happen; where it does not, the rows go again.

        Raises:
            OSError: nothing was written.
        """
        assert self._file is not None
        before = self._file.seek(0, os.SEEK_END)
        text = _csv([_TITLES] * (not before) + [*rows])
        try:
            _write_whole(self._file, text)
            yield
        except BaseException:
            with suppress(OSError):
                if self._file.seek(0, os.SEEK_END) <= before + len(text):  # nobody wrote since
                    self._file.truncate(before)
            raise
        self._moved = True

    def leave(self, row: Row) -> None:
        """Note why a file stays."""
        self._left.append(row)

    def __enter__(self) -> "MoveLog":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is None:
            return
        with suppress(OSError):  # what was left lies where it was
            if self._moved:
                with self.written(self._left):
                    pass
        with suppress(OSError):
            empty = not self._file.seek(0, os.SEEK_END)
            self._file.close()
            if empty:
                (self.target / LOG).unlink()
        remove_empty(self._made)


def read(log: Path) -> list[Row]:
    """The rows of a table, as they were written.

    Raises:
        MissingError: it cannot be read.
        UsageError: it is no such table.
    """
    try:
        text = log.read_bytes().decode("utf-8", "surrogateescape")
        whole = text[: text.rfind("\n") + 1]  # a killed writer leaves the beginning of a row
        titles, *rows = [*csv.reader(io.StringIO(whole, newline=""))] or [[]]
    except (OSError, csv.Error) as error:
        raise MissingError(f"{log} cannot be read: {trouble(error)}", _HINT) from error
    if titles[:2] != list(_TITLES[:2]) or any(len(row) not in (2, 3) for row in rows):
        raise UsageError(f"{log} is no table of what dedup has moved", _HINT)
    return [Row(row[0], row[1], row[2] if len(row) > 2 else MOVED) for row in rows]


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", "surrogateescape")


def _write_whole(file: FileIO, text: bytes) -> None:
    if file.write(text) != len(text):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
