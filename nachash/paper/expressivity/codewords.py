"""What a set of activation patterns says of expressivity: how many differ, and how far apart."""

import hashlib

import numpy as np

from nachash.shapes import Bool, Int64


def identities(patterns: Bool[np.ndarray, "n units"]) -> Int64[np.ndarray, "n"]:
    """A number per pattern, the same for equal ones: 64 bits of a BLAKE2 digest.

    Two different patterns among n share a number with probability below n^2 / 2^65.
    """
    packed = np.packbits(patterns, axis=1)
    digests = [hashlib.blake2b(row, digest_size=8).digest() for row in packed]
    return np.frombuffer(b"".join(digests), np.int64)


def distinct(patterns: Bool[np.ndarray, "n units"]) -> int:
    """How many different patterns there are."""
    return len(np.unique(identities(patterns)))


def mean_distance(patterns: Bool[np.ndarray, "n units"]) -> float:
    """Mean Hamming distance d_H = (D - <c_i, c_j>) / 2 over all pairs i != j, in units.

    A unit that is on in k of the n patterns differs in k (n - k) of the n (n - 1) / 2 pairs. The
    poster's measure of expressivity, and what the authors' code logs while it trains.
    """
    count = len(patterns)
    on = patterns.sum(axis=0, dtype=np.int64)
    return float((on * (count - on)).sum() / (count * (count - 1) / 2))
