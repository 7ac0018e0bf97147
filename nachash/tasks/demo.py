"""`demo`: train, encode, search and measure on scikit-learn's real handwritten digits.

The 500 query digits of the data set's protocol are held out: the encoder is trained on the
other 1,297 and never sees them.
"""

import base64
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import starmap
from pathlib import Path
from typing import TypeVar

import numpy as np

from nachash import __version__, codes
from nachash.datasets import DataSet
from nachash.errors import ExistsError
from nachash.records import Progress, Split, silent
from nachash.results.encode import Encoding
from nachash.results.evaluate import Scores
from nachash.results.page import DemoPage, Gallery, Neighbour, Picture
from nachash.results.search import Answer, Hit
from nachash.results.train import Training
from nachash.shapes import Int64, UInt8
from nachash.tasks.dataset import loaded_dataset
from nachash.tasks.encode.encode import encode
from nachash.tasks.encode.options import EncodeSettings
from nachash.tasks.evaluate import retrieval
from nachash.tasks.evaluate.evaluate import evaluate, scores_of
from nachash.tasks.evaluate.options import EvaluateSettings
from nachash.tasks.search.options import SearchSettings
from nachash.tasks.search.search import search
from nachash.tasks.train.options import TrainSettings
from nachash.tasks.train.train import train

BITS = 64
NEIGHBOURS = 8
MARKER = "nachash-demo"


Result = TypeVar("Result", Training, Encoding, Answer, Scores)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSettings:
    """What `demo` needs to know; the words are those of the command line."""

    out: Path = Path("demo")
    epochs: int | None = None
    seed: int = 0
    overwrite: bool = False


def demo(
    settings: DemoSettings,
    *,
    before: Callable[[str], None],
    after: Callable[[Training | Encoding | Answer | Scores], None],
    progress: Progress = silent,
) -> DemoPage:
    """Write the digits as files, run the four commands on them, return what the page shows.

    Each command line is told to `before`, what came of it to `after`.

    Raises:
        ExistsError: the folder exists and is not to be overwritten, or no demo wrote it.
    """
    commands: list[str] = []

    def step(command: str, run: Callable[[], Result]) -> Result:
        commands.append(command)
        before(command)
        result = run()
        after(result)
        return result

    out, seed = settings.out, settings.seed
    _prepare(out, overwrite=settings.overwrite)
    digits = loaded_dataset("digits", None)
    split = retrieval.split_of(digits, None, seed)
    _write_pictures(digits, split.gallery, out / "gallery")
    _write_pictures(digits, split.query, out / "queries")
    query_files = _first_of_each_class(out / "queries")

    model, gallery, queries = out / "model", out / "gallery.h5", out / "queries.h5"
    epochs = f" --epochs {settings.epochs}" if settings.epochs else ""
    training = step(
        f"nachash train --dataset digits --bits {BITS}{epochs} --seed {seed} --out {model}",
        lambda: train(
            TrainSettings(
                dataset="digits",
                bits=BITS,
                epochs=settings.epochs,
                seed=seed,
                out=model,
            ),
            progress=progress,
        ),
    )
    for folder, index in ((out / "gallery", gallery), (out / "queries", queries)):
        made = EncodeSettings(images=str(folder), out=index, model=model)
        step(f"nachash encode {folder} {index} --model {model}", partial(encode, made))
    asked = SearchSettings(queries=(str(query_files[3]),), index=gallery, k=NEIGHBOURS)
    step(
        f"nachash search {query_files[3]} --index {gallery} -k {NEIGHBOURS}",
        partial(search, asked),
    )
    measured = EvaluateSettings(index=gallery, queries=queries)
    scores = step(
        f"nachash eval-map --index {gallery} --queries {queries}",
        partial(evaluate, measured),
    )
    return DemoPage(
        commands=tuple(commands),
        galleries=_galleries(query_files, gallery),
        scores=scores,
        baseline=_baseline(digits, split, seed),
        training=training,
        version=__version__,
    )


def random_projection_codes(
    pixels: UInt8[np.ndarray, "n height width channels"], bits: int, seed: int
) -> UInt8[np.ndarray, "n bytes"]:
    """Codes of the signs of random Gaussian projections of the centred pixels.

    Source: Charikar, "Similarity estimation techniques from rounding algorithms", STOC 2002.
    """
    flat = pixels.reshape(len(pixels), -1).astype(np.float32)
    directions = np.random.default_rng(seed).standard_normal((flat.shape[1], bits), np.float32)
    return codes.encode((flat - flat.mean(axis=0)) @ directions)


def _prepare(out: Path, *, overwrite: bool) -> None:
    """Make `out` an empty folder; only a folder that a demo made is ever removed."""
    if out.exists():
        if not overwrite:
            raise ExistsError(f"{out} exists already", "--overwrite, or another --out")
        if not (out / MARKER).is_file():
            raise ExistsError(f"{out} was not written by nachash demo", "another --out")
        shutil.rmtree(out)
    out.mkdir(parents=True)
    (out / MARKER).write_text("written by nachash demo; may be deleted\n", encoding="utf-8")


def _write_pictures(digits: DataSet, positions: Int64[np.ndarray, "n"], folder: Path) -> None:
    from PIL import Image

    assert digits.pixels is not None
    for position in positions:
        path = folder.joinpath(*Path(digits.paths[position]).parts[-2:])
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(digits.pixels[position]).save(path)


def _first_of_each_class(folder: Path) -> list[Path]:
    return [min(label.iterdir()) for label in sorted(folder.iterdir())]


def _galleries(queries: Sequence[Path], index: Path) -> tuple[Gallery, ...]:
    """The neighbours of some pictures."""
    names = tuple(str(path) for path in queries)
    settings = SearchSettings(queries=names, index=index, k=NEIGHBOURS)
    answer = search(settings)
    return tuple(starmap(_gallery, zip(answer.queries, answer.hits, strict=True)))


def _gallery(query: str, row: tuple[Hit, ...]) -> Gallery:
    asked = _picture(Path(query))
    pictures = [_picture(Path(hit.path)) for hit in row]
    neighbours = tuple(
        Neighbour(picture, hit.distance, picture.label == asked.label)
        for hit, picture in zip(row, pictures, strict=True)
    )
    return Gallery(asked, neighbours)


def _baseline(digits: DataSet, split: Split, seed: int) -> Scores:
    """The same measure for signs of random projections of the centred pixels."""
    assert digits.pixels is not None
    every = random_projection_codes(digits.pixels, BITS, seed)
    queries, gallery = (
        retrieval.Labelled(every[positions], digits.labels.multi_hot[positions])
        for positions in (split.query, split.gallery)
    )
    name = "random projections of the pixels"
    return scores_of(retrieval.Retrieval(queries, gallery, None, BITS, name, name))


def _picture(path: Path) -> Picture:
    """A PNG file as a picture whose label is the name of its folder."""
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return Picture(f"data:image/png;base64,{data}", path.name, path.parent.name)
