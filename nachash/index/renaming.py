"""An index with other paths for some of its rows; ids and all else stay."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from nachash.index import migration, writer
from nachash.index.ragged import Ragged
from nachash.index.reader import open_index
from nachash.index.row_block import RowBlock
from nachash.index.storage import naming


def rename(path: Path, names: Mapping[int, str]) -> None:
    """Give rows, by id, other paths: the index is written anew and replaced when all is written.

    Raises:
        DamagedError: a row cannot be read; the index is as it was.
        StorageError: another process writes it, or the disk is full; the index is as it was.
    """
    with writer.open_for_append(path) as locked, open_index(path) as index:
        naming.require_one_name(path)
        with naming.new_file(path) as new:
            migration.copy(index, partial(writer.fill, new), partial(_renamed, names))
            locked.take_over(new)


def _renamed(names: Mapping[int, str], block: RowBlock) -> RowBlock:
    ids = block.columns["ids"].tolist()
    if names.keys().isdisjoint(ids):
        return block
    texts = [names.get(each) or _text(block.paths, row) for row, each in enumerate(ids)]
    return RowBlock(block.columns, Ragged.of_texts(texts), block.labels)


def _text(paths: Ragged, row: int) -> str:
    return paths.row(row).tobytes().decode("utf-8", "surrogateescape")
