"""`index remove`: images that no search shall find any more; their ids are never used again."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nachash.errors import MissingError, UsageError
from nachash.images.sources import location
from nachash.index import writer
from nachash.index.reader import Index, open_index
from nachash.index.rows import Changes
from nachash.results.index import Removal
from nachash.tasks.choose_index import Choice, chosen_index, untold
from nachash.tasks.root import absolute


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveSettings:
    """What `index remove` needs to know; a path is an image or a folder."""

    paths: tuple[str, ...] = ()
    missing: bool = False
    index: Path | None = None


def remove(settings: RemoveSettings, *, choice: Choice = untold) -> Removal:
    """Mark rows as removed; `index compact` gives their room back.

    Raises:
        UsageError: neither paths nor `missing`, or both.
        MissingError: a path names no image; or `missing`, and the whole root is not there.
        StorageError: another process writes the index.
    """
    if bool(settings.paths) == settings.missing:
        raise UsageError(
            "say what to remove: paths, or --missing for files that are no longer there",
            "nachash index remove PATH...",
        )
    path = chosen_index(settings.index, choice, changing=True)
    with writer.open_for_append(path) as writing, open_index(path) as index:
        known = index.all_paths()
        rows = _missing(index, known) if settings.missing else named(settings.paths, index, known)
        if len(rows):
            writing.change(Changes(removed=index.ids()[rows].tolist()))
        return Removal(str(path), tuple(known[row] for row in rows), index.rows - len(rows))


def named(paths: Sequence[str], index: Index, known: Sequence[str]) -> list[int]:
    """Rows of images, or of all images below folders, named as in the index or from here.

    Raises:
        MissingError: a path names no image.
    """
    found: set[int] = set()
    for path in paths:
        rows = _matching(path.rstrip("/"), known) or _matching(_below_root(path, index), known)
        if not rows:
            raise MissingError(
                f"{index.path} has no image {path} and none below it", "name it as the index does"
            )
        found.update(rows)
    return sorted(found)


def _matching(path: str, known: Sequence[str]) -> list[int]:
    folder = f"{path}/"
    return [
        row for row, name in enumerate(known) if path and (name == path or name.startswith(folder))
    ]


def _below_root(path: str, index: Index) -> str:
    """A path from here as one relative to the index's root; empty when it does not lie there."""
    full, root = Path(absolute(path)), absolute(index.root)
    return full.relative_to(root).as_posix() if full.is_relative_to(root) else ""


def _missing(index: Index, known: Sequence[str]) -> list[int]:
    root = index.root
    if "://" not in root and not os.path.exists(root):  # noqa: PTH110 (bytes kept)
        raise MissingError(
            f"the whole folder {root} is not there, so nothing is removed",
            "mount or move it back; or name what to remove",
        )
    if Path(root).is_dir():
        gone = [not os.path.lexists(os.path.join(root, path)) for path in known]  # noqa: PTH118
        return np.flatnonzero(gone).tolist()
    source = location.source(root, sys.stdin)
    present = {each.path for each in source.references} | {each.path for each in source.skipped}
    return [row for row, path in enumerate(known) if path not in present]
