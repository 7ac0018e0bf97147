"""Every engine gives the oracle's answer; the oracle is compared with sorting in Python."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nachash import plugins
from nachash.codes import hamming, pack
from nachash.engines import exact
from nachash.errors import UsageError

ENGINES = plugins.names("engines")
every_engine = pytest.mark.parametrize("name", ENGINES)


def built(name, codes, ids, bits):
    return plugins.load("engines", name).build(codes, ids=ids, bits=bits)


def codes_with_ties(seed, n, bits, patterns=6):
    """Codes of few distinct patterns, so that most distances are ties."""
    generator = np.random.default_rng(seed)
    distinct = generator.random((patterns, bits)) < 0.5
    return pack(distinct[generator.integers(0, patterns, n)])


def shuffled_ids(seed, n):
    return np.random.default_rng(seed).permutation(3 * n)[:n].astype(np.int64)


def same(one, other):
    assert one.ends.tolist() == other.ends.tolist()
    assert one.distances.tolist() == other.distances.tolist()
    assert one.ids.tolist() == other.ids.tolist()


cases = {
    "bits": st.integers(8, 512),
    "n": st.integers(1, 300),
    "queries": st.integers(1, 12),
    "patterns": st.integers(1, 40),
    "seed": st.integers(0, 2**32 - 1),
}


def test_the_folder_has_the_oracle_and_faiss():
    assert {"exact", "faiss-flat"} <= set(ENGINES)


@settings(deadline=None, max_examples=60)
@given(**cases, k=st.integers(1, 320))
def test_the_oracle_sorts_by_distance_and_then_by_id(bits, n, queries, patterns, seed, k):
    codes = codes_with_ties(seed, n + queries, bits, patterns)
    ids = shuffled_ids(seed, n)

    hits = exact.build(codes[:n], ids=ids, bits=bits).search(codes[n:], k)

    for query in range(queries):
        distances = hamming(codes[n + query][None], codes[:n])[0].tolist()
        expected = sorted(zip(distances, ids.tolist(), strict=True))[:k]
        assert list(zip(*(row.tolist() for row in hits.row(query)), strict=True)) == expected


@every_engine
@settings(deadline=None, max_examples=80)
@given(**cases, k=st.integers(1, 320))
def test_the_nearest_equal_the_oracles(name, bits, n, queries, patterns, seed, k):
    codes = codes_with_ties(seed, n + queries, bits, patterns)
    ids = shuffled_ids(seed, n)

    hits = built(name, codes[:n], ids, bits).search(codes[n:], k)

    same(hits, exact.build(codes[:n], ids=ids, bits=bits).search(codes[n:], k))


@every_engine
@settings(deadline=None, max_examples=80)
@given(**cases, share=st.floats(0, 1.2))
def test_the_ball_equals_the_oracles_and_includes_its_radius(
    name, bits, n, queries, patterns, seed, share
):
    codes = codes_with_ties(seed, n + queries, bits, patterns)
    ids, radius = shuffled_ids(seed, n), int(share * bits)

    hits = built(name, codes[:n], ids, bits).within(codes[n:], radius)

    same(hits, exact.build(codes[:n], ids=ids, bits=bits).within(codes[n:], radius))
    assert len(hits.ids) == (hamming(codes[n:], codes[:n]) <= radius).sum()


@every_engine
@pytest.mark.parametrize("bits", [8, 9, 15, 16, 31, 32, 33, 64, 127, 128, 200, 256, 512])
def test_random_codes_of_every_usual_length_agree(name, bits):
    generator = np.random.default_rng(bits)
    codes = pack(generator.random((540, bits)) < 0.5)
    ids = np.arange(500)

    hits = built(name, codes[:500], ids, bits).search(codes[500:], 25)

    same(hits, exact.build(codes[:500], ids=ids, bits=bits).search(codes[500:], 25))


@every_engine
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), data=st.data(), k=st.integers(1, 140))
def test_a_part_equals_an_engine_of_it_alone(name, seed, data, k):
    codes, ids = codes_with_ties(seed, 140, 24), shuffled_ids(seed, 120)
    chosen = np.array(sorted(data.draw(st.sets(st.integers(0, 119)))), np.int64)
    fewer = chosen[::2]
    alone = exact.build(codes[chosen], ids=ids[chosen], bits=24)

    engine = built(name, codes[:120], ids, 24)
    part = engine.among(ids[chosen])

    same(part.search(codes[120:], k), alone.search(codes[120:], k))
    same(part.within(codes[120:], 9), alone.within(codes[120:], 9))
    same(
        part.among(ids[fewer]).search(codes[120:], k),
        exact.build(codes[fewer], ids=ids[fewer], bits=24).search(codes[120:], k),
    )
    whole = exact.build(codes[:120], ids=ids, bits=24)
    same(engine.search(codes[120:], k), whole.search(codes[120:], k))


@every_engine
def test_a_tie_across_many_blocks_goes_to_the_smaller_ids(name):
    """More rows than FAISS compares at once, all at two distances."""
    codes = np.zeros((150_000, 1), np.uint8)
    codes[1::2] = 1
    ids = np.arange(150_000)[::-1].copy()

    hits = built(name, codes, ids, 8).search(np.zeros((1, 1), np.uint8), 100)

    assert hits.ids.tolist() == list(range(1, 200, 2))
    assert set(hits.distances.tolist()) == {0}


@every_engine
def test_more_neighbours_than_codes_gives_them_all(name):
    engine = built(name, codes_with_ties(0, 5, 16), np.arange(5), 16)

    hits = engine.search(codes_with_ties(1, 3, 16), 10)

    assert hits.ends.tolist() == [5, 10, 15]


@every_engine
def test_an_empty_gallery_and_no_queries_have_empty_answers(name):
    none, some = np.zeros((0, 2), np.uint8), np.zeros((3, 2), np.uint8)
    empty = built(name, none, np.zeros(0, np.int64), 16)
    full = built(name, some, np.arange(3), 16)

    assert empty.search(some, 4).ends.tolist() == [0, 0, 0]
    assert empty.within(some, 4).ends.tolist() == [0, 0, 0]
    assert full.search(none, 4).queries == full.within(none, 4).queries == 0


@every_engine
@pytest.mark.parametrize(
    "wrong",
    [
        lambda engine: engine.search(np.zeros((1, 3), np.uint8), 1),
        lambda engine: engine.within(np.zeros((1, 1), np.uint8), 1),
        lambda engine: engine.search(np.zeros((1, 2), np.uint8), 0),
        lambda engine: engine.within(np.zeros((1, 2), np.uint8), -1),
        lambda engine: engine.among(np.array([0, 7])),
    ],
)
def test_a_request_that_makes_no_sense_is_an_error_and_changes_nothing(name, wrong):
    engine = built(name, codes_with_ties(0, 5, 16), np.arange(5), 16)
    before = engine.search(codes_with_ties(1, 2, 16), 5)

    with pytest.raises(UsageError):
        wrong(engine)

    same(engine.search(codes_with_ties(1, 2, 16), 5), before)


@pytest.mark.parametrize("queries", [1, 3, 500])
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_threads_and_portions_do_not_change_what_faiss_answers(monkeypatch, threads, queries):
    import faiss

    from nachash.engines import _sharing

    monkeypatch.setattr(_sharing, "_COMPARISONS", 1)
    codes = codes_with_ties(3, 2500, 40)
    expected = exact.build(codes[:2000], ids=np.arange(2000), bits=40)
    present = faiss.omp_get_max_threads()
    try:
        faiss.omp_set_num_threads(threads)
        engine = built("faiss-flat", codes[:2000], np.arange(2000), 40)
        asked = codes[2000 : 2000 + queries]
        same(engine.search(asked, 17), expected.search(asked, 17))
        same(engine.within(asked, 11), expected.within(asked, 11))
        assert faiss.omp_get_max_threads() == threads
    finally:
        faiss.omp_set_num_threads(present)


@pytest.mark.parametrize(
    ("threads", "rows", "queries", "sizes"),
    [
        (2, 1_000_000, 1, [1]),
        (2, 1_000_000, 7, [2, 2, 2, 1]),
        (2, 1_000_000, 32, [8] * 4),
        (2, 1_000, 2_000, [2_000]),
        (1, 1_000_000, 32, [32]),
        (4, 0, 3, [3]),
    ],
)
def test_work_is_shared_out_when_there_is_enough_of_it(threads, rows, queries, sizes):
    import faiss

    from nachash.engines._sharing import Sharing

    present = faiss.omp_get_max_threads()
    try:
        faiss.omp_set_num_threads(threads)
        found = Sharing(rows).answers(
            np.zeros((queries, 8), np.uint8),
            lambda portion: (len(portion), faiss.omp_get_max_threads()),
        )
    finally:
        faiss.omp_set_num_threads(present)

    assert [size for size, _ in found] == sizes
    assert {threads for _, threads in found} == {1}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_process_shares_out_with_threads_of_its_own():
    import faiss

    from nachash.engines._sharing import Sharing

    present, queries = faiss.omp_get_max_threads(), np.zeros((32, 8), np.uint8)
    try:
        faiss.omp_set_num_threads(2)
        sharing = Sharing(1_000_000)
        assert sharing.answers(queries, len) == [8] * 4

        def forked(_):  # while a search runs: its count and its lock are not the child's
            child = os.fork()
            if child == 0:
                found = sharing.answers(queries, len)
                os._exit(0 if found == [8] * 4 else 1)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

        assert sharing.answers(queries[:1], forked) == [0]
    finally:
        faiss.omp_set_num_threads(present)


def test_searches_at_once_are_not_divided():
    import faiss

    from nachash.engines._sharing import Sharing

    present, queries = faiss.omp_get_max_threads(), np.zeros((32, 8), np.uint8)
    try:
        faiss.omp_set_num_threads(2)
        sharing = Sharing(1_000_000)
        inner = []
        sharing.answers(queries[:1], lambda _: inner.extend(sharing.answers(queries, len)))
        after = sharing.answers(queries, len)
    finally:
        faiss.omp_set_num_threads(present)

    assert inner == [32]
    assert after == [8] * 4
