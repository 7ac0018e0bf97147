"""Hits of a served index as the records that leave the server."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from nachash import codes as code
from nachash.results.serve import ServedImage
from nachash.shapes import Int64, UInt8
from nachash.tasks.search.searchable import Searchable

_REPLACED: Final = "replace"  # what is no text in a path


def images(
    snapshot: Searchable,
    rows: Sequence[int],
    distances: Sequence[int] | None = None,
) -> tuple[ServedImage, ...]:
    """Rows of an index with what is known of them."""
    positions = np.array(rows, np.int64)
    known = zip(rows, snapshot.paths(positions), snapshot.label_texts(positions), strict=True)
    return tuple(
        ServedImage(
            id=int(snapshot.ids[row]),
            path=text(path),
            distance=None if distances is None else int(distances[place]),
            label=label,
            code=snapshot.codes[row].tobytes().hex(),
        )
        for place, (row, path, label) in enumerate(known)
    )


def nearest(
    snapshot: Searchable,
    ids: Int64[np.ndarray, "k"],
    distances: Int64[np.ndarray, "k"],
) -> tuple[ServedImage, ...]:
    """Hits of one query."""
    return images(snapshot, snapshot.positions(ids).tolist(), distances.tolist())


def within(counts: Sequence[int]) -> tuple[int, ...]:
    """Images at each radius, from the images at each distance."""
    return tuple(np.cumsum(counts).tolist())


def bits_text(hexadecimal: str, bits: int) -> str:
    """A code in hex as 0 and 1."""
    packed: UInt8[np.ndarray, "bytes"] = np.frombuffer(bytes.fromhex(hexadecimal), np.uint8)
    return "".join("01"[int(bit)] for bit in code.unpack(packed, bits))


def text(path: str) -> str:
    """A path as text: bytes that are none are replaced, since JSON cannot carry them."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", _REPLACED)
