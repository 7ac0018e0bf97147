"""Duplicates among a million codes: time and memory, of the grouping and of the whole command.

`grouping` is every pair within the radius among codes of 64 bits, in a process of its own: random
ones of which 1 % have a copy, and `dense` ones around 50 centres, of which each is near to
thousands. MiB are what the process gains meanwhile, with the codes themselves at 7.6 MiB a
million; the ratio says that it does not follow the number of pairs. `command` is `nachash dedup`
from a cold process over an index of the same size. Where CIFAR-10 lies in the data folder (or
`NACHASH_CIFAR10` names it), the command also runs over its 60,000 images, encoded by a PCA hash.
"""

import json
import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from _harness import Report, child, main, median
from search_cold import write_index

from nachash.datasets import default_root
from nachash.tasks.encode.encode import EncodeSettings, encode
from nachash.tasks.train.train import TrainSettings, train

CIFAR_IMAGES = 60_000
RADII = (3, 8)
GROUPING = """
    import json, resource, sys, time
    import numpy as np
    from nachash import codes
    from nachash.grouping.components import components

    kind, count, radius = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    rng = np.random.default_rng(0)
    if kind == "dense":
        centres = rng.integers(0, 256, (50, 8), np.uint8)
        found = centres[rng.integers(0, 50, count)]
        for part in np.array_split(found, 100):
            part ^= codes.pack(rng.random((len(part), 64)) < 0.03)
    else:
        found = rng.integers(0, 256, (count, 8), np.uint8)
        copied = rng.permutation(count)[: count // 50].reshape(2, -1)
        found[copied[0]] = found[copied[1]]
    components(found[:100], bits=64, radius=radius)  # compiles
    resident = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    before, start = resident(), time.perf_counter()
    groups = components(found, bits=64, radius=radius)
    print(json.dumps({"seconds": time.perf_counter() - start, "memory": resident() - before,
                      "groups": len(np.unique(groups))}))
"""


def measure(quick: bool) -> Report:
    """Seconds and MiB at each radius, and of the command."""
    count, repeats = (200_000, 1) if quick else (1_000_000, 3)
    few = {radius: grouping("random", count, radius) for radius in RADII}
    dense = grouping("dense", count, RADII[0])
    figures: dict[str, float] = {"codes": count}
    for radius, found in few.items():
        figures[f"grouping, radius {radius}, s"] = found["seconds"]
        figures[f"grouping, radius {radius}, MiB gained"] = found["memory"]
    figures[f"grouping, dense, radius {RADII[0]}, s"] = dense["seconds"]
    figures[f"grouping, dense, radius {RADII[0]}, MiB gained"] = dense["memory"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train(TrainSettings(epochs=1, out=folder / "model"))
        write_index(folder / "x.h5", count, folder / "model")
        cost = command(folder / "x.h5", RADII[0], repeats)
        figures |= {"command, s": cost.wall, "command, MiB": cost.memory}
        if not quick and (images := cifar()):
            figures |= of_cifar(images, folder, repeats)
    ratios = {"memory, dense to random": dense["memory"] / few[RADII[0]]["memory"]}
    return Report("dedup", ratios, figures)


def grouping(kind: str, count: int, radius: int) -> dict[str, float]:
    """Seconds and MiB of grouping some codes, in a process of its own."""
    program = textwrap.dedent(GROUPING)
    finished = subprocess.run(
        [sys.executable, "-c", program, kind, str(count), str(radius)],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(finished.stdout)


def command(index: Path, radius: int, repeats: int):
    """Median cost of `nachash dedup` over an index."""
    words = [sys.executable, "-m", "nachash", "dedup", index, "--json", "--no-exit-code"]
    return median([child([*words, "--max-distance", str(radius)]) for _ in range(repeats)])


def cifar() -> Path | None:
    """The folder of CIFAR-10 as image files, where there is one."""
    folder = Path(os.environ.get("NACHASH_CIFAR10") or default_root("cifar10"))
    return folder if (folder / "train").is_dir() else None


def of_cifar(images: Path, folder: Path, repeats: int) -> dict[str, float]:
    """What the command costs over the 60,000 images of CIFAR-10."""
    model, index = folder / "pca", folder / "cifar.h5"
    train(
        TrainSettings(
            dataset="cifar10",
            data_root=images,
            limit=2_000,
            method="pca",
            backbone="small",
            freeze=False,
            out=model,
        )
    )
    encoded = encode(EncodeSettings(images=str(images), out=index, model=model, labels="none"))
    if encoded.images != CIFAR_IMAGES:
        raise SystemExit(f"{images} has {encoded.images:,} images")
    cost = command(index, RADII[0], repeats)
    return {
        "CIFAR-10, images": encoded.images,
        "CIFAR-10, command, s": cost.wall,
        "CIFAR-10, command, MiB": cost.memory,
        "CIFAR-10, encoding before that, s": encoded.seconds,
    }


if __name__ == "__main__":
    main(measure)
