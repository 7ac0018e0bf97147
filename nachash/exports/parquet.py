"""Parquet with the columns id, path, code; a code is hexadecimal, most significant bit first."""

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
    r"""Write one file; a path that is not UTF-8 gets its bytes escaped, as in `\xff`."""
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table(
        {
            "id": ids,
            "path": [_escaped(path) for path in paths],
            "code": [code.tobytes().hex() for code in codes],
        }
    )
    with complete_file(out) as file:
        parquet.write_table(table, file)


def _escaped(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
