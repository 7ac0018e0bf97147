"""Groups equal those of an all-pairs oracle in numpy; no pair is missed at any length."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nachash.codes import hamming, pack
from nachash.errors import UsageError
from nachash.grouping import _join, _join_numpy
from nachash.grouping import components as module
from nachash.grouping._candidates import candidates
from nachash.grouping.components import components
from nachash.grouping.stars import stars


def clustered(seed, n, bits, centres, flips):
    """Codes near a few centres, so that chains and ties occur."""
    rng = np.random.default_rng(seed)
    codes = (rng.random((centres, bits)) < 0.5)[rng.integers(0, centres, n)]
    for row in codes:
        row[rng.integers(0, bits, rng.integers(0, flips + 1))] ^= True
    return pack(codes)


both_loops = pytest.mark.parametrize("loops", [_join, _join_numpy], ids=["numba", "numpy"])


def components_by(loops, codes, **settings):
    """Components by the compiled loops or by those of numpy, whichever is installed."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("join_near", "merge", "flatten"):
            patch.setattr(module, name, getattr(loops, name))
        return components(codes, **settings)


def oracle(codes, radius):
    """The smallest row that a chain of near pairs leads to: labels spread until none moves."""
    near = np.concatenate(
        [hamming(codes[row : row + 500], codes) <= radius for row in range(0, len(codes), 500)]
    )
    label = np.arange(len(codes))
    while True:
        spread = np.array([label[row].min() for row in near])
        if (spread == label).all():
            return label
        label = spread


@both_loops
@settings(deadline=None, max_examples=60)
@given(
    bits=st.integers(8, 300),
    n=st.integers(1, 120),
    centres=st.integers(1, 30),
    flips=st.integers(0, 12),
    radius=st.integers(0, 20),
    seed=st.integers(0, 2**32 - 1),
)
@example(bits=64, n=1, centres=1, flips=0, radius=0, seed=0)
def test_components_equal_the_oracles(loops, bits, n, centres, flips, radius, seed):
    codes = clustered(seed, n, bits, centres, flips)

    found = components_by(loops, codes, bits=bits, radius=radius, threads=2)

    assert found.tolist() == oracle(codes, radius).tolist()


@both_loops
@pytest.mark.parametrize("radius", [3, 8, 17, 20])
def test_five_thousand_random_codes_equal_the_oracle(loops, radius):
    codes = np.random.default_rng(radius).integers(0, 256, (5000, 8), np.uint8)

    found = components_by(loops, codes, bits=64, radius=radius)

    assert found.tolist() == oracle(codes, radius).tolist()
    if radius > 8:
        assert 1 < len(np.unique(found)) < 5000


@settings(deadline=None, max_examples=40)
@given(bits=st.integers(8, 200), radius=st.integers(0, 12), seed=st.integers(0, 2**32 - 1))
def test_candidates_hold_every_near_pair(bits, radius, seed):
    codes = clustered(seed, 40, bits, 8, radius + 2)

    offered = set()
    for found in candidates(codes, bits, radius):
        for row, end in enumerate(found.ends):
            offered |= {
                frozenset((int(found.order[row]), int(o))) for o in found.order[row + 1 : end]
            }

    near = np.argwhere(hamming(codes, codes) <= radius)
    assert {frozenset(map(int, pair)) for pair in near if pair[0] < pair[1]} <= offered


def test_the_number_of_threads_changes_nothing():
    codes = clustered(5, 3000, 64, 40, 9)

    one, three = (components(codes, bits=64, radius=4, threads=count) for count in (1, 3))

    assert one.tolist() == three.tolist()


def test_no_codes_have_no_groups():
    assert components(np.zeros((0, 8), np.uint8), bits=64, radius=2).tolist() == []


def test_a_negative_radius_is_refused():
    with pytest.raises(UsageError, match="-1"):
        components(np.zeros((2, 8), np.uint8), bits=64, radius=-1)


def test_a_star_has_every_member_within_the_radius_of_its_centre():
    chain = pack(np.tri(10, 16, -1, dtype=bool))  # each differs from the next by one bit

    centre = stars(chain, np.arange(10), 2)

    assert centre.tolist() == [0, 0, 0, 3, 3, 3, 6, 6, 6, 9]
    assert set(components(chain, bits=16, radius=2)) == {0}


def test_the_preferred_code_becomes_the_centre():
    chain = pack(np.tri(4, 16, -1, dtype=bool))

    assert stars(chain, np.array([2, 0, 1, 3]), 2).tolist() == [2, 2, 2, 2]
