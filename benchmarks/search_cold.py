"""A search from a cold process, beside `python -c "import numpy, h5py"`.

The index holds 60,000 or 1,000,000 codes. The query is a picture: it is decoded, encoded by the
encoder inside the index and looked up by FAISS. Wall time and CPU time (user and system, of the
whole process), medians of repeats taken in turn.
"""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from _harness import Cost, Report, child, main, median
from PIL import Image

from nachash.index import writer
from nachash.inference.model_directory import open_model
from nachash.records import Reference
from nachash.tasks.train.train import TrainSettings, train

BITS = 64
ROWS = (60_000, 1_000_000)


def measure(quick: bool) -> Report:
    """Median costs of a search over each size of index, beside those of the imports alone."""
    repeats = 7 if quick else 21
    imports = [sys.executable, "-c", "import numpy, h5py"]
    ratios, figures = {}, {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train(TrainSettings(epochs=1, bits=BITS, out=folder / "model"))
        write_query(folder / "query.jpg")
        for rows in ROWS:
            index = folder / f"{rows}.h5"
            write_index(index, rows, folder / "model")
            search = [sys.executable, "-m", "nachash", "search", folder / "query.jpg"]
            cold, floor = in_turn([[*search, "--index", index], imports], repeats)
            label = f"{rows:,} codes"
            ratios |= {
                f"wall, {label}": cold.wall / floor.wall,
                f"cpu, {label}": cold.cpu / floor.cpu,
            }
            figures |= {
                f"search wall s, {label}": cold.wall,
                f"search cpu s, {label}": cold.cpu,
                f"search MiB, {label}": cold.memory,
                f"imports wall s beside {label}": floor.wall,
                f"imports cpu s beside {label}": floor.cpu,
            }
    return Report("search_cold", ratios, figures)


def in_turn(commands: Sequence[Sequence[str | Path]], repeats: int) -> list[Cost]:
    """Median costs of commands that are run one after the other, again and again."""
    for command in commands:
        child(command)
    rounds = [[child(command) for command in commands] for _ in range(repeats)]
    return [median(costs) for costs in zip(*rounds, strict=True)]


def write_query(path: Path) -> None:
    """A picture that no index holds."""
    pixels = np.random.default_rng(1).integers(0, 256, (400, 600, 3), np.uint8)
    Image.fromarray(pixels).save(path)


def write_index(path: Path, rows: int, model: Path) -> None:
    """An index of random codes with a real encoder inside."""
    onnx, config = open_model(model)
    rng = np.random.default_rng(0)
    index = writer.create(
        path,
        bits=BITS,
        preprocessing=config.preprocessing,
        encoder=onnx,
        model=asdict(config),
        root=str(path.parent),
    )
    with index:
        for start in range(0, rows, 100_000):
            count = min(100_000, rows - start)
            index.append(
                rng.integers(0, 256, (count, BITS // 8), np.uint8),
                [Reference(f"{start + row:08}.jpg", 1000, 0) for row in range(count)],
            )


if __name__ == "__main__":
    main(measure)
