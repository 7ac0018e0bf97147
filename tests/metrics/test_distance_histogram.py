"""Histograms equal loops over pairs, for every shape of codes and labels."""

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nachash.codes import pack
from nachash.errors import UsageError
from nachash.metrics import _pairs, _pairs_numpy, distance_histogram
from nachash.metrics.distance_histogram import histograms

scores = st.sampled_from(distance_histogram.SCORES)


def labels_of(kind, generator, n, classes):
    """One label, at most one, or any number of labels an image."""
    one_hot = np.eye(classes, dtype=np.uint8)[generator.integers(0, classes, n)]
    if kind == "one":
        return one_hot
    if kind == "at most one":
        return one_hot * generator.integers(0, 2, (n, 1), dtype=np.uint8)
    return (generator.random((n, classes)) < 0.3).astype(np.uint8)


@pytest.mark.parametrize("loop", [_pairs, _pairs_numpy], ids=["numba", "numpy"])
@settings(deadline=None, max_examples=120)
@given(
    bits=st.integers(1, 300),
    queries=st.integers(1, 6),
    gallery=st.integers(1, 25),
    classes=st.integers(1, 130),
    kinds=st.tuples(*[st.sampled_from(["one", "at most one", "many"])] * 2),
    score=scores,
    threads=st.integers(1, 3),
    leave_out=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_counts_equal_those_of_loops(
    loop, bits, queries, gallery, classes, kinds, score, threads, leave_out, seed
):
    generator = np.random.default_rng(seed)
    query_bits = generator.random((queries, bits)) < generator.random()
    gallery_bits = generator.random((gallery, bits)) < generator.random()
    query_labels = labels_of(kinds[0], generator, queries, classes)
    gallery_labels = labels_of(kinds[1], generator, gallery, classes)
    exclude = generator.integers(0, gallery, queries) if leave_out else None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distance_histogram, "count_pairs", loop.count_pairs)
        found = histograms(
            pack(query_bits), pack(gallery_bits), query_labels, gallery_labels,
            bits=bits, score=score, exclude=exclude, threads=threads,
        )  # fmt: skip

    items, relevant = oracles.histograms(
        query_bits, gallery_bits, query_labels, gallery_labels, bits, score, exclude
    )
    assert found.items.tolist() == items
    assert found.relevant.tolist() == relevant


@pytest.mark.parametrize("score", distance_histogram.SCORES)
@pytest.mark.parametrize("kind", ["one", "many"])
def test_counts_of_a_large_gallery_are_those_of_its_parts(score, kind):
    """The whole takes several cached blocks, each part less than one."""
    generator = np.random.default_rng(0)
    codes = generator.integers(0, 256, (10_000, 9), dtype=np.uint8)
    labels = labels_of(kind, generator, 10_000, 7)

    def counted(gallery):
        return histograms(
            codes[:9], codes[gallery], labels[:9], labels[gallery], bits=72, score=score
        )

    whole = counted(slice(None))
    parts = [counted(slice(start, start + 1000)) for start in range(0, 10_000, 1000)]

    assert (whole.items == sum(part.items for part in parts)).all()
    assert (whole.relevant == sum(part.relevant for part in parts)).all()
    assert (whole.items.sum(axis=1) == 10_000).all()


@pytest.mark.parametrize("score", distance_histogram.SCORES)
def test_leaving_one_out_equals_deleting_it(score):
    generator = np.random.default_rng(1)
    codes = generator.integers(0, 256, (30, 3), dtype=np.uint8)
    labels = labels_of("many", generator, 30, 4)

    left_out = histograms(codes, codes, labels, labels, bits=24, score=score, exclude=np.arange(30))

    for query in range(30):
        others = np.arange(30) != query
        one = slice(query, query + 1)
        deleted = histograms(
            codes[one], codes[others], labels[one], labels[others], bits=24, score=score
        )
        assert (left_out.items[query] == deleted.items[0]).all()
        assert (left_out.relevant[query] == deleted.relevant[0]).all()


@pytest.mark.parametrize("bits", [255, 256, 1024, 4096])
def test_long_codes_reach_their_largest_distance(bits):
    none, all_ones = pack(np.zeros((1, bits), bool)), pack(np.ones((1, bits), bool))
    label = np.ones((1, 1), np.uint8)

    far = histograms(none, all_ones, label, label, bits=bits)
    unlike = histograms(none, all_ones, label, label, bits=bits, score="dot01")

    assert far.items[0, bits] == far.relevant[0, bits] == unlike.items[0, bits] == 1


def test_an_empty_gallery_has_empty_histograms():
    code, label = np.zeros((2, 1), np.uint8), np.ones((2, 3), np.uint8)

    found = histograms(code, code[:0], label, label[:0], bits=8)

    assert found.items.sum() == found.relevant.sum() == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"score": "cosine"},
        {"bits": 17},
        {"gallery_codes": np.zeros((4, 3), np.uint8)},
        {"gallery_labels": np.zeros((4, 2), np.uint8)},
    ],
)
def test_arguments_that_do_not_fit_are_usage_errors(changed):
    arguments = {
        "query_codes": np.zeros((2, 2), np.uint8),
        "gallery_codes": np.zeros((4, 2), np.uint8),
        "query_labels": np.zeros((2, 5), np.uint8),
        "gallery_labels": np.zeros((4, 5), np.uint8),
        "bits": 16,
    }
    with pytest.raises(UsageError):
        histograms(**(arguments | changed))
