"""MIRFLICKR-25K, 25,000 photographs with up to 24 labels each (38 with the strict ones).

Source: M. J. Huiskes, M. S. Lew, The MIR Flickr Retrieval Evaluation, MIR 2008. Read from
`mirflickr` (im1.jpg ...) with `mirflickr25k_annotations_v080` beside it, or from any folders of
images with a `labels.csv` (path,label;label) beside them. Files of strict labels (`*_r1.txt`)
are read where they are; each is a subset of its namesake, so they never change what is relevant.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from nachash.datasets import Archive, DataSet, default_root
from nachash.datasets._flickr_files import ANNOTATIONS, IMAGES, LABELS, annotated, from_csv
from nachash.datasets._flickr_subset import subset
from nachash.datasets._sampling import drawn, generator
from nachash.errors import MissingError, UsageError
from nachash.records import Labels, Split
from nachash.shapes import Int64

ARCHIVES = (
    Archive(
        "http://press.liacs.nl/mirflickr/mirflickr25k.v3b/mirflickr25k.zip",
        "a23d0a8564ee84cda5622a6c2f947785",
        3_069_184_257,
    ),
    Archive(
        "http://press.liacs.nl/mirflickr/mirflickr25k.v3b/mirflickr25k_annotations_v080.zip",
        "aa0138c79892b1b670184d142380948f",
        207_220,
        ANNOTATIONS,
    ),
)
CLASSIFICATION = None
SIZE = 25_000
QUERIES = 2_000
TRAINING = 5_000
SUBSET_TRAINING = 10_000


def split(positions: "Int64[np.ndarray, 'n']", training: int, rule: str, seed: int) -> Split:
    """2,000 random queries of the positions, the rest gallery, `training` random of the gallery."""
    random = generator(seed)
    query = drawn(positions, QUERIES, random)
    gallery = np.setdiff1d(positions, query, assume_unique=True)
    return Split(query, gallery, drawn(gallery, training, random), rule, seed)


def split_all(count: int, seed: int) -> Split:
    """Protocol 25000: all images; 2,000 query 23,000, of which 5,000 train.

    As in Neural Activation Coding and Bi-half Net.

    Raises:
        UsageError: the copy has not 25,000 images.
    """
    if count != SIZE:
        raise UsageError(f"the protocol 25000 is for {SIZE} images, but the copy has {count}")
    rule = "2,000 random queries of all images; gallery: the rest; training: 5,000 random of it"
    return split(np.arange(count), TRAINING, rule, seed)


def split_subset(positions: "Int64[np.ndarray, 'n']", seed: int) -> Split:
    """Protocol 20015: images with a label and a common tag; 2,000 query 18,015, 10,000 train.

    As in SSDH and DistillHash, whose own lists of queries were drawn once; here by the seed.
    """
    rule = (
        "of the 20,015 images with a label and a tag that 20 images have: 2,000 random queries; "
        "gallery: the rest; training: 10,000 random of it"
    )
    return split(positions, SUBSET_TRAINING, rule, seed)


def load(*, root: Path | None = None) -> DataSet:
    """MIRFLICKR-25K from a local copy, images by number.

    Raises:
        MissingError: neither of the two layouts is below `root`.
        DamagedError: a file of labels cannot be read.
    """
    root = default_root("flickr25k") if root is None else root
    if (root / IMAGES).is_dir() and (root / ANNOTATIONS).is_dir():
        paths, labels = annotated(root)
    elif (root / LABELS).is_file():
        paths, labels = from_csv(root)
    else:
        raise MissingError(
            f"MIRFLICKR-25K is not in {root}: looked for {IMAGES} with {ANNOTATIONS}, "
            f"and for {LABELS} (path,label;label)",
            "unpack mirflickr25k.zip and mirflickr25k_annotations_v080.zip there, "
            "or name its folder with --data-root",
        )
    labelled = [bool(names) for names in labels]
    protocols: Mapping[str, Callable[[int], Split]] = {
        "25000": lambda seed: split_all(len(paths), seed),
        "20015": lambda seed: split_subset(subset(root, paths, labelled), seed),
    }
    return DataSet(
        "flickr25k", str(root), tuple(paths), Labels.of(labels), None, protocols, "25000", "photo"
    )
