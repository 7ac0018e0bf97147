"""`index migrate`: bring an index of an older format to the present one."""

from nachash.index import writer
from nachash.index.reader import open_index
from nachash.index.storage import layout
from nachash.tasks.choose_index import chosen_index
from nachash.tasks.index.options import MigrateSettings


def migrate(settings: MigrateSettings) -> str:
    """What was done, in a sentence.

    Raises:
        DamagedError, IncompatibleError: it is no index of a format that is known, or damaged.
        StorageError: another process writes it, or the disk is full; it is as it was.
    """
    path = chosen_index(settings.index, changing=True)
    with open_index(path) as index:
        before = index.header.version
    if before == layout.FORMAT_VERSION:
        return f"{path} has index format {before}, the newest: nothing is to be done"
    writer.open_for_append(path).close()
    return f"{path} had index format {before} and has {layout.FORMAT_VERSION} now"
