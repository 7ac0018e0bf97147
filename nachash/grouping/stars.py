"""Star groups: a centre and what is near the centre itself; chains do not count."""

import numpy as np

from nachash import codes as code
from nachash.shapes import Int64, UInt8


def stars(
    codes: UInt8[np.ndarray, "n bytes"], preference: Int64[np.ndarray, "n"], radius: int
) -> Int64[np.ndarray, "n"]:
    """For each code the row of its centre.

    In the order of `preference` (rows, best first), each code that has no centre yet becomes
    one and takes every code without centre that is at most `radius` bits away. Every member is
    thus within the radius of its centre. Expects the codes of one connected component.
    """
    centre = np.full(len(codes), -1, np.int64)
    for row in preference:
        if centre[row] >= 0:
            continue
        free = np.flatnonzero(centre < 0)
        near = free[code.popcount(codes[free] ^ codes[row]) <= radius]
        centre[near] = row
    return centre
