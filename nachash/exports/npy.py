"""NumPy: the codes as uint8 [rows, bytes], beside it FILE.ids.npy and FILE.paths.txt."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from nachash.exports import complete_file
from nachash.shapes import Int64, UInt8

BESIDE: Final = (".ids.npy", ".paths.txt")


def write(
    out: Path,
    *,
    ids: Int64[np.ndarray, "n"],
    codes: UInt8[np.ndarray, "n bytes"],
    paths: Sequence[str],
    bits: int,
) -> None:
    """Write three files whose rows belong together; a newline in a path becomes a space."""
    ids_file, paths_file = (out.with_suffix(suffix) for suffix in BESIDE)
    for array, name in ((ids, ids_file), (codes, out)):
        with complete_file(name) as unborn, unborn.open("wb") as file:
            np.save(file, array, allow_pickle=False)
    with complete_file(paths_file) as unborn:
        lines = "".join(f"{path.replace(chr(10), ' ')}\n" for path in paths)
        unborn.write_bytes(lines.encode("utf-8", "surrogateescape"))
