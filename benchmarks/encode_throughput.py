"""`nachash encode` beside its two halves alone: decoding in threads, and the encoder.

Two cases: JPEG of CIFAR's size for the small network, and photos of 12 megapixels for the frozen
photo network. `all of it` decodes, encodes and writes the index, as `encode` does.

Two ratios for each. `to the slower alone` is the rate of all of it by that of the slower half. Both
halves use every core, so on few cores it cannot reach 1: when decoding and encoding cost about
the same CPU time, the best possible is one half. `to what the cores allow` says how much of the
possible is reached: the least time is the longest of (1) decoding alone, (2) encoding alone and
(3) the CPU seconds of both by the number of cores that the process got. That number is measured,
as the most CPU seconds per second in any of the runs, because on a machine that others use it is
smaller than the number of cores.
"""

import contextlib
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from _harness import Report, main
from PIL import Image

from nachash.cores import usable_cores
from nachash.images import stream
from nachash.images.sources import folder
from nachash.images.sources.files import Files
from nachash.images.sources.selection import below
from nachash.index import writer
from nachash.records import Preprocessing, silent
from nachash.tasks.encode.add_images import Work, add_images
from nachash.tasks.model import Model, loaded_model
from nachash.tasks.train.train import TrainSettings, train

PIECE = 64
ROUNDS = 3
_source: Files


@dataclass(frozen=True)
class Run:
    """Seconds of wall clock and of CPU."""

    wall: float
    cpu: float


def measure(quick: bool) -> Report:
    """Medians of three rounds that alternate."""
    ratios, figures = {}, {"workers": float(usable_cores())}
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):  # `train` writes here
        tiny, photos = Path(name) / "tiny", Path(name) / "photos"
        write_tiny(tiny, 5_000 if quick else 20_000)
        write_photos(photos, 60 if quick else 240)
        for case, pictures, settings in (
            ("tiny", tiny, TrainSettings(epochs=1, out=Path("tiny-model"))),
            ("photos", photos, TrainSettings(images="originals", epochs=1, out=Path("net"))),
        ):
            train(settings)
            model = loaded_model(settings.out, "cpu")
            some_ratios, some_figures = of_case(pictures, model, with_processes=case == "tiny")
            ratios |= {f"{case}, {what}": ratio for what, ratio in some_ratios.items()}
            figures |= {f"{case}, {what}": figure for what, figure in some_figures.items()}
    return Report("encode_throughput", ratios, figures)


def of_case(
    pictures: Path, model: Model, *, with_processes: bool
) -> tuple[dict[str, float], dict[str, float]]:
    """Ratios and figures of one folder of pictures and one encoder."""
    preprocessing = model.config.preprocessing
    source, workers = folder.source(str(pictures)), usable_cores()
    count, size = len(source.references), preprocessing.size
    pixels = np.random.default_rng(0).integers(0, 256, (min(count, 256), size, size, 3), np.uint8)

    def threads(used: int) -> None:
        for _ in stream.batches(source, preprocessing, batch_size=256, workers=used):
            pass

    def encoder() -> None:
        for start in range(0, count, 256):
            model.encoder.activations(pixels[: count - start])

    runs: dict[str, Callable[[], None]] = {
        "one thread": lambda: threads(0),
        "threads": lambda: threads(workers),
        "encoder alone": encoder,
        "all of it": lambda: everything(source, model, workers),
    }
    if with_processes:
        runs["processes"] = lambda: processes(pictures, preprocessing, count, workers)
    found = medians(runs)
    decode, encode, whole = (found[name] for name in ("threads", "encoder alone", "all of it"))
    cores = max(run.cpu / run.wall for run in (decode, encode, whole))
    least = max(decode.wall, encode.wall, (decode.cpu + encode.cpu) / cores)
    ratios = {
        "to the slower alone": max(decode.wall, encode.wall) / whole.wall,
        "to what the cores allow": least / whole.wall,
    }
    if with_processes:
        ratios["processes to threads"] = decode.wall / found["processes"].wall
    figures = {f"{name}, images per s": count / run.wall for name, run in found.items()}
    figures |= {
        "decoding, CPU ms per image": 1000 * decode.cpu / count,
        "encoding, CPU ms per image": 1000 * encode.cpu / count,
        "all of it, CPU ms per image": 1000 * whole.cpu / count,
        "cores that it got": cores,
    }
    return ratios, figures


def everything(source: Files, model: Model, workers: int) -> None:
    """Decode, encode and write an index, as `nachash encode` does."""
    with tempfile.TemporaryDirectory(dir=".") as place:
        index = Path(place) / "out.h5"
        writer.create(
            index,
            bits=model.config.bits,
            preprocessing=model.config.preprocessing,
            encoder=model.onnx,
            model=asdict(model.config),
            root=source.root,
        ).close()
        work = Work(
            index=index,
            source=below(source, ""),
            encoder=model.encoder,
            labels=None,
            batch_size=256,
            workers=workers,
        )
        add_images(work, silent)


def medians(runs: dict[str, Callable[[], None]]) -> dict[str, Run]:
    """The median seconds of each, by wall clock and by CPU."""
    taken: dict[str, list[Run]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            taken[name].append(Run(time.perf_counter() - wall, time.process_time() - cpu))
    return {
        name: Run(
            statistics.median(run.wall for run in some), statistics.median(run.cpu for run in some)
        )
        for name, some in taken.items()
    }


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


def write_tiny(place: Path, count: int) -> None:
    """JPEG pictures of 32 x 32."""
    place.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        small = rng.integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(small).resize((32, 32)).save(place / f"{number:06}.jpg", quality=90)


def write_photos(place: Path, count: int) -> None:
    """JPEG pictures of 4000 x 3000, twelve different ones under as many names as are asked for.

    The twelve alone lie in `originals` beside the folder.
    """
    place.mkdir()
    originals = place.with_name("originals")
    originals.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        original = originals / f"{number % 12:06}.jpg"
        if number < 12:
            small = rng.integers(0, 256, (300, 400, 3), np.uint8)
            Image.fromarray(small).resize((4000, 3000)).save(original, quality=90)
        os.link(original, place / f"{number:06}.jpg")


if __name__ == "__main__":
    main(measure)
