"""Bits, bytes and distances, for every length from 1 to 512."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nachash import codes
from nachash.errors import UsageError

lengths = st.integers(1, 512)
seeds = st.integers(0, 2**32 - 1)


def random_bits(seed, n, bits):
    generator = np.random.default_rng(seed)
    return generator.random((n, bits)) < generator.random()


@pytest.mark.parametrize("bits", range(1, 513))
def test_unpacking_undoes_packing_for_every_length(bits):
    original = random_bits(bits, 5, bits)

    packed = codes.pack(original)

    assert packed.shape == (5, codes.code_bytes(bits))
    assert (codes.unpack(packed, bits) == original).all()
    assert codes.padding_is_zero(packed, bits)


@settings(deadline=None, max_examples=80)
@given(bits=lengths, seed=seeds)
def test_the_first_bit_is_the_most_significant(bits, seed):
    (row,) = random_bits(seed, 1, bits)

    digits = "".join(str(int(bit)) for bit in row)
    number = int(digits.ljust(8 * codes.code_bytes(bits), "0"), 2)

    assert codes.pack(row).tobytes() == number.to_bytes(codes.code_bytes(bits), "big")


@settings(deadline=None, max_examples=80)
@given(bits=lengths, seed=seeds)
def test_distance_and_popcount_equal_counting_bits(bits, seed):
    queries, gallery = random_bits(seed, 4, bits), random_bits(seed + 1, 6, bits)

    distances = codes.hamming(codes.pack(queries), codes.pack(gallery))

    assert distances.tolist() == [[int((q != g).sum()) for g in gallery] for q in queries]
    assert codes.popcount(codes.pack(gallery)).tolist() == gallery.sum(axis=1).tolist()


@settings(deadline=None, max_examples=60)
@given(bits=lengths, seed=seeds)
def test_the_distance_is_a_metric(bits, seed):
    packed = codes.pack(random_bits(seed, 6, bits))

    d = codes.hamming(packed, packed).astype(int)

    assert (np.diag(d) == 0).all()
    assert (d == d.T).all()
    assert (d[:, None, :] <= d[:, :, None] + d[None, :, :]).all()
    assert d.max() <= bits


def test_the_longest_code_reaches_its_largest_distance():
    none, every = np.zeros((1, 4096), bool), np.ones((1, 4096), bool)

    assert codes.hamming(codes.pack(none), codes.pack(every)).tolist() == [[4096]]


def test_zero_is_not_a_one_and_there_is_no_third_symbol():
    activations = np.array([[0.0, -0.0, 1e-45, -1e-45, np.inf, -np.inf, np.nan, 3]], np.float32)

    assert codes.binarise(activations)[0].astype(int).tolist() == [0, 0, 1, 0, 1, 0, 0, 1]
    assert codes.encode(activations).tolist() == [[0b00101001]]


@pytest.mark.parametrize("bits", [1, 7, 8, 9, 12, 63])
def test_a_one_in_the_padding_is_seen(bits):
    packed = codes.pack(np.ones((3, bits), bool))
    assert codes.padding_is_zero(packed, bits)
    assert codes.padding_is_zero(packed[:0], bits)

    if bits % 8:
        packed[1, -1] |= 1
        assert not codes.padding_is_zero(packed, bits)


@pytest.mark.parametrize("bits", [-1, 0, 4097])
def test_impossible_lengths_are_usage_errors(bits):
    with pytest.raises(UsageError, match=str(bits)):
        codes.checked_bits(bits)


@pytest.mark.parametrize("bits", [1, 64, 4096])
def test_possible_lengths_are_returned(bits):
    assert codes.checked_bits(bits) == bits
