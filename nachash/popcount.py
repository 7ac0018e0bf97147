"""Ones in a 64-bit word, compiled by numba: the heart of every loop over pairs of codes."""

from typing import Any, Final, no_type_check

import numba
import numpy as np

_ODD: Final = np.uint64(0x5555555555555555)
_PAIRS: Final = np.uint64(0x3333333333333333)
_NIBBLES: Final = np.uint64(0x0F0F0F0F0F0F0F0F)
_BYTES: Final = np.uint64(0x0101010101010101)


@numba.njit(inline="always")
@no_type_check
def ones(word: Any) -> Any:
    """Ones in a 64-bit word, added up in parallel (Warren, Hacker's Delight, 5-1)."""
    word -= (word >> np.uint64(1)) & _ODD
    word = (word & _PAIRS) + ((word >> np.uint64(2)) & _PAIRS)
    word = (word + (word >> np.uint64(4))) & _NIBBLES
    return (word * _BYTES) >> np.uint64(56)
