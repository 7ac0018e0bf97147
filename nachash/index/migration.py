"""An index of an older format as one of the present format, in another file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from nachash.errors import DamagedError, StorageError
from nachash.index.facts import facts_of
from nachash.index.reader import Index, open_index
from nachash.index.row_block import RowBlock
from nachash.index.verification import problems

_BLOCK: Final = 1 << 17


def rewrite(path: Path, fill: Callable[..., Any]) -> None:
    """Copy all rows, also removed ones, to the writer that `fill` makes of what the index is.

    What format 1 cannot prove is taken as it is, and from now on proven to be unchanged.

    Raises:
        DamagedError: something is wrong in the index.
        StorageError: the disk is full, or refuses to be read for a moment.
    """
    if (problem := next(problems(path), None)) is not None:
        if next(problems(path), None) != problem:  # the system refused to read for a moment
            raise StorageError(f"{path} could not be read: {problem.what}", "try it again")
        raise DamagedError(
            f"{path} is damaged, so it is not brought to the present format: "
            f"{problem.part}: {problem.what}",
            f"nachash index repair --index {path}",
        )
    with open_index(path) as index:
        copy(index, fill)


def _as_it_is(block: RowBlock) -> RowBlock:
    return block


def copy(
    index: Index, fill: Callable[..., Any], changed: Callable[[RowBlock], RowBlock] = _as_it_is
) -> None:
    """Copy all rows, also removed ones, and everything else; `changed` may change the rows."""
    with fill(**facts_of(index)) as new:
        for start in range(0, index.header.committed, _BLOCK):
            stop = min(start + _BLOCK, index.header.committed)
            new.append_block(changed(index.block(start, stop)))
        new.change(skipped=index.errors())
        new.reserve_ids(index.next_id)
        if index.calibration is not None:
            new.store_calibration(index.calibration)
