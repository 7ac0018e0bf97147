"""`index compact`: the same index without the rows that were removed."""

from nachash.index import writer
from nachash.index.copying import copy_rows
from nachash.index.facts import facts_of
from nachash.index.reader import Index, open_index
from nachash.index.storage import naming
from nachash.results.index import Rewriting
from nachash.tasks.choose_index import chosen_index
from nachash.tasks.index.options import CompactSettings


def compact(settings: CompactSettings) -> Rewriting:
    """Rewrite an index without removed rows; ids stay, and it is replaced when all is written.

    Raises:
        DamagedError: a row cannot be read; the index is as it was.
        StorageError: another process writes it, or the disk is full; the index is as it was.
    """
    path = chosen_index(settings.index, changing=True)
    before = path.stat().st_size if path.exists() else 0
    with writer.open_for_append(path) as locked, open_index(path) as index:
        naming.require_one_name(path)
        with naming.new_file(path) as new:
            _copy(index, new)
            locked.take_over(new)
        return Rewriting(
            index=str(path),
            images=index.rows,
            dropped=index.removed,
            bytes_before=before,
            bytes_after=path.stat().st_size,
        )


def _copy(index: Index, new: naming.NewFile) -> None:
    with writer.fill(new, **facts_of(index)) as compacted:
        copy_rows(index, compacted, names=index.label_names, keep_ids=True)
        compacted.change(skipped=index.errors())
        compacted.reserve_ids(index.next_id)
        if index.calibration is not None:
            compacted.store_calibration(index.calibration)
