"""Star groups: a centre and what is near the centre itself; chains do not count."""

from collections.abc import Callable

import numpy as np

from nachash import codes as code
from nachash.shapes import Int64, UInt8

Confirm = Callable[[int, int], bool]


def stars(
    codes: UInt8[np.ndarray, "n bytes"],
    preference: Int64[np.ndarray, "n"],
    radius: int,
    confirm: Confirm = lambda _centre, _row: True,
) -> Int64[np.ndarray, "n"]:
    """For each code the row of its centre.

    In the order of `preference` (rows, best first), each code that has no centre yet becomes
    one and takes every code without centre that is at most `radius` bits away and that `confirm`
    (of the centre and the row) lets it take. Expects the codes of one connected component.
    """
    return _grouped(codes, preference, radius, confirm, chained=False)


def chains(
    codes: UInt8[np.ndarray, "n bytes"],
    preference: Int64[np.ndarray, "n"],
    radius: int,
    confirm: Confirm,
) -> Int64[np.ndarray, "n"]:
    """The same for groups that confirmed pairs link: for each code the best row of its group."""
    return _grouped(codes, preference, radius, confirm, chained=True)


def _grouped(
    codes: UInt8[np.ndarray, "n bytes"],
    preference: Int64[np.ndarray, "n"],
    radius: int,
    confirm: Confirm,
    *,
    chained: bool,
) -> Int64[np.ndarray, "n"]:
    """For each code the row of its group's best; with `chained`, members take others too."""
    centre = np.full(len(codes), -1, np.int64)
    for best in preference.tolist():
        if centre[best] >= 0:
            continue
        centre[best] = best
        taking = [best]
        while taking:
            row = taking.pop()
            for other in _free_near(codes, centre, row, radius):
                if confirm(row, other):
                    centre[other] = best
                    if chained:
                        taking.append(other)
    return centre


def _free_near(
    codes: UInt8[np.ndarray, "n bytes"], centre: Int64[np.ndarray, "n"], row: int, radius: int
) -> list[int]:
    """Rows without a centre that are near a row, nearest first."""
    free = np.flatnonzero(centre < 0)
    distances = code.popcount(codes[free] ^ codes[row])
    near = distances <= radius
    order = np.argsort(distances[near], kind="stable")
    found: list[int] = free[near][order].tolist()
    return found
