"""A search from a cold process over 60,000 codes, beside `python -c "import numpy, h5py"`.

The query is a picture: it is decoded, encoded by the encoder inside the index and looked up by
FAISS. Wall time and CPU time (user and system, of the whole process), medians of repeats taken
in turn.
"""

import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
from _harness import Report, child, main, median
from PIL import Image

from nachash.index import writer
from nachash.inference.model_directory import open_model
from nachash.records import Reference
from nachash.tasks.train import TrainSettings, train

BITS = 64


def measure(quick: bool) -> Report:
    """Median costs of both processes and their ratios."""
    rows, repeats = (60_000, 5) if quick else (60_000, 21)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_index(folder, rows)
        search = [sys.executable, "-m", "nachash", "search", folder / "query.jpg"]
        search += ["--index", folder / "out.h5"]
        imports = [sys.executable, "-c", "import numpy, h5py"]
        child(search)
        pairs = [(child(search), child(imports)) for _ in range(repeats)]
    cold, floor = (median(costs) for costs in zip(*pairs, strict=True))
    return Report(
        "search_cold",
        {"wall": cold.wall / floor.wall, "cpu": cold.cpu / floor.cpu},
        {
            "search wall s": cold.wall,
            "search cpu s": cold.cpu,
            "search MiB": cold.memory,
            "imports wall s": floor.wall,
            "imports cpu s": floor.cpu,
            "codes": rows,
        },
    )


def write_index(folder: Path, rows: int) -> None:
    """An index of random codes with a real encoder inside, and a query picture."""
    train(TrainSettings(epochs=1, bits=BITS, out=folder / "model"))
    onnx, config = open_model(folder / "model")
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (400, 600, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "query.jpg")
    index = writer.create(
        folder / "out.h5",
        bits=BITS,
        preprocessing=config.preprocessing,
        encoder=onnx,
        model=asdict(config),
        root=str(folder),
    )
    with index:
        for start in range(0, rows, 10_000):
            count = min(10_000, rows - start)
            index.append(
                rng.integers(0, 256, (count, BITS // 8), np.uint8),
                [Reference(f"{start + row:08}.jpg", 1000, 0) for row in range(count)],
            )


if __name__ == "__main__":
    main(measure)
