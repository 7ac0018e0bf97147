"""CSV with the columns id, path, code; a code is hexadecimal, most significant bit first."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from nachash.complete_file import complete_file
from nachash.shapes import Int64, UInt8

BESIDE: Final[tuple[str, ...]] = ()


def write(
    out: Path,
    *,
    ids: Int64[np.ndarray, "n"],
    codes: UInt8[np.ndarray, "n bytes"],
    paths: Sequence[str],
    bits: int,
) -> None:
    """Write one file, UTF-8; bytes of names that are not UTF-8 are kept."""
    with (
        complete_file(out) as raw,
        io.TextIOWrapper(raw, "utf-8", errors="surrogateescape", newline="") as file,
    ):
        table = csv.writer(file)
        table.writerow(("id", "path", "code"))
        rows = zip(ids.tolist(), paths, codes, strict=True)
        table.writerows((identifier, path, code.tobytes().hex()) for identifier, path, code in rows)
