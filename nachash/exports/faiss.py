"""FAISS: an IndexBinaryIDMap of IndexBinaryFlat, for `faiss.read_index_binary`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from nachash.complete_file import complete_file
from nachash.shapes import Int64, UInt8

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


BESIDE: Final[tuple[str, ...]] = ()


def write(
    out: Path,
    *,
    ids: Int64[np.ndarray, "n"],
    codes: UInt8[np.ndarray, "n bytes"],
    paths: Sequence[str],
    bits: int,
) -> None:
    """Write codes under their ids; FAISS knows no paths. Padding bits are zero in its codes too."""
    import faiss

    index = faiss.IndexBinaryIDMap(faiss.IndexBinaryFlat(8 * codes.shape[1]))
    if len(codes):
        index.add_with_ids(np.ascontiguousarray(codes), ids)
    with complete_file(out) as file:
        # Through us: FAISS itself only prints what the system says when it closes a file.
        faiss.write_index_binary(index, faiss.PyCallbackIOWriter(file.write))  # type: ignore[attr-defined]
