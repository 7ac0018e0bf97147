"""Distinct codes and constant bits, against sets of tuples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nachash import codes
from nachash.metrics.collapse import code_use


@settings(deadline=None, max_examples=200)
@given(
    bits=st.integers(1, 20),
    images=st.integers(1, 12),
    share=st.floats(0, 1),
    seed=st.integers(0, 10**6),
)
def test_distinct_codes_and_constant_bits_are_those_of_a_set(bits, images, share, seed):
    matrix = np.random.default_rng(seed).random((images, bits)) < share

    use = code_use(codes.pack(matrix), bits)

    assert use.images == images
    assert use.distinct == len({tuple(row) for row in matrix.tolist()})
    assert use.constant_bits == sum(len(set(column)) == 1 for column in matrix.T.tolist())
    assert use.bits == bits


def test_equal_codes_are_a_collapse_and_are_named_first():
    use = code_use(np.full((1200, 2), 0b10110000, np.uint8), 12)

    assert use.collapsed
    assert use.warning() == "the encoder has collapsed: all 1,200 images have the same code"


def test_a_constant_bit_is_counted_and_named():
    use = code_use(codes.pack(np.array([[1, 0, 1], [1, 1, 1], [1, 0, 1]], bool)), 3)

    assert not use.collapsed
    assert use.warning() == "2 of 3 bits have the same value in all 3 codes and tell nothing apart"


def test_healthy_codes_need_no_sentence():
    assert code_use(codes.pack(np.eye(9, dtype=bool)), 9).warning() == ""


@pytest.mark.parametrize("images", [0, 1])
def test_one_image_or_none_is_no_collapse(images):
    use = code_use(np.zeros((images, 3), np.uint8), 24)

    assert not use.collapsed
    assert use.constant_bits == 24
    assert use.warning() == ""
