"""The ImageFolder layout: a folder per class, images in it."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from nachash.records import Labels
from nachash.shapes import Int64

_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".webp", ".tif", ".tiff")


def images_in(root: Path, folder: str) -> list[str]:
    """Names of the images directly in a folder below the root, as paths from the root, sorted."""
    with os.scandir(root / folder) as entries:
        names = [entry.name for entry in entries if _is_image(entry.name)]
    return [f"{folder}/{name}" for name in sorted(names)]


def folders_in(root: Path, folder: str) -> list[str]:
    """Names of the folders directly in a folder below the root, sorted; none if it is missing."""
    if not (root / folder).is_dir():
        return []
    with os.scandir(root / folder) as entries:
        return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))


def class_folders(root: Path, part: str) -> list[str]:
    """Paths `part/class/image` of one part (train, test, val), by class, then by name."""
    folders = folders_in(root, part)
    return [path for name in folders for path in images_in(root, f"{part}/{name}")]


def parent_names(paths: Iterable[str]) -> list[str]:
    """The name of the folder each path lies in directly: its class."""
    return [path.rsplit("/", 2)[-2] for path in paths]


def one_hot(classes: Sequence[str]) -> tuple[Labels, "Int64[np.ndarray, 'n']"]:
    """Labels of images with one class each, and each image's class as a column number."""
    names, columns = np.unique(np.asarray(classes, dtype=np.str_), return_inverse=True)
    ends = np.arange(1, len(classes) + 1, dtype=np.int64)
    labels = Labels(ends, columns.astype(np.int32), tuple(names.tolist()))
    return labels, columns.astype(np.int64)


def _is_image(name: str) -> bool:
    return name.lower().endswith(_SUFFIXES) and not name.startswith(".")
