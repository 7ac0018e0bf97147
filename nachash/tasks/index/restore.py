"""`index restore`: removed images come back, as long as no `index compact` has dropped them."""

from collections.abc import Sequence
from functools import partial

from nachash.errors import MissingError
from nachash.index import writer
from nachash.index.reader import Index, open_index
from nachash.index.rows import Changes
from nachash.results.index import Restoration
from nachash.tasks.choose_index import chosen_index
from nachash.tasks.index.options import RestoreSettings
from nachash.tasks.index.remove import matching


def restore(settings: RestoreSettings) -> Restoration:
    """Give removed images their old rows back, with ids, codes and labels.

    A row whose image is in the index again stays removed; of several rows of one image the
    newest comes back.

    Raises:
        MissingError: a path names no removed image.
        StorageError: another process writes the index.
    """
    path = chosen_index(settings.index, changing=True)
    with writer.open_for_append(path) as writing, open_index(path) as index:
        newest = {path: identifier for identifier, path in index.removed_images().items()}
        present = index.positions_of_paths(list(newest)) >= 0
        absent = [path for path, there in zip(newest, present.tolist(), strict=True) if not there]
        paths = _chosen(settings.paths, index, absent)
        if paths and not settings.dry_run:
            writing.change(Changes(restored=[newest[each] for each in paths]))
        return Restoration(str(path), tuple(paths), index.rows + len(paths), settings.dry_run)


def _chosen(wanted: Sequence[str], index: Index, removed: Sequence[str]) -> list[str]:
    if not wanted:
        return list(removed)
    rows: set[int] = set()
    for path in wanted:
        found = matching(path, index, partial(_among, removed))
        if not found:
            raise MissingError(
                f"no image {path} was removed from {index.path} since it was compacted",
                "nachash index restore --dry-run",
            )
        rows.update(found)
    return [removed[row] for row in sorted(rows)]


def _among(paths: Sequence[str], name: str) -> list[int]:
    """Places of an image among paths, or of all below a folder."""
    folder = f"{name}/"
    return [
        place
        for place, path in enumerate(paths)
        if name and (path == name or path.startswith(folder))
    ]
