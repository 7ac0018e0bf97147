"""Images to codes: decoded in threads, encoded here, in batches that are committed as one."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from nachash.images import stream
from nachash.images.decoding.exif import Facts
from nachash.records import Reference, Skipped, Source
from nachash.results.index import Metadata
from nachash.shapes import UInt8
from nachash.tasks.encoder import Encoder

_PIXELS_AT_ONCE: Final = 1 << 20
_SKIPPED: Final = 16  # parts without an image are committed as one: each commit waits for the disk


@dataclass(frozen=True, slots=True)
class CodedBatch:
    """Images that follow one another in a source: the codes of those decoded, and the others."""

    references: tuple[Reference, ...]
    codes: UInt8[np.ndarray, "n bytes"]
    skipped: tuple[Skipped, ...]
    metadata: Metadata | None


def coded_batches(
    sources: Sequence[Source],
    encoder: Encoder,
    *,
    batch_size: int,
    workers: int,
    metadata: bool,
) -> Iterator[CodedBatch]:
    """The images of each source, in its order; a batch begins anew with each source."""
    size = encoder.preprocessing.size
    at_once = batch_size if encoder.on_gpu else images_at_once(size, batch_size)
    for source in sources:
        parts: list[stream.DecodedBatch] = []
        found: list[UInt8[np.ndarray, "n bytes"]] = []
        for part in stream.batches(
            source, encoder.preprocessing, batch_size=at_once, workers=workers, with_facts=metadata
        ):
            found.append(encoder.codes(part.pixels))
            parts.append(part)
            if _weight(parts) * at_once >= batch_size:
                yield _joined(parts, found, metadata=metadata)
                parts, found = [], []
        if parts:
            yield _joined(parts, found, metadata=metadata)


def images_at_once(size: int, batch_size: int) -> int:
    """Images that the encoder gets in one call: a batch, or of large pictures an equal part of it.

    So decoding and encoding of photos overlap from the first second on, and the encoder's memory
    is bounded: with 160 pixels, 32 images of a batch of 256. The number of parts is a power of
    two; where that does not divide the batch, batches are a few images larger.
    """
    share = batch_size * size**2 / _PIXELS_AT_ONCE
    parts = 1 << max(0, math.ceil(math.log2(share)))
    return math.ceil(batch_size / parts)


def _weight(parts: Sequence[stream.DecodedBatch]) -> float:
    """Parts that hold something to commit; those of which every image was skipped weigh little."""
    return sum((1.0 if part.references else 1 / _SKIPPED for part in parts), 0.0)


def _joined(
    parts: list[stream.DecodedBatch],
    found: Sequence[np.ndarray],
    *,
    metadata: bool,
) -> CodedBatch:
    return CodedBatch(
        tuple(reference for part in parts for reference in part.references),
        np.concatenate(found),
        tuple(image for part in parts for image in part.skipped),
        _columns([each for part in parts for each in part.facts]) if metadata else None,
    )


def _columns(facts: Sequence[Facts]) -> Metadata:
    table = np.array(facts, np.int64).reshape(-1, len(Facts._fields))
    return Metadata(*table.T)
