"""Which of many paths lie below a folder or fit a pattern: compared as bytes, some at a time.

Ten million paths as Python strings take more than 1 GB.
"""

import fnmatch
import re
from collections.abc import Iterable
from typing import Final

import numpy as np

from nachash.index.ragged import Ragged
from nachash.shapes import Bool, Int64

_AT_ONCE: Final = 1 << 18  # paths
_SLASH: Final = ord("/")


def below(paths: Ragged, folder: str) -> Bool[np.ndarray, "n"]:
    """Paths that are `folder` or lie below it; all of them for `.`."""
    if folder == ".":
        return np.ones(len(paths), bool)
    return _joined(_below(block, _encoded(folder)) for block in paths.blocks(_AT_ONCE))


def fitting(paths: Ragged, pattern: str) -> Bool[np.ndarray, "n"]:
    """Paths that a pattern of a shell fits, whose `*` also stands for slashes."""
    match = re.compile(fnmatch.translate(pattern)).match
    prefix = _encoded(re.split(r"[*?\[]", pattern, maxsplit=1)[0])

    def fits(block: Ragged) -> Bool[np.ndarray, "some"]:
        found = np.zeros(len(block), bool)
        for row in _beginning(block, prefix).tolist():
            text = block.row(row).tobytes().decode("utf-8", "surrogateescape")
            found[row] = match(text) is not None
        return found

    return _joined(map(fits, paths.blocks(_AT_ONCE)))


def _below(paths: Ragged, folder: bytes) -> Bool[np.ndarray, "some"]:
    rows = _beginning(paths, folder)
    behind = paths.starts[rows] + len(folder)
    longer = behind < paths.ends[rows]
    found = np.zeros(len(paths), bool)
    found[rows[~longer]] = True
    found[rows[longer]] = paths.values[behind[longer]] == _SLASH
    return found


def _beginning(paths: Ragged, prefix: bytes) -> Int64[np.ndarray, "rows"]:
    """Rows that begin with some bytes."""
    starts = paths.starts
    rows = np.flatnonzero(paths.ends - starts >= len(prefix))
    # The last bytes of a folder differ more often than the first.
    for place in reversed(range(len(prefix))):
        rows = rows[paths.values[starts[rows] + place] == prefix[place]]
    return rows


def _joined(found: Iterable[Bool[np.ndarray, "some"]]) -> Bool[np.ndarray, "n"]:
    return np.concatenate([np.zeros(0, bool), *found])


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
