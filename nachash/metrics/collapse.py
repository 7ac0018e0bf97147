"""Whether codes tell images apart at all: how many differ, and how many bits never change.

The one measure here that looks at codes and not at distances from queries: a collapsed encoder is
a fault to be named, not a ranking to be scored.
"""

from dataclasses import dataclass

import numpy as np

from nachash import codes as code
from nachash.shapes import UInt8


@dataclass(frozen=True, slots=True)
class CodeUse:
    """What a set of codes makes of its bits.

    Attributes:
        images: number of codes.
        distinct: number of different codes among them.
        bits: length of a code.
        constant_bits: bits that have one value in every code.
    """

    images: int
    distinct: int
    bits: int
    constant_bits: int

    @property
    def collapsed(self) -> bool:
        """Whether several images all have the same code."""
        return self.images > 1 and self.distinct == 1

    def warning(self) -> str:
        """A sentence where something is wrong, else the empty string."""
        if self.collapsed:
            return f"the encoder has collapsed: all {self.images:,} images have the same code"
        if self.constant_bits and self.images > 1:
            return (
                f"{self.constant_bits} of {self.bits} bits have the same value in all "
                f"{self.images:,} codes and tell nothing apart"
            )
        return ""


def code_use(codes: UInt8[np.ndarray, "n bytes"], bits: int) -> CodeUse:
    """How many codes differ, and how many of their bits are constant.

    Without codes every bit is constant. Takes about n log n comparisons of codes.
    """
    words = code.as_words(codes)
    rows = words.view(np.dtype((np.void, words.shape[1] * 8))).ravel()
    if words.shape[1] == 1:  # numbers are sorted much faster
        rows = words[:, 0]
    always = np.bitwise_and.reduce(codes, axis=0)
    never = ~np.bitwise_or.reduce(codes, axis=0)
    constant = int(code.unpack(always | never, bits).sum())
    return CodeUse(len(codes), len(np.unique(rows)), bits, constant)
