"""Which pairs have to be looked at so that none within the radius is missed.

Pigeonhole (Norouzi, Punjani and Fleet, "Fast exact search in Hamming space with multi-index
hashing", TPAMI 2014): cut codes into radius + 1 pieces; two codes that differ in at most
`radius` bits agree on a whole piece. Only codes with a common piece are compared, unless that
is more work than comparing all.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from nachash.shapes import Int32, UInt8, UInt32

_LONGEST_KEY: Final = 32  # bits of a piece that are looked at; agreeing on them is necessary
_AT_ONCE: Final = 1 << 18  # codes whose bits are looked at one by one
_SHORTEST_PIECE: Final = 4  # bits; shorter pieces hardly tell codes apart


@dataclass(frozen=True, slots=True)
class Candidates:
    """Items in an order in which those to be compared are neighbours.

    Row r stands for item `order[r]` and is compared with rows r + 1 to `ends[r]`.
    """

    order: Int32[np.ndarray, "n"]
    ends: Int32[np.ndarray, "n"]

    @property
    def pairs(self) -> int:
        """Number of comparisons."""
        n = len(self.ends)
        return int(self.ends.sum(dtype=np.int64)) - n * (n + 1) // 2


def candidates(codes: UInt8[np.ndarray, "n bytes"], bits: int, radius: int) -> Iterator[Candidates]:
    """Sets of candidates that together hold every pair within the radius."""
    n = len(codes)
    pieces = _pieces(bits, radius)
    if pieces and sum(_by_piece(codes, *piece).pairs for piece in pieces) < n * (n - 1) // 2:
        for piece in pieces:
            yield _by_piece(codes, *piece)
    else:
        yield Candidates(np.arange(n, dtype=np.int32), np.full(n, n, np.int32))


def _pieces(bits: int, radius: int) -> list[tuple[int, int]]:
    """First and last bit (exclusive) of each piece; none where pieces would be too short."""
    borders = [bits * number // (radius + 1) for number in range(radius + 2)]
    if bits // (radius + 1) < _SHORTEST_PIECE:
        return []
    return list(itertools.pairwise(borders))


def _by_piece(codes: UInt8[np.ndarray, "n bytes"], first: int, last: int) -> Candidates:
    """Items sorted by one piece of their codes, compared within equal ones."""
    last = min(last, first + _LONGEST_KEY)
    key = np.empty(len(codes), np.uint32)
    for start in range(0, len(codes), _AT_ONCE):
        key[start : start + _AT_ONCE] = _key(codes[start : start + _AT_ONCE], first, last)
    order = np.argsort(key, kind="stable").astype(np.int32)
    key = key[order]
    borders = np.flatnonzero(np.concatenate([key[1:] != key[:-1], np.ones(len(key[:1]), bool)])) + 1
    ends = np.repeat(borders.astype(np.int32), np.diff(borders, prepend=0))
    return Candidates(order, ends)


def _key(codes: UInt8[np.ndarray, "n bytes"], first: int, last: int) -> UInt32[np.ndarray, "n"]:
    """Some bits of each code, up to 32, as a number."""
    present = np.unpackbits(codes[:, first // 8 : -(-last // 8)], axis=1)
    offset = first % 8
    packed = np.packbits(present[:, offset : offset + last - first], axis=1)
    key = np.zeros(len(codes), np.uint32)
    for column in packed.T:
        key = (key << np.uint32(8)) | column
    return key
