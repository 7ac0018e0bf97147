"""Handwritten digits, 1,797 images of 8 x 8 pixels; bundled with scikit-learn.

Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
Repository, 1998 (the test set). 16 grey levels; enlarged four times here, without smoothing.
"""

from pathlib import Path

import numpy as np

from nachash.datasets import Archive, DataSet
from nachash.datasets._image_folder import one_hot
from nachash.datasets._sampling import drawn_per_class, generator, others
from nachash.records import Split
from nachash.shapes import Int64

ARCHIVES: tuple[Archive, ...] = ()
CLASSIFICATION = "50-per-class"
QUERIES_PER_CLASS = 50
ENLARGEMENT = 4


def split(classes: "Int64[np.ndarray, 'n']", seed: int) -> Split:
    """50 random queries of each digit; all others are gallery and training set."""
    every = np.arange(len(classes))
    query = drawn_per_class(every, classes, QUERIES_PER_CLASS, generator(seed))
    gallery = others(len(classes), query)
    rule = "50 random queries per digit; gallery and training: all others"
    return Split(query, gallery, gallery, rule, seed)


def load(*, root: Path | None = None) -> DataSet:
    """The digits as RGB pixels, 32 x 32; `root` is not looked at, since scikit-learn has them."""
    del root
    from sklearn.datasets import load_digits

    bundled = load_digits()
    grey = np.rint(bundled.images * (255 / 16)).astype(np.uint8)
    enlarged = grey.repeat(ENLARGEMENT, axis=1).repeat(ENLARGEMENT, axis=2)
    labels, classes = one_hot([str(digit) for digit in bundled.target])
    return DataSet(
        name="digits",
        root="",
        paths=tuple(f"{digit}/{row:04d}.png" for row, digit in enumerate(bundled.target)),
        labels=labels,
        pixels=enlarged[..., None].repeat(3, axis=3),
        protocols={"50-per-class": lambda seed: split(classes, seed)},
        default_protocol="50-per-class",
        augment="digits",
    )
