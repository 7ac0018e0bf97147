"""Expected average precision and its bounds, against every order of the tied items."""

from fractions import Fraction

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nachash.metrics.average_precision import average_precision
from nachash.metrics.average_precision_bounds import optimistic, pessimistic
from nachash.metrics.distance_histogram import Histograms

block = st.integers(0, 6).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))
small = st.lists(block, min_size=1, max_size=4).filter(
    lambda blocks: sum(n for n, _ in blocks) <= 14 and any(r for _, r in blocks)
)
cuts = st.one_of(st.none(), st.integers(1, 16))


def counted(*queries):
    """Histograms from lists of (items, relevant items) by distance."""
    counts = np.array(queries, np.int64)
    return Histograms(counts[..., 0], counts[..., 1])


def test_the_worked_example():
    """Distances 0, 1, 1, 2 with relevant items at 0, at one of the 1s, and at 2.

    Either + + - + : (1 + 1 + 3/4) / 3 = 11/12, or + - + + : (1 + 2/3 + 3/4) / 3 = 29/36;
    the mean is 31/36. Cut after two: + + is 1 and + - is 1. Cut after three: 1 or (1 + 2/3)/2.
    """
    example = counted([(1, 1), (2, 1), (1, 1)])

    assert average_precision(example)[0] == pytest.approx(31 / 36, abs=1e-15)
    assert optimistic(example)[0] == pytest.approx(11 / 12, abs=1e-15)
    assert pessimistic(example)[0] == pytest.approx(29 / 36, abs=1e-15)
    assert average_precision(example, at=2)[0] == pytest.approx(1, abs=1e-15)
    assert average_precision(example, at=3)[0] == pytest.approx((1 + 5 / 6) / 2, abs=1e-15)


@settings(deadline=None, max_examples=150)
@given(blocks=small, at=cuts, over=st.sampled_from(["found", "possible"]))
def test_the_mean_and_the_extremes_are_those_of_all_orders(blocks, at, over):
    values = [oracles.average_precision(ranking, at, over) for ranking in oracles.rankings(blocks)]
    example = counted(blocks)

    mean = sum(values, Fraction(0)) / len(values)
    assert average_precision(example, at, over=over)[0] == pytest.approx(float(mean), abs=1e-12)
    assert optimistic(example, at, over=over)[0] == pytest.approx(float(max(values)), abs=1e-12)
    assert pessimistic(example, at, over=over)[0] == pytest.approx(float(min(values)), abs=1e-12)


@settings(deadline=None, max_examples=60)
@given(ranking=st.lists(st.booleans(), min_size=1, max_size=200).filter(any), at=cuts)
def test_without_ties_all_three_are_the_plain_average_precision(ranking, at):
    example = counted([(1, int(relevant)) for relevant in ranking])
    expected = float(oracles.average_precision(ranking, at))

    for metric in (average_precision, optimistic, pessimistic):
        assert metric(example, at)[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("at", [None, 40, 137, 500, 1000])
def test_the_expectation_is_the_mean_over_shuffled_ties(at):
    """2,000 shuffles of 1,000 items at 9 distances, within five standard errors."""
    generator = np.random.default_rng(5)
    distances = generator.binomial(8, 0.4, 1000)
    relevant = generator.random(1000) < 0.4 - 0.04 * distances
    counts = [(int((distances == d).sum()), int(relevant[distances == d].sum())) for d in range(9)]

    values = []
    for _ in range(2000):
        order = np.lexsort((generator.random(1000), distances))
        values.append(_plain(relevant[order][:at]))

    error = np.std(values) / np.sqrt(len(values)) + 1e-12
    assert average_precision(counted(counts), at)[0] == pytest.approx(
        np.mean(values), abs=5 * error
    )
    assert pessimistic(counted(counts), at)[0] <= min(values)
    assert optimistic(counted(counts), at)[0] >= max(values)


def _plain(ranking):
    hits = np.cumsum(ranking)
    precision = hits / np.arange(1, len(ranking) + 1)
    return precision[ranking].mean() if ranking.any() else 0.0


def _exact(blocks, at=None):
    """The formula in rational numbers, summed rank by rank."""
    total, N, R = Fraction(0), 0, 0  # noqa: N806
    for n, r in blocks:
        if at is not None and N + n > at:
            return _exact_cut(n, r, N, R, at - N, total)
        for t in range(1, n + 1):
            others = Fraction((t - 1) * (r - 1), n - 1) if n > 1 else 0
            total += Fraction(r, n) * (R + 1 + others) / (N + t)
        N, R = N + n, R + r  # noqa: N806
    return total / R


def _exact_cut(n, r, N, R, m, before):  # noqa: N803
    from math import comb

    mean = Fraction(0)
    for h in range(max(0, m - n + r), min(m, r) + 1):
        inside = Fraction(0)
        for j in range(1, m + 1):
            others = Fraction((j - 1) * (h - 1), m - 1) if m > 1 else 0
            inside += Fraction(h, m) * (R + 1 + others) / (N + j)
        chance = Fraction(comb(r, h) * comb(n - r, m - h), comb(n, m))
        mean += chance * (before + inside) / (R + h) if R + h else 0
    return mean


@pytest.mark.parametrize(
    ("blocks", "at"),
    [
        ([(300, 40), (900, 80), (700, 5)], None),
        ([(300, 40), (900, 80), (700, 5)], 450),
        ([(300, 0), (900, 80), (700, 5)], 301),
        ([(1, 0), (900, 400)], 200),
        ([(0, 0), (600, 600)], 60),
        ([(2000, 1)], 7),
    ],
)
def test_large_blocks_keep_ten_digits(blocks, at):
    found = average_precision(counted(blocks), at)[0]

    assert found == pytest.approx(float(_exact(blocks, at)), abs=1e-11)


def test_a_million_items_keep_ten_digits():
    """2 relevant items in a tie of 2 after 10^6 others: 1/2 (1/(N + 1) + 2/(N + 2)), exactly."""
    N = 10**6  # noqa: N806
    found = average_precision(counted([(N, 0), (2, 2)]))[0]

    assert found == pytest.approx((1 / (N + 1) + 2 / (N + 2)) / 2, rel=1e-9)


@pytest.mark.parametrize("metric", [average_precision, optimistic, pessimistic])
def test_a_query_without_relevant_item_is_nan_and_one_without_hit_is_zero(metric):
    example = counted([(2, 0), (3, 0)], [(2, 0), (3, 3)])

    assert np.isnan(metric(example)).tolist() == [True, False]
    assert np.isnan(metric(example, 2)).tolist() == [True, False]
    assert metric(example, 2)[1] == 0


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), at=cuts)
def test_many_queries_at_once_equal_one_after_the_other(seed, at):
    generator = np.random.default_rng(seed)
    items = generator.integers(0, 30, (7, 5))
    relevant = generator.integers(0, items + 1)

    for metric in (average_precision, optimistic, pessimistic):
        together = metric(Histograms(items, relevant), at)
        alone = [
            metric(Histograms(items[one : one + 1], relevant[one : one + 1]), at)[0]
            for one in range(7)
        ]
        np.testing.assert_allclose(together, alone, atol=1e-13)
