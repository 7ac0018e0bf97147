"""Sparse labels give the very counts that rows of zeros and ones give."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nachash.index.ragged import Ragged
from nachash.metrics import label_sets
from nachash.metrics.distance_histogram import by_sets, histograms
from nachash.metrics.label_sets import of_numbers

rows = st.lists(st.sets(st.integers(0, 4)), min_size=1, max_size=12)


def multi_hot(images):
    return np.array([[number in own for number in range(5)] for own in images], np.uint8)


@pytest.mark.parametrize("most_counted", [0, 1 << 24])
@settings(deadline=None, max_examples=60)
@given(queries=rows, gallery=rows, seed=st.integers(0, 99))
def test_numbers_and_zeros_and_ones_agree(most_counted, queries, gallery, seed):
    rng = np.random.default_rng(seed)
    asked, held = (rng.integers(0, 256, (len(some), 2), np.uint8) for some in (queries, gallery))
    own = rng.integers(0, len(gallery), len(queries))
    dense = [multi_hot(queries), multi_hot(gallery)]
    sparse = [Ragged.of_multi_hot(each) for each in dense]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(label_sets, "_MOST_COUNTED", most_counted)
        sets = of_numbers(*(part for each in sparse for part in (each.ends, each.values)))

    expected = histograms(asked, held, *dense, bits=16, exclude=own)
    found = by_sets(asked, held, sets, bits=16, exclude=own)
    assert found.items.tolist() == expected.items.tolist()
    assert found.relevant.tolist() == expected.relevant.tolist()


def test_no_more_sets_than_different_rows():
    held = Ragged.of_multi_hot(multi_hot([{1}, {0, 1}, {1}, set(), {0, 1}, {2}]))
    sets = of_numbers(held.ends, held.values, held.ends, held.values)

    assert [sets.of[0], sets.of[1]] == [sets.of[2], sets.of[4]]
    assert len(set(sets.of.tolist())) == sets.wanted(slice(0, 1)).shape[1] == 4
    assert sets.wanted(slice(0, 2)).sum(axis=1).tolist() == [2, 2]
