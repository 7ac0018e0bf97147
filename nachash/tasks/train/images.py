"""Images to train on: which they are, at what size, decoded once into memory."""

import contextlib
import hashlib
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from nachash.errors import ImageError, NoImagesError, UsageError
from nachash.images import stream
from nachash.images.sources import location
from nachash.images.sources.sample import sample
from nachash.records import Preprocessing, Progress, Reference, Skipped, Source
from nachash.shapes import UInt8
from nachash.tasks.dataset import loaded_dataset, source_of
from nachash.tasks.encode.place import first_labels
from nachash.tasks.evaluate.retrieval import split_of
from nachash.tasks.train import pixel_file

SMALL: Final = 32
LARGE: Final = 64
_SIZE_SAMPLE = 100
_BATCH = 256


@dataclass(frozen=True, slots=True)
class TrainingData:
    """A source of training images, its name, the recipe that suits it, and which images it has."""

    source: Source
    name: str
    augment: str | None
    rule: str
    labels: UInt8[np.ndarray, "n classes"] | None = None  # to report on, not to learn from


@dataclass(frozen=True, slots=True)
class Decoded:
    """All images, in memory or mapped into it; `skipped` are those that could not be read."""

    pixels: UInt8[np.ndarray, "n 3 size size"]
    skipped: tuple[Skipped, ...]
    fingerprint: str


def select_training_data(
    images: str | None,
    dataset: str | None,
    root: Path | None,
    seed: int,
    *,
    protocol: str | None = None,
    limit: int | None = None,
) -> TrainingData:
    """The images of a location, or the training part of a data set; `digits` if none is named.

    Args:
        images: where images are.
        dataset: a data set by name instead.
        root: where the data set is looked for.
        seed: of the split and of the random choice.
        protocol: the data set's split; None is its usual one.
        limit: at most so many images, a random choice.

    Raises:
        UsageError: both were named, or no data set or protocol has the name.
        MissingError, NoImagesError: there is nothing to train on.
    """
    whole = _whole(images, dataset, root, seed, protocol)
    if limit is None or limit >= len(whole.source.references):
        return whole
    rule = f"{limit:,} random images (seed {seed}) of the {whole.rule}"
    return replace(whole, source=sample(whole.source, limit, seed), rule=rule, labels=None)


def _whole(
    images: str | None, dataset: str | None, root: Path | None, seed: int, protocol: str | None
) -> TrainingData:
    if images is None:
        loaded = loaded_dataset(dataset or "digits", root)
        split = split_of(loaded, protocol, seed)
        rule = f"training part of {protocol or loaded.default_protocol}: {split.rule}"
        labels = loaded.labels.multi_hot[split.train]
        return TrainingData(
            source_of(loaded, split.train), loaded.name, loaded.augment, rule, labels
        )
    if protocol is not None:
        raise UsageError("--protocol splits a data set by name", "leave out --protocol")
    if dataset is not None:
        raise UsageError(
            f"both the images of {images} and --dataset {dataset} were named",
            f"nachash train {images}",
        )
    name = "stdin" if images == "-" else Path(images).resolve().stem or "images"
    source = location.source(images, sys.stdin)
    known = first_labels("auto", source)
    labels = None if known is None else known.multi_hot
    return TrainingData(source, name, None, f"all images of {images}", labels)


def usual_size(source: Source) -> int:
    """32 where the median picture's shorter side is below 64 pixels, else 64."""
    side = median_side(source)
    return LARGE if side is not None and side >= LARGE else SMALL


def median_side(source: Source) -> float | None:
    """The median shorter side of about a hundred pictures; None when none can be opened."""
    step = max(1, len(source.references) // _SIZE_SAMPLE)
    sides = [_shorter_side(source, reference) for reference in source.references[::step]]
    known = [side for side in sides if side is not None]
    return float(statistics.median(known)) if known else None


def decoded(source: Source, size: int, *, workers: int, progress: Progress) -> Decoded:
    """Every image of a source at the training size, in memory or in a memory-mapped file.

    The fingerprint is the SHA-256 of sizes and paths, in their order, and of all pixels.

    Raises:
        NoImagesError: not a single image can be read.
        StorageError: neither memory nor disk has room for them.
    """
    total = len(source.references)
    if pixel_file.fits(total, size):
        pixels = np.empty((total, 3, size, size), np.uint8)
        filled = 0

        def add(some: UInt8[np.ndarray, "n 3 size size"]) -> None:
            nonlocal filled
            pixels[filled : filled + len(some)] = some
            filled += len(some)

        good, skipped, fingerprint = _decode_into(add, source, size, workers, progress)
        return Decoded(pixels[:good], skipped, fingerprint)
    path = pixel_file.path_of(source, size)
    found = pixel_file.read(path)
    if found is None:
        with pixel_file.written(path, total, size) as add_to_file:
            good, skipped, fingerprint = _decode_into(add_to_file, source, size, workers, progress)
        pixel_file.describe(path, good, skipped, fingerprint)
        found = pixel_file.read(path)
        assert found is not None
    return Decoded(found.pixels, found.skipped, found.fingerprint)


def _decode_into(
    add: Callable[[UInt8[np.ndarray, "n 3 size size"]], None],
    source: Source,
    size: int,
    workers: int,
    progress: Progress,
) -> tuple[int, tuple[Skipped, ...], str]:
    """Add all images; how many they were, the others, the fingerprint."""
    total = len(source.references)
    skipped = list(source.skipped)
    digest = hashlib.sha256()
    good = 0
    for batch in stream.batches(source, Preprocessing(size), batch_size=_BATCH, workers=workers):
        add(batch.pixels.transpose(0, 3, 1, 2))
        good += len(batch.pixels)
        skipped += batch.skipped
        _note(batch, digest.update)
        progress("decode", good + len(skipped) - len(source.skipped), total)
    if not good:
        raise none_readable(skipped)
    return good, tuple(skipped), digest.hexdigest()


def some_pixels(source: Source, size: int, most: int) -> UInt8[np.ndarray, "n 3 size size"]:
    """The first images of a source that can be read, as many as asked for at most."""
    batches = stream.batches(source, Preprocessing(size), batch_size=_BATCH, workers=0)
    pieces: list[UInt8[np.ndarray, "batch size size 3"]] = []
    with contextlib.closing(batches) as readable:  # type: ignore[type-var]
        for batch in readable:
            pieces.append(batch.pixels)
            if sum(map(len, pieces)) >= most:
                break
    return np.concatenate(pieces)[:most].transpose(0, 3, 1, 2)


def none_readable(skipped: Sequence[Skipped]) -> NoImagesError:
    """The error for a source whose every image was skipped."""
    return NoImagesError(
        f"none of the {len(skipped)} images can be read; the first is "
        f"{skipped[0].path} ({skipped[0].reason})",
        "name a folder of images",
    )


def _note(batch: stream.DecodedBatch, update: Callable[[bytes], None]) -> None:
    for reference in batch.references:
        update(f"{reference.size} {reference.path}\n".encode(errors="surrogateescape"))
    update(batch.pixels.tobytes())


def _shorter_side(source: Source, reference: Reference) -> int | None:
    try:
        with source.open(reference) as image:
            return min(image.size)
    except ImageError:
        return None
