"""CIFAR-10, 60,000 images of 32 x 32 pixels in ten classes.

Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009. Read from
`cifar-10-batches-py`, `cifar-10-batches-bin`, or folders `train/CLASS` and `test/CLASS`.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from nachash.datasets import Archive, DataSet, default_root
from nachash.datasets._cifar_batches import batches
from nachash.datasets._image_folder import class_folders, one_hot, parent_names
from nachash.datasets._sampling import drawn_per_class, generator, others
from nachash.errors import MissingError
from nachash.records import Split
from nachash.shapes import Int64, UInt8

ARCHIVES = (
    Archive(
        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        "c58f30108f718f92721af3b95e74349a",
        170_498_071,
    ),
)
CLASSIFICATION = "I"
QUERIES_PER_CLASS = 1_000
SMALL_QUERIES_PER_CLASS = 100
TRAINING_PER_CLASS = 500


def split_one(parts: Sequence[str], seed: int) -> Split:
    """Protocol I: the official test images query the official training images.

    As in GreedyHash, and in the "CIFAR-10 (I)" of Bi-half and MeCoQ; nothing is random.
    """
    query = np.array([at for at, part in enumerate(parts) if part == "test"], np.int64)
    gallery = others(len(parts), query)
    rule = "queries: the official test images; gallery and training: the official training images"
    return Split(query, gallery, gallery, rule, seed)


def split_small(classes: "Int64[np.ndarray, 'n']", seed: int) -> Split:
    """Protocol I-1000: 100 queries per class of all 60,000, the rest gallery, 500 a class train.

    The "CIFAR-10 (I)" of SDC and of the papers that it compares with, which cut at 1,000.
    """
    rule = (
        "100 random queries per class of all images; gallery: the rest; "
        "training: 500 random images per class of the gallery"
    )
    return _split_of_all(classes, seed, SMALL_QUERIES_PER_CLASS, rule)


def split_two(classes: "Int64[np.ndarray, 'n']", seed: int) -> Split:
    """Protocol II: 1,000 queries per class of all 60,000, the rest gallery, 500 a class train.

    As in Neural Activation Coding, DistillHash and CIMON.
    """
    rule = (
        "1,000 random queries per class of all images; gallery: the rest; "
        "training: 500 random images per class of the gallery"
    )
    return _split_of_all(classes, seed, QUERIES_PER_CLASS, rule)


def _split_of_all(
    classes: "Int64[np.ndarray, 'n']", seed: int, queries_per_class: int, rule: str
) -> Split:
    random = generator(seed)
    query = drawn_per_class(np.arange(len(classes)), classes, queries_per_class, random)
    gallery = others(len(classes), query)
    train = drawn_per_class(gallery, classes, TRAINING_PER_CLASS, random)
    return Split(query, gallery, train, rule, seed)


def split_validation(classes: "Int64[np.ndarray, 'n']", seed: int) -> Split:
    """Protocol II-validation: what protocol II of the same seed leaves for choosing settings.

    Its training part is that of II; no query is a query of II or in training.
    """
    two = split_two(classes, seed)
    unseen = np.setdiff1d(two.gallery, two.train, assume_unique=True)
    query = drawn_per_class(unseen, classes, QUERIES_PER_CLASS, generator(seed + 1))
    gallery = np.setdiff1d(two.gallery, query, assume_unique=True)
    rule = (
        "the gallery and the training part of II; queries: 1,000 random images per class of the "
        "gallery outside the training part; gallery: the rest of it"
    )
    return Split(query, gallery, two.train, rule, seed)


def load(*, root: Path | None = None) -> DataSet:
    """CIFAR-10 from a local copy; pixels from the official batches, paths from folders.

    Raises:
        MissingError: none of the three layouts is below `root`.
        DamagedError: an official batch cannot be read.
    """
    root = default_root("cifar10") if root is None else root
    for folder in (root / "cifar-10-batches-py", root / "cifar-10-batches-bin", root):
        if (folder / "test_batch").exists() or (folder / "test_batch.bin").exists():
            pixels, names, classes = batches(folder)
            return _data_set("", names, classes, pixels)
    paths = class_folders(root, "train") + class_folders(root, "test")
    if not paths:
        raise MissingError(
            f"CIFAR-10 is not in {root}: looked for cifar-10-batches-py, cifar-10-batches-bin, "
            "and train/CLASS and test/CLASS",
            "unpack cifar-10-python.tar.gz there, or name its folder with --data-root",
        )
    return _data_set(str(root), paths, parent_names(paths), None)


def _data_set(
    root: str,
    paths: Sequence[str],
    class_names: Sequence[str],
    pixels: "UInt8[np.ndarray, 'n height width 3'] | None",
) -> DataSet:
    labels, classes = one_hot(class_names)
    parts = [path.split("/", 1)[0] for path in paths]
    protocols: Mapping[str, Callable[[int], Split]] = {
        "I": lambda seed: split_one(parts, seed),
        "I-1000": lambda seed: split_small(classes, seed),
        "II": lambda seed: split_two(classes, seed),
        "II-validation": lambda seed: split_validation(classes, seed),
    }
    return DataSet("cifar10", root, tuple(paths), labels, pixels, protocols, "II", "cifar")
