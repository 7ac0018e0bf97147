"""`index remove`: images that no search shall find any more; their ids are never used again."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from nachash.errors import MissingError, UsageError
from nachash.images.sources.root import names_below
from nachash.index import writer
from nachash.index.reader import Index, open_index
from nachash.index.rows import Changes
from nachash.records import Skipped
from nachash.results.index import Removal
from nachash.tasks.choose_index import chosen_index
from nachash.tasks.index.missing import Missing, missing
from nachash.tasks.index.options import RemoveSettings
from nachash.tasks.search import path_filter

MOST_UNASKED: Final = 0.25  # share of the images that --missing removes without asking

Ask = Callable[[str], bool]


def remove(settings: RemoveSettings, *, ask: Ask | None = None) -> Removal:
    """Mark rows as removed: `index restore` takes that back, `index compact` makes it final.

    Where more than a quarter of the images, or all of a folder directly below the root, are
    missing, `ask` decides; it is given a sentence. Images of which nothing is known stay.

    Raises:
        UsageError: neither paths nor `missing`, or both; or many are missing, and nobody can be
            asked.
        MissingError: a path names no image; or `missing`, and none of the images can be seen.
        StorageError: another process writes the index.
    """
    if bool(settings.paths) == settings.missing:
        raise UsageError(
            "say what to remove: paths, or --missing for files that are no longer there",
            "nachash index remove PATH...",
        )
    path = chosen_index(settings.index, changing=True)
    unknown: list[Skipped] = []
    with open_index(path) as index:
        known = index.rows
        if settings.missing:
            found = missing(index, settings.hosts)
            rows, unknown = found.rows, found.unknown
        else:
            found, rows = None, named(settings.paths, index)
        ids = index.ids()[rows]
        result = Removal(
            index=str(path),
            removed=tuple(index.paths(np.array(rows, np.int64))),
            images=known - len(rows),
            dry_run=settings.dry_run,
            unknown=tuple(unknown),
        )
    if not len(ids) or settings.dry_run:
        return result
    if found and not (settings.yes or _agreed(found, known, path, ask)):
        return Removal(str(path), (), known, unknown=tuple(unknown))
    with writer.open_for_append(path) as writing, open_index(path) as index:
        writing.change(Changes(removed=ids[np.isin(ids, index.ids())].tolist()))
    return result


def _agreed(found: Missing, known: int, path: Path, ask: Ask | None) -> bool:
    """Whether so many may go.

    Raises:
        UsageError: many would, and nobody can be asked.
    """
    share = len(found.rows) / known
    if share <= MOST_UNASKED and not found.emptied:
        return True
    many = f"{len(found.rows):,} of {known:,} images of {path} ({share:.0%}) are missing"
    if found.emptied:
        shown = ", ".join(found.emptied[:3]) + (", ..." if len(found.emptied) > 3 else "")
        many += f", with all of {shown}"
    if ask is None:
        raise UsageError(
            f"{many}; nothing was removed", "--dry-run to see them, --yes to remove them"
        )
    return ask(f"{many}. Remove them?")


def named(paths: Sequence[str], index: Index) -> list[int]:
    """Positions of images, or of all images below folders, named as in the index or from here.

    Raises:
        MissingError: a path names no image.
    """
    found: set[int] = set()
    for path in paths:
        rows = matching(path, index, partial(_live, index))
        if not rows:
            raise MissingError(
                f"{index.path} has no image {path} and none below it", "name it as the index does"
            )
        found.update(rows)
    return sorted(found)


def matching(path: str, index: Index, find: Callable[[str], Sequence[int]]) -> Sequence[int]:
    """What `find` has of a path as the user gave it, or by a name that it has below the root."""
    for name in (path.rstrip("/"), *names_below(index.root, path)):
        if rows := find(name):
            return rows
    return []


def _live(index: Index, name: str) -> list[int]:
    """The image of that path; where there is none, all below the folder."""
    if name in ("", "."):
        return []
    (image,) = index.positions_of_paths([name]).tolist()
    if image >= 0:
        return [image]
    below = [path_filter.below(paths, name) for paths in index.path_blocks()]
    return np.flatnonzero(np.concatenate([np.zeros(0, bool), *below])).tolist()
