"""What a path in an index may look like."""

import numpy as np

from nachash.index.ragged import Ragged
from nachash.shapes import Bool, Int64

_DOT, _SLASH = ord("."), ord("/")


def lawful(paths: Ragged) -> Bool[np.ndarray, "rows"]:
    """Which paths are not empty and have no NUL, as no file system has such names."""
    found = paths.ends > paths.starts
    found[_rows(paths, np.flatnonzero(paths.values == 0))] = False
    return found


def leaving(paths: Ragged) -> Bool[np.ndarray, "rows"]:
    """Which paths are absolute or have a part `..`, so that they may lead out of the root."""
    found = np.zeros(len(paths), bool)
    texts = np.flatnonzero(paths.ends > paths.starts)
    starts = paths.starts[texts]
    found[texts] = paths.values[starts] == _SLASH
    dots = paths.values == _DOT
    pairs = np.flatnonzero(dots[:-1] & dots[1:])
    rows = _rows(paths, pairs)
    begins = (pairs == paths.starts[rows]) | (paths.values[pairs - 1] == _SLASH)
    stop = np.minimum(pairs + 2, len(paths.values) - 1)
    ends = (pairs + 2 == paths.ends[rows]) | (paths.values[stop] == _SLASH)
    within = pairs + 2 <= paths.ends[rows]
    found[rows[begins & ends & within]] = True
    return found


def _rows(paths: Ragged, places: Int64[np.ndarray, "k"]) -> Int64[np.ndarray, "k"]:
    """The row to which each value belongs."""
    return np.searchsorted(paths.ends, places, side="right")
