"""Asymmetric rankings against a sort of the distances themselves."""

import numpy as np
import pytest

from nachash import codes
from nachash.errors import UsageError
from nachash.metrics import asymmetric
from nachash.metrics.average_precision import average_precision
from nachash.tasks.evaluate.evaluate import scores_of
from nachash.tasks.evaluate.retrieval import Labelled, Retrieval, labelled

QUERIES, GALLERY, BITS, CLASSES = 7, 40, 12, 3


def drawn(seed=0):
    rng = np.random.default_rng(seed)
    activations = rng.standard_normal((QUERIES, BITS)).astype(np.float32)
    gallery = codes.pack(rng.random((GALLERY, BITS)) < 0.5)
    gallery[20:30] = gallery[:10]  # ties
    one_hot = np.eye(CLASSES, dtype=np.uint8)
    classes = [one_hot[rng.integers(0, CLASSES, n)] for n in (QUERIES, GALLERY)]
    return labelled(activations, classes[0]), Labelled(gallery, classes[1])


def distances(queries, gallery):
    """Sum of |a| over the bits that differ, by loops."""
    rows = []
    for activation in queries.activations.tolist():
        row = []
        for code in codes.unpack(gallery.codes, BITS).tolist():
            pairs = zip(activation, code, strict=True)
            row.append(round(sum(abs(a) for a, bit in pairs if (a > 0) != bit), 5))
        rows.append(row)
    return rows


@pytest.mark.parametrize("cells", [1, GALLERY * 2, 1 << 20])
def test_the_counts_are_those_of_the_sorted_distances(monkeypatch, cells):
    monkeypatch.setattr(asymmetric, "_CELLS", cells)
    queries, gallery = drawn()

    found = list(
        asymmetric.rankings(queries.activations, gallery.codes, queries.labels, gallery.labels)
    )

    items = np.concatenate([one.items for one in found])
    relevant = np.concatenate([one.relevant for one in found])
    for query, row in enumerate(distances(queries, gallery)):
        for column, distance in enumerate(sorted(set(row))):
            tied = [place for place, other in enumerate(row) if other == distance]
            hits = (gallery.labels[tied] & queries.labels[query]).any(axis=1).sum()
            assert (items[query, column], relevant[query, column]) == (len(tied), hits)
    assert (items.sum(axis=1) == GALLERY).all()


def test_activations_that_are_bits_rank_as_hamming():
    queries, gallery = drawn()
    bits = np.where(queries.activations > 0, 1, -1).astype(np.float32)
    task = Retrieval(labelled(bits, queries.labels), gallery, None, BITS, "p", "n")

    asymmetric_, hamming = (scores_of(task, score=score) for score in ("asymmetric", "hamming"))

    assert asymmetric_.map == pytest.approx(hamming.map, rel=1e-12)
    assert asymmetric_.precision_at == pytest.approx(hamming.precision_at)
    assert asymmetric_.precision_radius2 == hamming.precision_radius2


def test_the_scores_are_those_of_the_ranking():
    queries, gallery = drawn()
    task = Retrieval(queries, gallery, None, BITS, "p", "n")

    scores = scores_of(task, score="asymmetric", at=5, over="possible")

    (ranking,) = asymmetric.rankings(
        queries.activations, gallery.codes, queries.labels, gallery.labels
    )
    assert scores.map == pytest.approx(average_precision(ranking, 5, over="possible").mean())
    assert scores.distinct == 30


def test_bits_alone_are_not_enough():
    queries, gallery = drawn()
    task = Retrieval(Labelled(queries.codes, queries.labels), gallery, None, BITS, "p", "n")

    with pytest.raises(UsageError, match="an index keeps bits"):
        scores_of(task, score="asymmetric")
