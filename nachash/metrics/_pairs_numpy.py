"""The loop over all pairs of codes by numpy alone, for installations without numba.

About four times the time of `_pairs`, and on one core: `bincount` holds the interpreter.
"""

import itertools
from typing import Any, Final

import numpy as np

_BLOCK: Final = 32_768  # items whose words stay in the second-level cache


def count_pairs(
    queries: Any, gallery: Any, wanted: Any, label_set: Any, shared_ones: Any, counts: Any
) -> None:
    """Count the items at each distance from each query; arguments as of `_pairs.count_pairs`."""
    keys = counts.shape[2]
    compare = np.bitwise_and if shared_ones else np.bitwise_xor
    other_key = wanted.astype(np.uint16) * np.uint16(keys)
    starts = range(0, gallery.shape[1], _BLOCK)
    for start, query in itertools.product(starts, range(len(queries))):
        block = gallery[:, start : start + _BLOCK]
        distances = other_key[query][label_set[start : start + _BLOCK]]
        for number, word in enumerate(queries[query]):
            distances += np.bitwise_count(compare(block[number], word))
        counts[query] += np.bincount(distances, minlength=2 * keys).reshape(2, keys)
