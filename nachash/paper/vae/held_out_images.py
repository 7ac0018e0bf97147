"""Images to learn from and images to measure on, decoded once into memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nachash.errors import TrainingError, UsageError
from nachash.records import Progress, Skipped, Source
from nachash.shapes import UInt8
from nachash.tasks.dataset import loaded_dataset, source_of
from nachash.tasks.evaluate.retrieval import split_of
from nachash.tasks.train import images as training_images

_LEAST_TRAINING_IMAGES = 2
_HELD_OUT_SHARE = 5  # at most one image in so many of a folder


@dataclass(frozen=True, slots=True)
class Divided:
    """Sources of both kinds of images; without one of its own, `test` is held out of `train`."""

    train: Source
    test: Source | None
    name: str
    rule: str
    most_test: int
    seed: int


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pixels of both kinds, and what is recorded of them."""

    train: UInt8[np.ndarray, "n 3 size size"]
    test: UInt8[np.ndarray, "m 3 size size"]
    skipped: tuple[Skipped, ...]
    description: dict[str, Any]


def divided(
    images: str | None, dataset: str | None, root: Path | None, *, most_test: int, seed: int
) -> Divided:
    """The training part and a sample of the queries of a data set, or the images of a location.

    Raises:
        UsageError: both were named, no data set has the name, or no test images are wanted.
        MissingError, NoImagesError: there are none.
    """
    if most_test < 1:
        raise UsageError(f"{most_test} test images measure nothing", "--test-images 1000")
    if images is not None:
        chosen = training_images.select_training_data(images, dataset, root, seed)
        return Divided(chosen.source, None, chosen.name, chosen.rule, most_test, seed)
    loaded = loaded_dataset(dataset or "digits", root)
    split = split_of(loaded, None, seed)
    test = np.random.default_rng(seed).permutation(split.query)[:most_test]
    rule = (
        f"training part of {loaded.default_protocol}: {split.rule}; "
        f"tested on {len(test):,} random queries"
    )
    train = source_of(loaded, split.train)
    return Divided(train, source_of(loaded, test), loaded.name, rule, most_test, seed)


def decoded(division: Divided, size: int, *, workers: int, progress: Progress) -> Pictures:
    """All of both, `size` pixels a side.

    Raises:
        NoImagesError: not a single image can be read.
        TrainingError: too few can.
    """
    found = training_images.decoded(division.train, size, workers=workers, progress=progress)
    rule, test_fingerprint = division.rule, None
    if division.test is None:
        train, test = _held_out(found.pixels, division.most_test, division.seed)
        rule = f"{rule}; {len(test):,} random ones of them held out"
        skipped = found.skipped
    else:
        other = training_images.decoded(division.test, size, workers=workers, progress=progress)
        train, test, test_fingerprint = found.pixels, other.pixels, other.fingerprint
        skipped = (*found.skipped, *other.skipped)
    if len(train) < _LEAST_TRAINING_IMAGES or not len(test):
        raise TrainingError(
            f"{len(found.pixels)} images are too few to learn from some and measure on others",
            "name a folder with more images",
        )
    description = {
        "name": division.name,
        "rule": rule,
        "images": len(train),
        "test_images": len(test),
        "skipped": len(skipped),
        "sha256": found.fingerprint,
        "test_sha256": test_fingerprint,
    }
    return Pictures(train, test, skipped, description)


def _held_out(
    pixels: UInt8[np.ndarray, "all 3 size size"], most: int, seed: int
) -> tuple[UInt8[np.ndarray, "n 3 size size"], UInt8[np.ndarray, "m 3 size size"]]:
    """Images that stay, in their order, and those held out, in random order."""
    count = min(most, max(1, len(pixels) // _HELD_OUT_SHARE))
    order = np.random.default_rng(seed).permutation(len(pixels))
    return pixels[np.sort(order[count:])], pixels[order[:count]]
