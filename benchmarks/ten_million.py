"""Every verb on an index of ten million images: seconds of wall clock and CPU, and peak memory.

The index has codes of 64 bits, paths of 36 letters in 1,000 labelled folders, and a small encoder.
Half a per cent of the codes have a copy one bit away. 1,000 small pictures are encoded into it,
found unchanged, and another 1,000 added; so seconds include listing, decoding and encoding these.
Each verb runs in a process of its own, once. MiB are the most that the process ever held.
"""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import h5py
import numpy as np
from _harness import Cost, Report, child, main
from PIL import Image

from nachash.index import writer
from nachash.index.ragged import Ragged
from nachash.index.row_block import RowBlock
from nachash.index.storage import naming
from nachash.inference.model_directory import open_model
from nachash.tasks.train.train import TrainSettings, train

BITS = 64
FOLDERS = 1_000
PICTURES = 1_000
BLOCK = 1 << 17


def measure(quick: bool) -> Report:
    """What each verb takes, one after the other."""
    rows = 200_000 if quick else 10_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, rows)
        costs = {verb: child(command) for verb, command in commands(folder)}
    figures: dict[str, float] = {"codes": rows}
    for verb, cost in costs.items():
        figures |= {f"{verb}, s": cost.wall, f"{verb}, CPU s": cost.cpu}
        figures[f"{verb}, MiB"] = cost.memory
    return Report("ten_million", {"GiB of the largest": largest(costs) / 1024}, figures)


def largest(costs: dict[str, Cost]) -> float:
    """The most MiB that any verb held."""
    return max(cost.memory for cost in costs.values())


def prepare(folder: Path, rows: int) -> None:
    """A model, the index, and the pictures that come into it."""
    train(TrainSettings(epochs=1, bits=BITS, out=folder / "model"))
    write_index(folder / "x.h5", folder / "photos", rows, folder / "model")
    write_pictures(folder / "photos" / "album-0000")


def commands(folder: Path) -> Iterator[tuple[str, list[str | Path]]]:
    """Each verb with its name, in an order in which each finds what it needs."""
    index, photos = folder / "x.h5", folder / "photos"
    nachash = [sys.executable, "-m", "nachash"]
    into = ["--index", index]
    picture = next((photos / "album-0000").iterdir())
    encode = [*nachash, "encode", photos, index, "--model", folder / "model"]
    yield "search", [*nachash, "search", picture, *into]
    yield "search --under", [*nachash, "search", picture, *into, "--under", "album-0123"]
    yield "search --path", [*nachash, "search", "--path", path_of(PICTURES), *into]
    yield "index info", [*nachash, "index", "info", *into]
    yield "encode, 1,000 new", encode
    yield "encode, unchanged", encode
    write_pictures(photos / "album-0001" / "new")
    yield "index add, 1,000", [*nachash, "index", "add", photos, *into]
    yield "index remove, one", [*nachash, "index", "remove", path_of(7), *into]
    yield "search, one removed", [*nachash, "search", picture, *into]
    yield "encode, one removed", encode
    yield "index remove, a folder", [*nachash, "index", "remove", "album-0123", *into]
    yield "index restore", [*nachash, "index", "restore", *into]
    yield "index remove, one again", [*nachash, "index", "remove", path_of(9), *into]
    yield "dedup", [*nachash, "dedup", index, "--max-distance", "3", "--json", "--no-exit-code"]
    yield "eval-map", [*nachash, "eval-map", *into]
    yield "index verify", [*nachash, "index", "verify", *into]
    yield "index compact", [*nachash, "index", "compact", *into]
    for suffix in ("npy", "csv"):
        yield f"index export {suffix}", [*nachash, "index", "export", folder / f"y.{suffix}", *into]
    damage(index)
    yield "index repair", [*nachash, "index", "repair", *into]


def write_pictures(folder: Path) -> None:
    """Pictures of 32 pixels, no two alike."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(len(folder.parts))
    for number in range(PICTURES):
        pixels = rng.integers(0, 256, (32, 32, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"picture-{number:04}.png")


def path_of(row: int) -> str:
    """The path of a row of the index."""
    return f"album-{row % FOLDERS:04}/photograph-{row:010}.jpg"


def write_index(path: Path, root: Path, rows: int, model: Path) -> None:
    """An index of many codes with a real encoder inside."""
    onnx, config = open_model(model)
    rng = np.random.default_rng(0)
    with (
        naming.new_file(path) as new,
        writer.fill(
            new,
            bits=BITS,
            preprocessing=config.preprocessing,
            encoder=onnx,
            model=asdict(config),
            root=str(root),
            label_names=tuple(f"album-{number:04}" for number in range(FOLDERS)),
        ) as index,
    ):
        for start in range(0, rows, BLOCK):
            index.append_block(block(rng, start, min(start + BLOCK, rows)))
        new.take_name()


def block(rng: np.random.Generator, start: int, stop: int) -> RowBlock:
    """Rows from start to stop."""
    count = stop - start
    codes = rng.integers(0, 256, (count, BITS // 8), np.uint8)
    copied = np.arange(0, count - 1, 200)
    codes[copied + 1] = codes[copied]
    codes[copied + 1, 0] ^= 1
    number = np.arange(start, stop)
    columns = {
        "codes": codes,
        "ids": number,
        "size": number,
        "mtime_ns": number,
        "status": np.zeros(count, np.uint8),
    }
    labels = Ragged(np.arange(1, count + 1), (number % FOLDERS).astype(np.int32))
    return RowBlock(columns, paths(number), labels)


def paths(numbers: np.ndarray) -> Ragged:
    """What `path_of` says, of many rows at once."""
    pattern = np.frombuffer(path_of(0).encode(), np.uint8)
    texts = np.tile(pattern, (len(numbers), 1))
    for values, last, digits in ((numbers % FOLDERS, 9, 4), (numbers, 31, 10)):
        for place in range(digits):
            texts[:, last - place] = ord("0") + values // 10**place % 10
    return Ragged(np.arange(1, len(numbers) + 1) * len(pattern), texts.ravel())


def damage(index: Path) -> None:
    """Write zeros over a chunk of codes."""
    with h5py.File(index) as file:
        place = file["codes"].id.get_chunk_info(0).byte_offset
    with index.open("r+b") as file:
        file.seek(place)
        file.write(bytes(1 << 15))


if __name__ == "__main__":
    main(measure)
