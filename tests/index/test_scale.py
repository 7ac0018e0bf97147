"""Memory and bytes written do not grow with the index; measured by the kernel, in a child."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from nachash.index.verification import problems

WRITE = """
    import json, sys
    from pathlib import Path
    import numpy as np
    from memory import peak_bytes
    from nachash.index import writer
    from nachash.records import Preprocessing, Reference

    path, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    if not path.exists():
        writer.create(path, bits=64, preprocessing=Preprocessing(224), encoder=b"e", model={},
                      root="/photos").close()
    memory = lambda: peak_bytes() / 2**20
    written = lambda: int(Path("/proc/self/io").read_text().split()[3])
    codes = np.random.default_rng(first)
    with writer.open_for_append(path) as index:
        before = memory(), written()
        for row in range(first, first + count, 1000):
            references = [Reference(f"{i:010}.jpg", i, i) for i in range(row, row + 1000)]
            index.append(codes.integers(0, 256, (1000, 8), np.uint8), references)
        print(json.dumps([memory() - before[0], written() - before[1]]))
"""


def written(path, first, count):
    """MiB that a process gains while it writes codes, and the bytes that it writes."""
    command = [sys.executable, "-c", textwrap.dedent(WRITE), str(path), str(first), str(count)]
    importing = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return json.loads(
        subprocess.run(command, capture_output=True, check=True, env=importing).stdout
    )


def campaign(folder, count):
    gained, _ = written(folder / "large.h5", 0, count)
    written(folder / "small.h5", 0, 5_000)
    _, to_large = written(folder / "large.h5", count, 1_000)
    _, to_small = written(folder / "small.h5", 5_000, 1_000)

    assert gained < 200
    assert to_large < 1.5 * to_small
    assert to_large < 1_000_000
    assert list(problems(folder / "large.h5")) == []


def test_an_index_grows_in_bounded_memory_and_by_what_is_added(tmp_path):
    campaign(tmp_path, 60_000)


@pytest.mark.slow
def test_a_million_codes_in_bounded_memory(tmp_path):
    campaign(tmp_path, 1_000_000)
