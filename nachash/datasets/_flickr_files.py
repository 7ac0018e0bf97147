"""The files of MIRFLICKR-25K: images by number, a text of numbers for each label."""

import csv
import re
from collections import defaultdict
from pathlib import Path, PurePosixPath

from nachash.datasets._image_folder import images_in
from nachash.errors import DamagedError

IMAGES = "mirflickr"
ANNOTATIONS = "mirflickr25k_annotations_v080"
LABELS = "labels.csv"


def number_of(path: str) -> int:
    """The number of an image, 17 for `mirflickr/im17.jpg`; -1 where its name has none."""
    digits = re.findall(r"\d+", PurePosixPath(path).stem)
    return int(digits[-1]) if digits else -1


def annotated(root: Path) -> tuple[list[str], list[set[str]]]:
    """Paths of the official images by number, and the names of each one's labels.

    Raises:
        DamagedError: an annotation file holds something else than numbers of images.
    """
    paths = sorted(images_in(root, IMAGES), key=number_of)
    labels: dict[int, set[str]] = defaultdict(set)
    for file in sorted((root / ANNOTATIONS).glob("*.txt")):
        if not file.name.lower().startswith("readme"):
            for number in _numbers(file):
                labels[number].add(file.stem)
    return paths, [labels[number_of(path)] for path in paths]


def from_csv(root: Path) -> tuple[list[str], list[set[str]]]:
    """Paths and labels in `labels.csv`, by number and then by path, as the official order is.

    Raises:
        DamagedError: a row is not path,label, or names an image that is not there.
    """
    labels: dict[str, set[str]] = {}
    with (root / LABELS).open(encoding="utf-8-sig", newline="") as text:
        for line, row in enumerate(csv.reader(text), start=1):
            if not row or row == ["path", "label"]:
                continue
            if len(row) != 2 or not (root / row[0]).is_file():
                raise DamagedError(
                    f"{root / LABELS}, line {line}: '{','.join(row)}' is no image with labels",
                    "write path,label;label with paths relative to the file",
                )
            labels.setdefault(row[0], set()).update(filter(None, row[1].split(";")))
    paths = sorted(labels, key=lambda path: (number_of(path), path))
    return paths, [labels[path] for path in paths]


def _numbers(file: Path) -> list[int]:
    try:
        return [int(word) for word in file.read_text(encoding="ascii").split()]
    except ValueError as error:
        raise DamagedError(
            f"{file} is not a list of image numbers: {error}", "unpack the annotations again"
        ) from error
