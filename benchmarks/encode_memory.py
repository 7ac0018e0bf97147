"""Peak memory of `nachash encode` over few and over four times as many pictures.

Memory is bounded when the ratio stays near one: pictures are streamed, codes are appended.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
from _harness import Report, child, main
from PIL import Image

from nachash.tasks.train.train import TrainSettings, train


def measure(quick: bool) -> Report:
    """Peak resident memory of both runs, and pictures a second of the longer one."""
    few = 500 if quick else 5_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train(TrainSettings(epochs=1, out=folder / "model"))
        for count in (few, 4 * few):
            write_pictures(folder / str(count), count)
        command = [sys.executable, "-m", "nachash", "encode"]
        model = ["--model", folder / "model"]
        small, large = (
            child([*command, folder / str(count), folder / f"{count}.h5", *model])
            for count in (few, 4 * few)
        )
    return Report(
        "encode_memory",
        {"memory of 4 n to n": large.memory / small.memory},
        {
            "n": few,
            "MiB for n": small.memory,
            "MiB for 4 n": large.memory,
            "pictures per s": 3 * few / (large.wall - small.wall),
        },
    )


def write_pictures(folder: Path, count: int) -> None:
    """Random JPEG pictures of 320 x 240."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        small = rng.integers(0, 256, (15, 20, 3), np.uint8)
        Image.fromarray(small).resize((320, 240)).save(folder / f"{number:06}.jpg")


if __name__ == "__main__":
    main(measure)
