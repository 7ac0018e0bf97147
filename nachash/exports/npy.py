"""NumPy: the codes as uint8 [rows, bytes], beside it FILE.ids.npy and FILE.paths.txt."""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from nachash.complete_file import complete_file
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
    lines = "".join(f"{path.replace(chr(10), ' ')}\n" for path in paths)
    with (
        complete_file(out) as codes_to,
        complete_file(ids_file) as ids_to,
        complete_file(paths_file) as paths_to,
    ):
        _save(codes_to, codes)
        _save(ids_to, ids)
        paths_to.write(lines.encode("utf-8", "surrogateescape"))
        for file in (codes_to, ids_to, paths_to):  # no name is taken before all are complete
            file.flush()


def _save(file: BinaryIO, array: np.ndarray) -> None:
    """Write an array; `numpy.save` does not hear what the system says when it closes a file."""
    header = np.lib.format.header_data_from_array_1_0(array)
    np.lib.format.write_array_header_1_0(file, header)
    file.write(np.ascontiguousarray(array).data)
