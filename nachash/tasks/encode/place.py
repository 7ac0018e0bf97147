"""Where images stand below the root of an index, and which labels they get there."""

import logging
import posixpath
from pathlib import Path

from nachash.errors import UsageError
from nachash.images.sources.labels import csv_labels, csv_rows, folder_labels, unmatched
from nachash.images.sources.root import names_below
from nachash.images.sources.selection import FileSource, LabelledSource, Selection, below
from nachash.index.reader import Index
from nachash.records import Labels
from nachash.tasks.encode.label_folders import are_folders

_log = logging.getLogger(__name__)


def placed(source: FileSource, index: Index) -> Selection:
    """The images of a source under the paths that they have in an index.

    Raises:
        UsageError: they do not lie below the index's root.
    """
    names = names_below(index.root, source.root)
    if "." in names:
        return below(source, "")
    if names and Path(source.root).is_dir():
        return below(source, names[-1])
    raise UsageError(
        f"{source.root} does not lie below {index.root}, where the images of {index.path} are",
        f"nachash encode {source.root} B.h5, then nachash index merge {index.path} B.h5 OUT.h5; "
        "or, where the images have moved, nachash index relocate OLD NEW",
    )


def first_labels(wanted: str, source: FileSource) -> Labels | None:
    """Labels for a new index: `auto`, `folder`, `none` or a CSV file.

    Raises:
        UsageError: there are no such labels.
    """
    paths = [reference.path for reference in source.references]
    if wanted == "none":
        return None
    if wanted not in ("auto", "folder"):
        return csv_labels(Path(wanted), paths)
    if wanted == "auto" and isinstance(source, LabelledSource) and source.labels:
        return Labels.of([_own_labels(source, path) for path in paths])
    labels = folder_labels(paths)
    if labels is None and wanted == "folder":
        raise UsageError(
            f"--labels folder: not every image of {source.root} lies in a folder below it",
            "--labels none, or a table: --labels labels.csv",
        )
    return labels


def further_labels(wanted: str, source: Selection, index: Index) -> Labels | None:
    """Labels for images that come into an index; an image in no folder gets none there.

    Raises:
        UsageError: the index has no labels, or `auto` cannot tell where they come from.
    """
    paths = [reference.path for reference in source.references]
    if index.label_names is None:
        if wanted in ("auto", "none"):
            return None
        raise UsageError(
            f"{index.path} has no labels, so further images cannot have any",
            "--labels none, or encode all images again into another file",
        )
    if wanted == "none":
        return None
    inner = source.source
    if wanted == "auto" and isinstance(inner, LabelledSource) and inner.labels:
        return Labels.of([_own_labels(inner, path) for path in paths])
    if wanted == "folder" or (wanted == "auto" and are_folders(index.label_names, index)):
        return Labels.of([_top(path) for path in paths])
    if wanted == "auto":
        raise UsageError(
            f"the labels of {index.path} are not the names of its folders",
            "--labels labels.csv, or --labels none to add images without labels",
        )
    return csv_labels(Path(wanted), paths)


def rows_without_image(wanted: str, source: FileSource, index: Index) -> int:
    """How many rows of a table of labels name neither an image of a source nor of an index."""
    if wanted in ("auto", "folder", "none"):
        return 0
    rows = [*csv_rows(Path(wanted))]
    indexed = index.positions_of_paths(rows)
    present = {row for row, place in zip(rows, indexed.tolist(), strict=True) if place >= 0}
    present.update(each.path for each in source.references)
    present.update(each.path for each in source.skipped)
    count, told = unmatched(rows, present)
    if count:
        _log.warning("%s: %s", wanted, told)
    return count


def _own_labels(source: LabelledSource, path: str) -> set[str]:
    return {source.labels.get(path, "")} - {""}


def _top(path: str) -> set[str]:
    first, separator, _ = path.partition("/")
    return {first} if separator and first and not posixpath.isabs(path) else set()
