"""Training and test images with one class each: of a data set by name, or of folders."""

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from nachash import plugins
from nachash.datasets import DataSet
from nachash.errors import UsageError
from nachash.images.sources import location
from nachash.images.sources.sample import Sample
from nachash.model_config import ModelConfig
from nachash.probes import stratified
from nachash.records import Labels, Source
from nachash.shapes import Int64
from nachash.tasks.dataset import loaded_dataset, source_of
from nachash.tasks.encode.place import first_labels
from nachash.tasks.evaluate.retrieval import split_of
from nachash.tasks.evaluate.trained_on import seen

TEST_SHARE: Final = 0.2
_SPLIT: Final = 0


@dataclass(frozen=True, slots=True)
class Classified:
    """Images and the number of each one's class."""

    source: Source
    classes: Int64[np.ndarray, "n"]

    def at(self, positions: Int64[np.ndarray, "some"]) -> "Classified":
        """Some of the images, in the order given, and what could not be listed."""
        references = tuple(self.source.references[int(position)] for position in positions)
        left_out = tuple(self.source.skipped)
        return Classified(Sample(self.source, references, left_out), self.classes[positions])


@dataclass(frozen=True, slots=True)
class Classification:
    """What is learned from which images, and on which others it is tested.

    `complete`: every image must be readable, since a published split allows no gap. `data` and
    `tested` (positions in it) are there where a data set was named.
    """

    name: str
    rule: str
    names: tuple[str, ...]
    train: Classified
    test: Classified
    complete: bool
    data: DataSet | None = None
    tested: "Int64[np.ndarray, 'test'] | None" = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of paths, sizes and classes, training images before test images."""
        digest = hashlib.sha256()
        for part in (self.train, self.test):
            for reference, number in zip(part.source.references, part.classes, strict=True):
                line = f"{reference.path} {reference.size} {self.names[number]}\n"
                digest.update(line.encode(errors="surrogateescape"))
            digest.update(b"\n")
        return digest.hexdigest()

    def seen(self, config: ModelConfig) -> int | None:
        """How many of the test images a model was trained on; None where nobody can tell."""
        if self.data is None or self.tested is None:
            return None
        return seen(config, self.data, self.tested)


def of_dataset(name: str, root: Path | None, seed: int) -> Classification:
    """A data set under its usual split for classification.

    Raises:
        UsageError: there is no such data set, or its images have several labels each.
        MissingError: it is not there.
    """
    protocol = plugins.load("datasets", name).CLASSIFICATION
    if protocol is None:
        raise UsageError(
            f"the images of {name} have several labels each, and classification needs one",
            f"nachash eval-map --dataset {name} measures retrieval on it",
        )
    data = loaded_dataset(name, root)
    split = split_of(data, protocol, seed)
    classes = _one_each(data.labels, name)

    def part(positions: Int64[np.ndarray, "n"]) -> Classified:
        return Classified(source_of(data, positions), classes[positions])

    return Classification(
        name=name,
        rule=f"{name} {protocol}, gallery to learn from, queries to test ({split.rule})",
        names=data.labels.names,
        train=part(split.gallery),
        test=part(split.query),
        complete=True,
        data=data,
        tested=split.query,
    )


def of_folder(images: str, test: str | None, seed: int) -> Classification:
    """Images in a folder per class; a fifth of each class tests where no test folder is named.

    Raises:
        UsageError: labels are missing, or do not go together, or a class has too few images.
        MissingError, NoImagesError: there are no images.
    """
    whole, names = _labelled(images)
    if test is not None:
        tested, test_names = _labelled(test)
        numbers = _numbers(test_names, names, test, images)
        other = Classified(tested.source, numbers[tested.classes])
        rule = f"all images of {images} to learn from, all of {test} to test"
        return Classification(_name(images), rule, names, whole, other, complete=False)
    require_two(whole.classes, names, images)
    require(whole.classes, names, 2, f"splitting {images} into training and test images")
    random = np.random.default_rng((seed, _SPLIT))
    tested_positions = stratified.held_out(whole.classes, TEST_SHARE, random)
    kept = np.setdiff1d(np.arange(len(whole.classes)), tested_positions)
    rule = f"{TEST_SHARE:.0%} of each class of {images} to test, drawn with seed {seed}"
    return Classification(
        _name(images),
        rule,
        names,
        whole.at(kept),
        whole.at(tested_positions),
        complete=False,
    )


def require_two(classes: Int64[np.ndarray, "n"], names: Sequence[str], where: str) -> None:
    """Refuse images of a single class.

    Raises:
        UsageError: names it.
    """
    present = np.unique(classes)
    if len(present) < 2:
        raise UsageError(
            f"all images of {where} are of one class, '{names[int(present[0])]}': "
            "nothing to tell apart",
            "put each class into a folder of its own below the one that is named",
        )


def require(
    classes: Int64[np.ndarray, "n"], names: Sequence[str], least: int, purpose: str, hint: str = ""
) -> None:
    """Refuse classes that have fewer images than something takes.

    Raises:
        UsageError: names the smallest class.
    """
    counts = np.bincount(classes, minlength=len(names))
    counts = np.where(counts == 0, np.iinfo(np.int64).max, counts)
    smallest = int(counts.argmin())
    if counts[smallest] < least:
        raise UsageError(
            f"class '{names[smallest]}' has {counts[smallest]} image"
            f"{'' if counts[smallest] == 1 else 's'}, and {purpose} takes {least} of each class",
            hint or "add images to it, or leave the class out",
        )


def _name(images: str) -> str:
    return Path(images).resolve().name or images


def _labelled(location_: str) -> tuple[Classified, tuple[str, ...]]:
    source = location.source(location_, sys.stdin)
    labels = first_labels("auto", source)
    if labels is None:
        raise UsageError(
            f"the images of {location_} have no labels: not every one lies in a folder below it",
            "put each class into a folder of its own",
        )
    return Classified(source, _one_each(labels, location_)), labels.names


def _one_each(labels: Labels, where: str) -> Int64[np.ndarray, "n"]:
    """The class of each image as a column number."""
    if (np.diff(labels.ends, prepend=0) != 1).any():
        raise UsageError(
            f"an image of {where} has no label or several, and classification needs one of each"
        )
    return labels.numbers.astype(np.int64)


def _numbers(
    names: Sequence[str], known: Sequence[str], test: str, images: str
) -> Int64[np.ndarray, "classes"]:
    """Numbers that the classes of the test images have among those learned."""
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise UsageError(
            f"{test} has the class '{unknown[0]}', which {images} has not",
            "both folders need folders of the same names",
        )
    return np.array([known.index(name) for name in names], np.int64)
