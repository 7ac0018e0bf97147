"""Images with their codes, from an index or encoded on the way: what `dedup` works on."""

import functools
import itertools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nachash.errors import IncompatibleError
from nachash.index.reader import Index
from nachash.records import Progress, Skipped
from nachash.shapes import Int64, UInt8
from nachash.tasks.encoder import Encoder, encoded_images
from nachash.tasks.encoder import of_index as encoder_of
from nachash.tasks.listed import listed
from nachash.tasks.model import encoding_model, loaded_model


@dataclass(frozen=True, slots=True)
class CodedImages:
    """Images below one root, a row each; `ids` is None where there is no index.

    `sizes` in bytes, `times` of change in nanoseconds since 1970. `digests` of their contents are
    zeros where they are not known, and None where none is. A path that does not lie below the
    root is absolute.
    """

    root: str
    paths: list[str]
    sizes: Int64[np.ndarray, "n"]
    times: Int64[np.ndarray, "n"]
    codes: UInt8[np.ndarray, "n bytes"]
    bits: int
    ids: Int64[np.ndarray, "known"] | None
    skipped: tuple[Skipped, ...]
    digests: UInt8[np.ndarray, "known digest"] | None = None

    def take(self, rows: Int64[np.ndarray, "k"]) -> "CodedImages":
        """Some of the images of a folder, which has neither ids nor digests."""
        return replace(
            self,
            paths=[self.paths[row] for row in rows.tolist()],
            sizes=self.sizes[rows],
            times=self.times[rows],
            codes=self.codes[rows],
        )

    def gallery(self) -> "Gallery":
        """The images as something to compare."""
        return Gallery(self.root, self.codes, self.bits, self.skipped, self.take)


@dataclass(frozen=True, slots=True)
class Gallery:
    """The codes of all images below one root; `describe` tells what some rows, ascending, are.

    Of ten million images few are duplicates, so nothing else is held of the others.
    """

    root: str
    codes: UInt8[np.ndarray, "n bytes"]
    bits: int
    skipped: tuple[Skipped, ...]
    describe: Callable[[Int64[np.ndarray, "k"]], CodedImages]


def of_index(index: Index) -> tuple[Gallery, Encoder]:
    """The images of an index, which stays open while they are described, and its encoder.

    Raises:
        DamagedError, StorageError: it cannot be read.
    """
    describe = functools.partial(_described, index)
    return Gallery(index.root, index.codes(), index.bits, (), describe), encoder_of(index)


def _described(index: Index, rows: Int64[np.ndarray, "k"]) -> CodedImages:
    return CodedImages(
        root=index.root,
        paths=index.paths(rows),
        sizes=index.values("size", rows),
        times=index.values("mtime_ns", rows),
        codes=index.values("codes", rows),
        bits=index.bits,
        ids=index.values("ids", rows),
        skipped=(),
        digests=index.values("digests", rows) if index.has_digests else None,
    )


def of_folder(
    place: str,
    model: Path | None,
    device: str,
    workers: int | None,
    exclude: Sequence[str],
    *,
    progress: Progress,
) -> tuple[CodedImages, Encoder]:
    """The images of a folder, encoded by a model.

    Raises:
        MissingError: the folder or the model is not there.
        NoImagesError: it holds no image.
    """
    encoder = loaded_model(encoding_model(model), device).encoder
    return encoded(place, encoder, workers, progress, exclude), encoder


def encoded(
    place: str,
    encoder: Encoder,
    workers: int | None,
    progress: Progress,
    exclude: Sequence[str] = (),
) -> CodedImages:
    """The images at a place, encoded; one that cannot be read is skipped."""
    source = listed(place, exclude)
    found = encoded_images(source, encoder, workers=workers, stage="encoding", progress=progress)
    return CodedImages(
        root=str(Path(source.root).resolve()),
        paths=[each.path for each in found.references],
        sizes=np.array([each.size for each in found.references], np.int64),
        times=np.array([each.mtime_ns for each in found.references], np.int64),
        codes=found.codes,
        bits=encoder.bits,
        ids=None,
        skipped=found.skipped,
    )


def together(parts: Sequence[Gallery]) -> Gallery:
    """The images of several places as one, below the root of the first.

    Raises:
        IncompatibleError: the codes differ in length.
    """
    if len({part.bits for part in parts}) > 1:
        raise IncompatibleError("codes of different lengths cannot be compared")
    if len(parts) == 1:
        return parts[0]
    borders = np.cumsum([0, *(len(part.codes) for part in parts)])

    def describe(rows: Int64[np.ndarray, "k"]) -> CodedImages:
        spans = itertools.pairwise(np.searchsorted(rows, borders))
        several = zip(parts, borders, spans, strict=False)
        return _joined(
            [part.describe(rows[slice(*span)] - before) for part, before, span in several]
        )

    every = np.concatenate([part.codes for part in parts])
    skipped = tuple(image for part in parts for image in part.skipped)
    return Gallery(parts[0].root, every, parts[0].bits, skipped, describe)


def _joined(parts: Sequence[CodedImages]) -> CodedImages:
    """Some images of several places as one; ids and digests are those of the first alone."""
    first, *others = parts
    outside = [
        os.path.join(part.root, path)  # noqa: PTH118 (speed)
        for part in others
        for path in part.paths
    ]
    return CodedImages(
        root=first.root,
        paths=first.paths + outside,
        sizes=np.concatenate([part.sizes for part in parts]),
        times=np.concatenate([part.times for part in parts]),
        codes=np.concatenate([part.codes for part in parts]),
        bits=first.bits,
        ids=first.ids,
        skipped=(),
        digests=first.digests,
    )
