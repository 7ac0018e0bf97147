"""The index at a million codes: memory while it is written, what an addition costs, verifying.

Codes of 64 bits with paths of 32 letters, in batches of 1,000, through the store's own writer.
Memory is what the process gains while it writes; bytes are those that it hands to the system.
"""

import json
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

from _harness import Report, main

from nachash.index.verification import problems

WRITE = """
    import json, resource, sys, time
    from pathlib import Path
    import numpy as np
    from nachash.index import writer
    from nachash.records import Preprocessing, Reference

    path, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    batch = min(count, 1000)
    resident = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    written = lambda: int(Path("/proc/self/io").read_text().split()[3])  # bytes of write calls
    if not path.exists():
        writer.create(path, bits=64, preprocessing=Preprocessing(224), encoder=bytes(10**6),
                      model={}, root="/photos").close()
    rng = np.random.default_rng(first)
    with writer.open_for_append(path) as index:
        before, bytes_before, start = resident(), written(), time.perf_counter()
        for row in range(first, first + count, batch):
            references = [Reference(f"{i // 1000:06}/photograph-{i:010}.jpg", i, i)
                          for i in range(row, row + batch)]
            index.append(rng.integers(0, 256, (batch, 8), np.uint8), references)
        print(json.dumps({"seconds": time.perf_counter() - start, "memory": resident() - before,
                          "bytes": written() - bytes_before}))
"""


def measure(quick: bool) -> Report:
    """MiB gained, bytes that additions write, and MiB per second of `verify`."""
    count = 100_000 if quick else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        path, small = Path(name) / "large.h5", Path(name) / "small.h5"
        filled = written(path, 0, count)
        size = path.stat().st_size
        added = written(path, count, 1_000)
        written(small, 0, 10_000)
        added_to_small = written(small, 10_000, 1_000)
        start = time.perf_counter()
        if list(problems(path)):
            raise SystemExit(f"{path} is damaged")
        verified = time.perf_counter() - start
    mib = 1 << 20
    return Report(
        "index_store",
        {
            "bytes of adding 1,000 to many, to few": added["bytes"] / added_to_small["bytes"],
            "bytes of adding 1,000 to bytes of the index": added["bytes"] / size,
        },
        {
            "codes": count,
            "MiB gained while writing": filled["memory"],
            "codes per s": count / filled["seconds"],
            "MiB of the index": size / mib,
            "MiB written by adding 1,000": added["bytes"] / mib,
            "s to add 1,000": added["seconds"],
            "verify, MiB per s": size / mib / verified,
        },
    )


def written(path: Path, first: int, count: int) -> dict[str, float]:
    """What writing some codes cost a process of its own."""
    command = [sys.executable, "-c", textwrap.dedent(WRITE), path, str(first), str(count)]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(finished.stdout)


if __name__ == "__main__":
    main(measure)
