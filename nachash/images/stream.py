"""A source, decoded: batches of pixels in the source's order, in bounded memory."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np

from nachash.errors import ImageError
from nachash.images.decoding import apart
from nachash.images.decoding.decode import decode
from nachash.images.decoding.exif import Facts, facts
from nachash.images.decoding.quiet import quiet
from nachash.records import Preprocessing, Reference, Skipped, Source
from nachash.shapes import UInt8

_PIECE: Final = 64  # images a thread decodes at a time: few enough to stop soon, many to be cheap


@dataclass(frozen=True, slots=True)
class DecodedBatch:
    """Images that follow one another in a source: those decoded, row for row, and the others."""

    references: tuple[Reference, ...]
    pixels: "UInt8[np.ndarray, 'batch size size 3']"
    skipped: tuple[Skipped, ...]
    facts: tuple[Facts, ...] = ()


def batches(
    source: Source,
    preprocessing: Preprocessing,
    *,
    batch_size: int,
    workers: int,
    with_facts: bool = False,
) -> Iterator[DecodedBatch]:
    """Decode a source, `batch_size` references at a time, in `workers` threads (0: in this one).

    An image that cannot be decoded is in its batch's `skipped`, so that a batch has fewer rows
    than references were taken for it, down to none. `with_facts`: also what is known of each
    picture besides its pixels. About two batches are decoded ahead.
    Threads end when the iterator is exhausted or closed, after the images in their hands.
    """
    stop = threading.Event()
    count = len(source.references)
    size = min(_PIECE, -(-min(count, batch_size) // max(workers, 1)))

    def decoded(piece: slice) -> DecodedBatch:
        return _decoded(
            source, source.references[piece], preprocessing, stop, with_facts=with_facts
        )

    pieces = _pieces(count, batch_size, size)
    per_batch = -(-batch_size // size) if count else 1
    with closing(_mapped(decoded, pieces, workers, 2 * max(per_batch, workers), stop)) as results:
        while group := tuple(islice(results, per_batch)):
            yield _joined(group)


def _pieces(count: int, batch_size: int, size: int) -> Iterator[slice]:
    """Spans of at most `size` references, none across the border of a batch."""
    for start in range(0, count, batch_size):
        end = min(start + batch_size, count)
        for piece in range(start, end, size):
            yield slice(piece, min(piece + size, end))


def _mapped(
    function: Callable[[slice], DecodedBatch],
    pieces: Iterator[slice],
    workers: int,
    ahead: int,
    stop: threading.Event,
) -> Generator[DecodedBatch]:
    """`map(function, pieces)` in threads, at most `ahead` results before they are asked for."""
    if not workers:
        yield from map(function, pieces)
        return
    threads = ThreadPoolExecutor(workers, thread_name_prefix="nachash-decode")
    waiting: deque[Future[DecodedBatch]] = deque()
    try:
        waiting.extend(threads.submit(function, piece) for piece in islice(pieces, ahead))
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(threads.submit(function, piece) for piece in islice(pieces, 1))
            yield result
    finally:
        stop.set()
        threads.shutdown(cancel_futures=True)


def _decoded(
    source: Source,
    references: Sequence[Reference],
    preprocessing: Preprocessing,
    stop: threading.Event,
    *,
    with_facts: bool,
) -> DecodedBatch:
    """One piece; cut short, since nobody will look at it, once `stop` is set."""
    size = preprocessing.size
    pixels = np.empty((len(references), size, size, 3), np.uint8)
    good: list[Reference] = []
    bad: list[Skipped] = []
    known: list[Facts] = []
    with quiet, apart.wanted_until(stop):
        for reference in references:
            if stop.is_set():
                break
            try:
                image = source.open(reference)
                whole = image.size if with_facts else (0, 0)  # decoding may shrink it
                pixels[len(good)] = decode(image, preprocessing)
                good.append(reference)
                if with_facts:
                    known.append(facts(image, whole))
            except ImageError as error:
                bad.append(Skipped(reference.path, error.sentence))
    return DecodedBatch(tuple(good), pixels[: len(good)], tuple(bad), tuple(known))


def _joined(pieces: Sequence[DecodedBatch]) -> DecodedBatch:
    return DecodedBatch(
        tuple(reference for piece in pieces for reference in piece.references),
        np.concatenate([piece.pixels for piece in pieces]),
        tuple(image for piece in pieces for image in piece.skipped),
        tuple(each for piece in pieces for each in piece.facts),
    )
