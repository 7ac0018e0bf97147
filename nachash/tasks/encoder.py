"""A trained encoder, wherever it comes from, and the one loop that encodes images with it."""

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nachash import codes
from nachash.images import stream
from nachash.index.reader import Index
from nachash.records import Preprocessing, Progress, Reference, Skipped, Source
from nachash.shapes import Float32, UInt8
from nachash.tasks.workers import decoding_threads

if TYPE_CHECKING:
    from nachash.inference.onnx_encoder import OnnxEncoder

AT_ONCE = 256  # images

Activations = Callable[[UInt8[np.ndarray, "batch size size 3"]], Float32[np.ndarray, "batch bits"]]


@dataclass(frozen=True, slots=True)
class Encoder:
    """Turns pixels into activations; `on_gpu`: it is fastest with all of a batch in one call."""

    preprocessing: Preprocessing
    bits: int
    activations: Activations
    on_gpu: bool = False

    def codes(self, pixels: UInt8[np.ndarray, "batch size size 3"]) -> UInt8[np.ndarray, "n bytes"]:
        """Packed codes of a batch of pictures."""
        return codes.encode(self.activations(pixels))


@dataclass(frozen=True, slots=True)
class EncodedImages:
    """The images of a source that could be read, in its order, with their codes; and the others."""

    references: tuple[Reference, ...]
    codes: UInt8[np.ndarray, "n bytes"]
    skipped: tuple[Skipped, ...]


def of_index(index: Index) -> Encoder:
    """The encoder inside an open index, its session built when it is first used."""
    onnx = index.encoder

    @functools.cache
    def session() -> "OnnxEncoder":
        from nachash.inference.onnx_encoder import OnnxEncoder

        return OnnxEncoder(onnx)

    return Encoder(index.preprocessing, index.bits, lambda pixels: session().activations(pixels))


def encoded_batches(
    source: Source,
    encoder: Encoder,
    *,
    workers: int | None,
    stage: str,
    progress: Progress,
    check: Callable[[Iterable[Skipped]], None] = lambda _: None,
) -> Iterator[tuple[stream.DecodedBatch, Float32[np.ndarray, "batch bits"]]]:
    """The images of a source with their activations; `check` may raise for skipped ones."""
    check(source.skipped)
    done, threads = 0, decoding_threads(workers)
    for batch in stream.batches(source, encoder.preprocessing, batch_size=AT_ONCE, workers=threads):
        check(batch.skipped)
        yield batch, encoder.activations(batch.pixels)
        done += len(batch.references)
        progress(stage, done, len(source.references))


def encoded_images(
    source: Source, encoder: Encoder, *, workers: int | None, stage: str, progress: Progress
) -> EncodedImages:
    """All images of a source, encoded."""
    references: list[Reference] = []
    skipped = list(source.skipped)
    found = [np.zeros((0, codes.code_bytes(encoder.bits)), np.uint8)]
    for batch, activations in encoded_batches(
        source, encoder, workers=workers, stage=stage, progress=progress
    ):
        found.append(codes.encode(activations))
        references += batch.references
        skipped += batch.skipped
    return EncodedImages(tuple(references), np.concatenate(found), tuple(skipped))
