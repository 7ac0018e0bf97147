"""Image files added to an index at once, all of them or none: `Index.add` of the Python API."""

import os
from collections.abc import Sequence
from pathlib import Path

from nachash.errors import ImageError, UsageError
from nachash.images.sources import files, folder
from nachash.images.sources.root import names_below
from nachash.images.sources.selection import below
from nachash.index import reader, writer
from nachash.library.encoder import Encoder
from nachash.tasks.encode.label_columns import numbered
from nachash.tasks.encode.place import further_labels


def add_files(
    index_path: Path, encoder: Encoder, images: str | Path | Sequence[str | Path]
) -> None:
    """Encode image files, or all below a folder, into an index.

    Raises:
        ImageError: a file is not there or cannot be decoded.
        UsageError: a file is in the index, or outside its root, or of unknown label.
        StorageError: the disk is full, or another process writes.
    """
    paths = _files(images) if isinstance(images, str | Path) else images
    with writer.open_for_append(index_path) as writing:
        with reader.open_index(index_path) as index:
            names = index.label_names
            listed = files.source(index.root, [_below(Path(p), Path(index.root)) for p in paths])
            if listed.skipped:
                raise ImageError(f"{listed.skipped[0].path}: {listed.skipped[0].reason}")
            names_there = [each.path for each in listed.references]
            present = index.positions_of_paths(names_there) >= 0
            if present.any():
                raise UsageError(
                    f"{names_there[int(present.argmax())]} is in {index_path} already",
                    "remove it first, or nachash index add, which takes what is new or changed",
                )
            labels = further_labels("auto", below(listed, ""), index)
        found = encoder.encode([os.fspath(path) for path in paths])
        if names is None:
            writing.append(found, listed.references)
            return
        numbers, new_names = numbered(labels, len(paths), names)
        if new_names:
            writing.add_label_names(new_names)
        writing.append(found, listed.references, numbers)


def _files(place: str | Path) -> list[str | Path]:
    """The images below a folder, or the one file."""
    if not Path(place).is_dir():
        return [place]
    listed = folder.source(str(place))
    if listed.skipped:
        raise ImageError(f"{listed.skipped[0].path}: {listed.skipped[0].reason}")
    return [Path(place, each.path) for each in listed.references]


def _below(path: Path, root: Path) -> str:
    names = names_below(str(root), str(path))
    if not names:
        raise UsageError(
            f"{path} does not lie below {root}, which the paths of the index are relative to",
            "create the index with another root",
        )
    return names[0]
