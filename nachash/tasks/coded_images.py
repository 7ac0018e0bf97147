"""Images with their codes, from an index or encoded on the way: what `dedup` works on."""

import functools
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nachash import codes
from nachash.errors import IncompatibleError
from nachash.images import location, stream
from nachash.index.reader import open_index
from nachash.records import Preprocessing, Progress, Reference, Skipped
from nachash.shapes import Int64, UInt8
from nachash.tasks.model import Activations, chosen_model, loaded_model
from nachash.tasks.workers import decoding_threads

if TYPE_CHECKING:
    from nachash.inference.onnx_encoder import OnnxEncoder


@dataclass(frozen=True, slots=True)
class Encoder:
    """What turns further pictures into codes that can be compared."""

    preprocessing: Preprocessing
    activations: Activations


@dataclass(frozen=True, slots=True)
class CodedImages:
    """Images below one root, a row each; `ids` is None where there is no index."""

    root: str
    references: tuple[Reference, ...]
    codes: UInt8[np.ndarray, "n bytes"]
    bits: int
    ids: Int64[np.ndarray, "n"] | None
    skipped: tuple[Skipped, ...]


def of_index(path: Path, *, check: bool = True) -> tuple[CodedImages, Encoder]:
    """The images of an index, and the encoder inside it.

    Raises:
        MissingError, DamagedError, IncompatibleError, StorageError: it cannot be read.
    """
    with open_index(path, check=check) as index:
        columns = zip(index.all_paths(), index.sizes(), index.times(), strict=True)
        references = tuple(Reference(name, int(size), int(time)) for name, size, time in columns)
        images = CodedImages(index.root, references, index.codes(), index.bits, index.ids(), ())
        onnx, preprocessing = index.encoder, index.preprocessing

    @functools.cache
    def session() -> "OnnxEncoder":
        from nachash.inference.onnx_encoder import OnnxEncoder

        return OnnxEncoder(onnx)

    return images, Encoder(preprocessing, lambda pixels: session().activations(pixels))


def of_folder(
    place: str, model: Path | None, device: str, workers: int | None, progress: Progress
) -> tuple[CodedImages, Encoder]:
    """The images of a folder, encoded by a model.

    Raises:
        MissingError: the folder or the model is not there.
        NoImagesError: it holds no image.
    """
    loaded = loaded_model(chosen_model(model), device)
    encoder = Encoder(loaded.config.preprocessing, loaded.activations)
    return encoded(place, encoder, loaded.config.bits, workers, progress), encoder


def encoded(
    place: str, encoder: Encoder, bits: int, workers: int | None, progress: Progress
) -> CodedImages:
    """The images at a place, encoded; one that cannot be read is skipped."""
    source = location.source(place, sys.stdin)
    references: list[Reference] = []
    skipped, found = list(source.skipped), [np.zeros((0, codes.code_bytes(bits)), np.uint8)]
    for batch in stream.batches(
        source, encoder.preprocessing, batch_size=256, workers=decoding_threads(workers)
    ):
        found.append(codes.encode(encoder.activations(batch.pixels)))
        references += batch.references
        skipped += batch.skipped
        progress("encoding", len(references), len(source.references))
    root = str(Path(source.root).resolve())
    every = np.concatenate(found)
    return CodedImages(root, tuple(references), every, bits, None, tuple(skipped))


def joined(parts: Sequence[CodedImages]) -> CodedImages:
    """The images of several places as one, their paths spelled out; ids of the first alone.

    Raises:
        IncompatibleError: the codes differ in length.
    """
    if len({part.bits for part in parts}) > 1:
        raise IncompatibleError("codes of different lengths cannot be compared")
    references = tuple(
        replace(each, path=os.path.join(part.root, each.path))  # noqa: PTH118 (speed)
        for part in parts
        for each in part.references
    )
    return CodedImages(
        root=parts[0].root,
        references=references,
        codes=np.concatenate([part.codes for part in parts]),
        bits=parts[0].bits,
        ids=parts[0].ids,
        skipped=tuple(image for part in parts for image in part.skipped),
    )
