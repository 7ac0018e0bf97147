"""`index relocate`: the images of an index lie elsewhere now, below another mount point or name."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from nachash.errors import MissingError, UsageError
from nachash.images.sources.root import absolute, names_below
from nachash.index import writer
from nachash.index.reader import Index, open_index
from nachash.results.index import Relocation
from nachash.tasks.choose_index import chosen_index
from nachash.tasks.index.options import RelocateSettings

_LOOKED_FOR: Final = 200  # images


def relocate(settings: RelocateSettings) -> Relocation:
    """Let an index look for its images below `new`, which were below `old` before.

    Nothing is encoded; ids, labels and calibration stay.

    Raises:
        UsageError: the images were not below `old`.
        MissingError: none of them lies below `new`.
        StorageError: the index cannot be written.
    """
    path = chosen_index(settings.index, changing=True)
    with writer.open_for_append(path) as writing, open_index(path) as index:
        root = _new_root(index, settings)
        looked_for = _some_paths(index)
        found = _there(root, looked_for)
        if not found and looked_for:
            raise MissingError(
                f"none of {len(looked_for)} images of {path} is at {root}, as {looked_for[0]}",
                "name the folder that they lie in now",
            )
        writing.store_root(root)
        return Relocation(str(path), index.root, root, index.rows, len(looked_for), found)


def _new_root(index: Index, settings: RelocateSettings) -> str:
    names = names_below(settings.old.rstrip("/") or "/", index.root)
    if not names:
        raise UsageError(
            f"the images of {index.path} were below {index.root}, not {settings.old}",
            f"nachash index relocate {index.root} NEW --index {index.path}",
        )
    new = absolute(settings.new).rstrip("/") or "/"
    return new if names[0] == "." else f"{new}/{names[0]}"


def _some_paths(index: Index) -> list[str]:
    rows = np.linspace(0, index.rows - 1, min(index.rows, _LOOKED_FOR)).astype(np.int64)
    return index.paths(np.unique(rows))


def _there(root: str, paths: Sequence[str]) -> int:
    """How many images are there; those at a URL or in an archive count when the archive is."""
    if "://" in root or Path(root).is_file():
        return len(paths)
    return sum(os.path.lexists(Path(root, path)) for path in paths)
