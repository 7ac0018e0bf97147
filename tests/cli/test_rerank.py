"""`--rerank`: the same hits in the order of the asymmetric distance, checked by loops."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nachash.codes import asymmetric_distance, encode, hamming, pack


@given(st.integers(1, 70), st.integers(0, 2**32 - 1))
def test_the_asymmetric_distance_sums_the_activations_of_differing_bits(bits, seed):
    rng = np.random.default_rng(seed)
    activations = rng.standard_normal(bits).astype(np.float32)
    others = rng.random((5, bits)) < 0.5

    found = asymmetric_distance(activations, pack(others))

    for row, value in zip(others, found, strict=True):
        expected = sum(
            abs(float(a)) for a, bit in zip(activations, row, strict=True) if (a > 0) != bit
        )
        assert value == pytest.approx(expected)
    inner = np.where(others, 1.0, -1.0) @ activations.astype(np.float64)
    assert 2 * found + inner == pytest.approx(np.abs(activations).sum(dtype=np.float64))


def test_equal_certainty_gives_the_hamming_distance():
    rng = np.random.default_rng(0)
    activations = np.where(rng.random(64) < 0.5, 1, -1).astype(np.float32)
    codes = rng.integers(0, 256, (20, 8), np.uint8)

    expected = hamming(encode(activations)[None], codes)[0]
    assert asymmetric_distance(activations, codes).tolist() == expected.tolist()


def test_the_nearest_are_put_in_order_and_no_hit_is_lost(nachash, indexed_digits):
    def hits(*more):
        finished = nachash("search", "query.jpg", "--json", *more, cwd=indexed_digits)
        return [json.loads(line) for line in finished.out.splitlines()]

    plain, again = hits("-k", 30), hits("-k", 30, "--rerank", 20)
    radius = plain[25]["distance"]
    within = hits("--max-distance", radius)
    both = hits("--max-distance", radius, "--rerank", 5)

    weights = [hit["asymmetric"] for hit in again[:20]]
    assert weights == sorted(weights)
    assert {hit["id"] for hit in again[:20]} == {hit["id"] for hit in plain[:20]}
    assert [hit["id"] for hit in again[20:]] == [hit["id"] for hit in plain[20:]]
    assert "asymmetric" not in again[20]
    assert {hit["id"] for hit in both} == {hit["id"] for hit in within}
    assert hits("-k", 3, "--rerank", 20)[0]["id"] == again[0]["id"]


def test_an_indexed_image_cannot_be_reranked(nachash, indexed_digits):
    finished = nachash("search", "--id", 3, "--rerank", 5, cwd=indexed_digits)

    assert finished.code == 2
    assert "only the bits are known" in finished.err
