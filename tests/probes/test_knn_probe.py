"""Votes of neighbours equal a loop written from the definition, ties by their expectation."""

import itertools
import math

import numpy as np
import pytest

from nachash.probes import knn


def naive(query, gallery, classes, neighbours, temperature, count):
    """Votes of the nearest, averaged over every order of the tied ones."""
    cosines = [
        sum(a * b for a, b in zip(query, row, strict=True))
        / math.sqrt(sum(a * a for a in query) * sum(b * b for b in row))
        for row in gallery
    ]
    cosines = [round(value, 9) for value in cosines]
    taken = min(neighbours, len(gallery))
    last = sorted(cosines, reverse=True)[taken - 1]
    sure = [at for at, value in enumerate(cosines) if value > last]
    tied = [at for at, value in enumerate(cosines) if value == last]
    choices = list(itertools.combinations(tied, taken - len(sure)))
    votes = [0.0] * count
    for choice in choices:
        for at in (*sure, *choice):
            votes[classes[at]] += math.exp(cosines[at] / temperature) / len(choices)
    return votes


def expected(queries, gallery, classes, neighbours, temperature):
    count = int(classes.max()) + 1
    rows = [naive(q, gallery, classes, neighbours, temperature, count) for q in queries.tolist()]
    best = [max(row) for row in rows]
    clear = [sorted(row)[-2] < 0.999 * top for row, top in zip(rows, best, strict=True)]
    return np.array([row.index(max(row)) for row in rows]), np.array(clear)


@pytest.mark.parametrize("neighbours", [1, 4, 100])
def test_predictions_equal_a_loop_over_real_features(neighbours):
    rng = np.random.default_rng(neighbours)
    gallery, queries = rng.normal(size=(30, 5)), rng.normal(size=(40, 5))
    classes = rng.integers(0, 3, 30)

    found = knn.predictions(queries, gallery, classes, neighbours=neighbours)

    wanted, clear = expected(queries, gallery.tolist(), classes, neighbours, 0.07)
    assert found[clear].tolist() == wanted[clear].tolist()
    assert clear.mean() > 0.9


@pytest.mark.parametrize("neighbours", [1, 3, 7])
def test_codewords_are_ranked_by_hamming_distance_and_ties_count_by_chance(neighbours):
    rng = np.random.default_rng(3)
    gallery = np.where(rng.random((14, 6)) > 0.5, 1.0, -1.0)
    queries = np.where(rng.random((60, 6)) > 0.5, 1.0, -1.0)
    classes = rng.integers(0, 3, 14)

    found = knn.predictions(queries, gallery, classes, neighbours=neighbours, temperature=0.5)

    wanted, clear = expected(queries, gallery.tolist(), classes, neighbours, 0.5)
    assert found[clear].tolist() == wanted[clear].tolist()
    assert clear.mean() > 0.5


def test_the_order_of_the_gallery_does_not_matter():
    rng = np.random.default_rng(4)
    gallery = np.where(rng.random((300, 8)) > 0.5, 1, -1).astype(np.float32)
    queries = np.where(rng.random((50, 8)) > 0.5, 1, -1).astype(np.float32)
    classes = np.sort(rng.integers(0, 5, 300))
    shuffled = rng.permutation(300)

    one = knn.predictions(queries, gallery, classes, neighbours=11)
    other = knn.predictions(queries, gallery[shuffled], classes[shuffled], neighbours=11)

    assert one.tolist() == other.tolist()


def test_blocks_change_nothing(monkeypatch):
    rng = np.random.default_rng(5)
    gallery, queries = rng.normal(size=(50, 4)), rng.normal(size=(33, 4))
    classes = rng.integers(0, 4, 50)
    whole = knn.predictions(queries, gallery, classes, neighbours=9)

    monkeypatch.setattr(knn, "_BLOCK_NUMBERS", 150)

    assert knn.predictions(queries, gallery, classes, neighbours=9).tolist() == whole.tolist()


def test_a_row_of_zeros_and_a_tiny_temperature_stay_finite():
    gallery = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    classes = np.array([0, 1, 2])

    found = knn.predictions(gallery, gallery, classes, neighbours=2, temperature=1e-4)

    assert found[1:].tolist() == [1, 2]
