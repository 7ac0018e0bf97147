"""Precision, precision-recall curve and chance, against counting in rankings."""

from fractions import Fraction

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nachash.metrics.chance import chance
from nachash.metrics.distance_histogram import Histograms
from nachash.metrics.precision import precision_at, precision_within
from nachash.metrics.precision_recall import precision_recall

block = st.integers(0, 5).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))
small = st.lists(block, min_size=1, max_size=4).filter(lambda blocks: any(r for _, r in blocks))


def counted(*queries):
    counts = np.array(queries, np.int64)
    return Histograms(counts[..., 0], counts[..., 1])


@settings(deadline=None, max_examples=100)
@given(blocks=small, k=st.integers(1, 25))
def test_precision_at_k_is_the_mean_over_all_orders(blocks, k):
    values = [Fraction(sum(ranking[:k]), k) for ranking in oracles.rankings(blocks)]

    found = precision_at(counted(blocks), k)[0]

    assert found == pytest.approx(float(sum(values) / len(values)), abs=1e-13)


@settings(deadline=None, max_examples=100)
@given(blocks=small, radius=st.integers(0, 6))
def test_precision_within_a_radius_counts_the_ball_and_an_empty_one_as_zero(blocks, radius):
    ball = blocks[: radius + 1]
    items, relevant = sum(n for n, _ in ball), sum(r for _, r in ball)

    found = precision_within(counted(blocks), radius)[0]

    assert found == pytest.approx(relevant / items if items else 0, abs=1e-15)


def test_queries_without_relevant_item_are_nan():
    example = counted([(2, 0), (3, 0)], [(0, 0), (4, 3)])

    for values in (precision_at(example, 3), precision_within(example, 0), chance(example)):
        assert np.isnan(values).tolist() == [True, False]
    assert precision_within(example, 0)[1] == 0
    assert chance(example)[1] == 0.75


def test_the_curve_by_hand():
    """Three queries at two distances; the last has no relevant item and is left out.

    Radius 0: balls of 2 (1 relevant of 2) and of 0: precision 1/2 over the one that is not
    empty, recall (1/2 + 0)/2. Radius 1: 2 of 4 and 1 of 4, recall 1.
    """
    curve = precision_recall(counted([(2, 1), (2, 1)], [(0, 0), (4, 1)], [(3, 0), (1, 0)]))

    assert curve.radius.tolist() == [0, 1]
    assert curve.precision.tolist() == [0.5, (0.5 + 0.25) / 2]
    assert curve.recall.tolist() == [0.25, 1.0]


def test_a_radius_at_which_every_ball_is_empty_has_no_precision():
    curve = precision_recall(counted([(0, 0), (4, 1)]))

    assert np.isnan(curve.precision).tolist() == [True, False]
    assert curve.recall.tolist() == [0.0, 1.0]


def test_a_curve_of_queries_without_relevant_items_has_no_value():
    curve = precision_recall(counted([(3, 0), (4, 0)]))

    assert np.isnan(curve.precision).all()
    assert np.isnan(curve.recall).all()
