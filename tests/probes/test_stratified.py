"""Subsets keep every class's share, are nested over fractions, and follow from their seed."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nachash.probes import stratified

CLASSES = st.lists(st.integers(0, 4), min_size=2, max_size=80).map(
    lambda numbers: np.array(numbers, np.int64)
)


def seeded(seed):
    return np.random.default_rng(seed)


@given(CLASSES, st.floats(0.01, 1.0), st.integers(0, 50))
def test_a_subset_has_the_rounded_share_of_each_class(classes, fraction, seed):
    subset = stratified.subset(classes, fraction, seeded(seed))

    assert subset.tolist() == sorted(set(subset.tolist()))
    for each in set(classes.tolist()):
        size = (classes == each).sum()
        taken = (classes[subset] == each).sum()
        assert taken == 1 or abs(taken - fraction * size) <= 0.5
        assert taken >= 1


@given(CLASSES, st.floats(0.01, 1.0), st.floats(0.01, 1.0), st.integers(0, 50))
def test_a_smaller_fraction_lies_inside_a_larger_one(classes, one, other, seed):
    small, large = (stratified.subset(classes, f, seeded(seed)) for f in sorted((one, other)))

    assert set(small.tolist()) <= set(large.tolist())


@given(CLASSES.map(lambda each: np.concatenate([each, each])), st.floats(0.01, 0.99))
def test_what_is_held_out_leaves_every_class_on_both_sides(classes, share):
    held = stratified.held_out(classes, share, seeded(0))
    kept = np.setdiff1d(np.arange(len(classes)), held)

    assert set(classes[held].tolist()) == set(classes[kept].tolist()) == set(classes.tolist())


def test_the_seed_decides_and_all_is_all():
    classes = np.arange(200) % 4

    first, again = (stratified.subset(classes, 0.3, seeded(1)) for _ in range(2))
    other = stratified.subset(classes, 0.3, seeded(2))

    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()
    assert stratified.subset(classes, 1.0, seeded(1)).tolist() == list(range(200))
