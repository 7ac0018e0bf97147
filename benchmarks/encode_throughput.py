"""Decoding small JPEG pictures in threads and in processes, and beside it the encoder alone.

Decoding in threads and encoding in the main thread run at once; that is worth something when both
together reach nearly the rate of the slower one alone. Processes would be worth their cost where
they decode faster than threads do.
"""

import contextlib
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from _harness import Report, main
from PIL import Image

from nachash.images import folder, stream
from nachash.images.files import Files
from nachash.records import Preprocessing
from nachash.tasks.model import loaded_model
from nachash.tasks.train import TrainSettings, train

PIECE = 64
_source: Files


def measure(quick: bool) -> Report:
    """Images per second, medians of three runs that alternate."""
    count = 2_000 if quick else 20_000
    workers = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as name:
        pictures = Path(name) / "pictures"
        write_pictures(pictures, count)
        with contextlib.chdir(name):  # where `train` notes the latest model
            train(TrainSettings(epochs=1, out=Path(name) / "model"))
        model = loaded_model(Path(name) / "model", "cpu")
        preprocessing = model.config.preprocessing
        source = folder.source(str(pictures))
        size = preprocessing.size
        pixels = np.random.default_rng(0).integers(0, 256, (256, size, size, 3), np.uint8)

        def threads(used: int, *, encoding: bool = False) -> None:
            for batch in stream.batches(source, preprocessing, batch_size=256, workers=used):
                if encoding:
                    model.activations(batch.pixels)

        def encoder() -> None:
            for _ in range(0, count, 256):
                model.activations(pixels)

        figures = rates(
            count,
            {
                "one thread": lambda: threads(0),
                "threads": lambda: threads(workers),
                "processes": lambda: processes(pictures, preprocessing, count, workers),
                "encoder alone": encoder,
                "threads and encoder": lambda: threads(workers, encoding=True),
            },
        )
    slower = min(figures["threads"], figures["encoder alone"])
    return Report(
        "encode_throughput",
        {
            "processes to threads": figures["processes"] / figures["threads"],
            "both to the slower alone": figures["threads and encoder"] / slower,
        },
        {f"{name}, images per s": rate for name, rate in figures.items()} | {"workers": workers},
    )


def rates(count: int, runs: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Images per second of each, the median of three rounds."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(3):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: count / statistics.median(some) for name, some in seconds.items()}


def processes(pictures: Path, preprocessing: Preprocessing, count: int, workers: int) -> None:
    """Decode all pictures in processes that hand their pixels back; their start included."""
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=_prepare, initargs=(str(pictures),)
    ) as pool:
        pieces = [(start, min(start + PIECE, count)) for start in range(0, count, PIECE)]
        for _ in pool.map(_decoded, pieces, [preprocessing] * len(pieces)):
            pass


def _prepare(pictures: str) -> None:
    global _source
    _source = folder.source(pictures)


def _decoded(piece: tuple[int, int], preprocessing: Preprocessing) -> np.ndarray:
    part = replace(_source, references=_source.references[slice(*piece)])
    return np.concatenate(
        [b.pixels for b in stream.batches(part, preprocessing, batch_size=PIECE, workers=0)]
    )


def write_pictures(folder_: Path, count: int) -> None:
    """JPEG pictures of 64 x 64, a few KiB each."""
    folder_.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        small = rng.integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(small).resize((64, 64)).save(folder_ / f"{number:06}.jpg", quality=90)


if __name__ == "__main__":
    main(measure)
