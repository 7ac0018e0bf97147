"""Wrote index-1.h5.gz and index-2.h5.gz (packed), each once, when its format was new.

python tests/index/golden/write.py tests/index/golden/index-2.h5
"""

import sys
from pathlib import Path

import numpy as np

from nachash.index import writer
from nachash.index.rows import Changes
from nachash.records import Preprocessing, Reference, Skipped

CODES = (np.arange(21, dtype=np.uint8).reshape(7, 3) * 11) & np.array([255, 255, 240], np.uint8)
NAMES = [f"{'cat' if row % 2 else 'dog'}/{row}.jpg" for row in range(6)] + ["übung/\udcff.png"]
LABELS = np.array([[row % 2, 1 - row % 2, 0] for row in range(6)] + [[1, 0, 1]], np.uint8)


def main(path: Path) -> None:
    """Three batches, a removed row, an error, digests."""
    references = [Reference(name, 100 + row, 10**18 + row) for row, name in enumerate(NAMES)]
    digests = np.arange(112, dtype=np.uint8).reshape(7, 16)
    with writer.create(
        path,
        bits=20,
        preprocessing=Preprocessing(28, "bilinear", 0),
        encoder=b"not a graph, but bytes",
        model={"backbone": "small", "seed": 7},
        root="/photos",
        label_names=("cat", "dog"),
    ) as index:
        skipped = [Skipped("bad.jpg", "truncated")]
        index.append(CODES[:3], references[:3], LABELS[:3, :2], skipped)
        index.append(CODES[3:6], references[3:6], LABELS[3:6, :2])
        index.add_label_names(["exercise"])
        changes = Changes(removed=[1], digests=digests[6:])
        index.append(CODES[6:], references[6:], LABELS[6:], changes=changes)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
