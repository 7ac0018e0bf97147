"""`index migrate`: bring an index of an older format to the present one."""

from dataclasses import dataclass
from pathlib import Path

from nachash.index import writer
from nachash.index.reader import open_index
from nachash.index.storage import layout
from nachash.tasks.choose_index import Choice, chosen_index, untold


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrateSettings:
    """What `index migrate` needs to know."""

    index: Path | None = None


def migrate(settings: MigrateSettings, *, choice: Choice = untold) -> str:
    """What was done, in a sentence.

    Raises:
        DamagedError, IncompatibleError: it is no index of a format that is known, or damaged.
        StorageError: another process writes it, or the disk is full; it is as it was.
    """
    path = chosen_index(settings.index, choice, changing=True)
    with open_index(path) as index:
        before = index.header.version
    if before == layout.FORMAT_VERSION:
        return f"{path} has index format {before}, the newest: nothing is to be done"
    writer.open_for_append(path).close()
    return f"{path} had index format {before} and has {layout.FORMAT_VERSION} now"
