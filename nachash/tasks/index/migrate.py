"""`index migrate`: bring an index of an older format to the present one."""

from dataclasses import dataclass
from pathlib import Path

from nachash.index.reader import open_index
from nachash.index.storage import layout
from nachash.tasks.choose_index import Choice, chosen_index, untold


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrateSettings:
    """What `index migrate` needs to know."""

    index: Path | None = None


def migrate(settings: MigrateSettings, *, choice: Choice = untold) -> str:
    """What was done, in a sentence; there has been one format so far, so it is nothing.

    Raises:
        DamagedError, IncompatibleError: it is no index of a format that is known.
    """
    path = chosen_index(settings.index, choice, changing=True)
    open_index(path).close()
    return f"{path} has index format {layout.FORMAT_VERSION}, the newest: nothing is to be done"
