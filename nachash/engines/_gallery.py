"""Codes in ascending order of their ids, and the checks that every engine owes its callers."""

from dataclasses import dataclass

import numpy as np

from nachash.codes import checked_bits, code_bytes
from nachash.errors import UsageError
from nachash.shapes import Int64, UInt8


@dataclass(frozen=True, slots=True)
class Gallery:
    """What an engine searches."""

    codes: UInt8[np.ndarray, "n bytes"]
    ids: Int64[np.ndarray, "n"]
    bits: int

    @classmethod
    def of(
        cls, codes: UInt8[np.ndarray, "n bytes"], ids: Int64[np.ndarray, "n"], bits: int
    ) -> "Gallery":
        """Codes sorted by id.

        Raises:
            UsageError: for an id that comes twice, or codes that have not `bits` bits.
        """
        checked_length(codes, checked_bits(bits))
        if (np.diff(ids) <= 0).any():
            order = np.argsort(ids, kind="stable")
            codes, ids = codes[order], ids[order]
            if (np.diff(ids) == 0).any():
                twice = ids[1:][np.diff(ids) == 0][0]
                raise UsageError(f"id {twice} comes twice: the ids of an engine are distinct")
        return cls(codes, ids, bits)

    def rows_of(self, ids: Int64[np.ndarray, "k"]) -> Int64[np.ndarray, "k"]:
        """Where some ids stand, in ascending order.

        Raises:
            UsageError: for an id that is not there.
        """
        unknown = np.setdiff1d(ids, self.ids)
        if len(unknown):
            raise UsageError(f"id {unknown[0]} cannot be searched: it is not there")
        return np.flatnonzero(np.isin(self.ids, ids, kind="sort"))

    def at(self, rows: Int64[np.ndarray, "k"]) -> "Gallery":
        """Some rows of this gallery, which ascend."""
        return Gallery(self.codes[rows], self.ids[rows], self.bits)


def checked_length(codes: UInt8[np.ndarray, "n bytes"], bits: int) -> None:
    """Check that codes have the length of the gallery's.

    Raises:
        UsageError: when they have not.
    """
    if codes.shape[1] != code_bytes(bits):
        raise UsageError(
            f"codes of {codes.shape[1]} bytes cannot be searched among codes of {bits} bits, "
            f"which have {code_bytes(bits)}",
            "use the encoder of the index for the queries",
        )


def checked_k(k: int) -> int:
    """Return `k` when it is at least 1.

    Raises:
        UsageError: when it is not.
    """
    if k < 1:
        raise UsageError(f"the {k} nearest cannot be searched: k must be at least 1", "use -k 10")
    return k


def checked_radius(radius: int) -> int:
    """Return `radius` when it is not negative.

    Raises:
        UsageError: when it is.
    """
    if radius < 0:
        raise UsageError(
            f"a radius of {radius} bits is not possible: it must be at least 0",
            "use --max-distance 2",
        )
    return radius
