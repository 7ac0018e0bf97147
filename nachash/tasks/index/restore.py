"""`index restore`: removed images come back, as long as no `index compact` has dropped them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nachash.errors import MissingError
from nachash.index import writer
from nachash.index.reader import Index, open_index
from nachash.index.rows import Changes
from nachash.results.index import Restoration
from nachash.tasks.choose_index import Choice, chosen_index, untold
from nachash.tasks.index.remove import matching


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreSettings:
    """What `index restore` needs to know; a path is an image or a folder, none means all."""

    paths: tuple[str, ...] = ()
    index: Path | None = None
    dry_run: bool = False


def restore(settings: RestoreSettings, *, choice: Choice = untold) -> Restoration:
    """Give removed images their old rows back, with ids, codes and labels.

    A row whose image is in the index again stays removed; of several rows of one image the
    newest comes back.

    Raises:
        MissingError: a path names no removed image.
        StorageError: another process writes the index.
    """
    path = chosen_index(settings.index, choice, changing=True)
    with writer.open_for_append(path) as writing, open_index(path) as index:
        known = set(index.all_paths())
        newest = {path: row for row, path in index.removed_images().items() if path not in known}
        paths = _chosen(settings.paths, index, list(newest))
        if paths and not settings.dry_run:
            writing.change(Changes(restored=[newest[each] for each in paths]))
        return Restoration(str(path), tuple(paths), index.rows + len(paths), settings.dry_run)


def _chosen(wanted: Sequence[str], index: Index, removed: Sequence[str]) -> list[str]:
    if not wanted:
        return list(removed)
    rows: set[int] = set()
    for path in wanted:
        found = matching(path, index, removed)
        if not found:
            raise MissingError(
                f"no image {path} was removed from {index.path} since it was compacted",
                "nachash index restore --dry-run",
            )
        rows.update(found)
    return [removed[row] for row in sorted(rows)]
