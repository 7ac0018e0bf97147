"""The one loop over all pairs of codes, compiled by numba; everything else works on its counts.

numpy cannot share this work among threads (bincount holds the interpreter) and takes about four
times as long on one: see docs/design/counting-pairs.md.
"""

from typing import Any, Final, no_type_check

import numpy as np

from nachash.compiled import compiled
from nachash.popcount import ones

_BLOCK: Final = 4096  # items whose distances stay in the first-level cache


@compiled
@no_type_check
def count_pairs(
    queries: Any, gallery: Any, wanted: Any, label_set: Any, shared_ones: Any, counts: Any
) -> None:
    """Count the items at each distance from each query, apart for relevant and other ones.

    Args:
        queries: uint64 [queries words].
        gallery: uint64 [words gallery].
        wanted: uint8 [queries sets], 1 where the items with that label set are relevant.
        label_set: int64 [gallery], which set of labels an item has.
        shared_ones: whether to count ones that both codes have instead of differing bits.
        counts: int64 [queries 2 keys], added to: other items first, relevant ones second.
    """
    distances = np.empty(_BLOCK, np.uint16)
    for query in range(queries.shape[0]):
        relevant, found = wanted[query], counts[query]
        for start in range(0, gallery.shape[1], _BLOCK):
            size = min(_BLOCK, gallery.shape[1] - start)
            distances[:size] = 0
            for number in range(queries.shape[1]):
                word = queries[query, number]
                block = gallery[number, start : start + size]
                if shared_ones:
                    for item in range(size):
                        distances[item] += np.uint16(ones(block[item] & word))
                else:
                    for item in range(size):
                        distances[item] += np.uint16(ones(block[item] ^ word))
            for item in range(size):
                found[relevant[label_set[start + item]], distances[item]] += 1
