"""The 20,015 images of MIRFLICKR-25K on which SSDH and DistillHash report.

The rule comes from cross-modal hashing (Jiang and Li, Deep Cross-Modal Hashing, CVPR 2017): an
image stays when it has at least one of the 24 labels and at least one of the 1,386 tags that 20
or more images have (`mirflickr/doc/common_tags.txt`). The authors published no list, so the
count is checked; a list of one's own, `20015.txt`, goes first.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nachash.datasets._flickr_files import IMAGES, number_of
from nachash.errors import DamagedError, MissingError
from nachash.shapes import Int64

SIZE = 20_015
LIST = "20015.txt"
COMMON_TAGS = f"{IMAGES}/doc/common_tags.txt"
TAGS = f"{IMAGES}/meta/tags"
LEAST_USES = 20


def subset(root: Path, paths: Sequence[str], labelled: Sequence[bool]) -> "Int64[np.ndarray, 'n']":
    """Positions of the 20,015 images.

    Raises:
        MissingError: there is neither a list nor the tags.
        DamagedError: the images found are not 20,015.
    """
    if (root / LIST).is_file():
        origin, numbers = root / LIST, _in_list(root / LIST)
        chosen = [number_of(path) in numbers for path in paths]
    elif (root / COMMON_TAGS).is_file() and (root / TAGS).is_dir():
        origin, numbers = root / TAGS, tagged(root)
        chosen = [number_of(p) in numbers and has for p, has in zip(paths, labelled, strict=True)]
    else:
        raise MissingError(
            f"the subset of 20,015 images needs {root / COMMON_TAGS} and {root / TAGS}, "
            f"or a list of its images, {root / LIST}",
            "unpack all of mirflickr25k.zip, or use --protocol 25000",
        )
    if sum(chosen) != SIZE:
        raise DamagedError(
            f"{origin} selects {sum(chosen)} of {len(paths)} images instead of {SIZE}",
            "check that the copy is complete, or use --protocol 25000",
        )
    return np.flatnonzero(chosen).astype(np.int64)


def tagged(root: Path) -> set[int]:
    """Numbers of the images with at least one tag that 20 or more images have."""
    lines = (root / COMMON_TAGS).read_text(encoding="utf-8", errors="replace").splitlines()
    uses = (line.split() for line in lines if line.strip())
    common = {tag for tag, count in uses if int(count) >= LEAST_USES}
    files = (root / TAGS).glob("tags*.txt")
    return {number_of(file.name) for file in files if common & _words(file)}


def _words(file: Path) -> set[str]:
    return set(file.read_text(encoding="utf-8", errors="replace").split())


def _in_list(file: Path) -> set[int]:
    """Numbers in a list with an image's path or number, and perhaps its labels, on each line."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return {number_of(line.split()[0]) for line in lines if line.strip()}
