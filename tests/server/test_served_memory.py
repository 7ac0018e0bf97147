"""What a server keeps: one state of the index, and filters of a bounded number of bytes."""

import gc
import weakref

import numpy as np
import pytest
from serving import served
from test_growing import add_picture

from nachash import plugins
from nachash.index.ragged import Ragged
from nachash.tasks.search.nearest import Wish
from nachash.tasks.search.packed_texts import PackedTexts
from nachash.tasks.search.rows import Rows, bitmap, filters


def rows_of(kept, codes=None):
    codes = np.zeros((len(kept), 1), np.uint8) if codes is None else codes
    return Rows(codes, bitmap(np.array(kept, bool)), int(np.sum(kept)), engine_of(codes), 10)


def engine_of(codes):
    ids = np.arange(len(codes))
    return plugins.load("engines", "exact").build(codes, ids=ids, bits=8 * codes.shape[1])


def test_an_old_state_is_gone_when_the_last_question_about_it_is_answered(
    own_index,
):
    index, images, encode_again = own_index
    with served(index) as (service, client):
        assert client.get("/neighbours/0?k=3").status_code == 200
        assert client.get("/sample?where=label=1").status_code == 200
        question = service.of_image(0, Wish(k=2))
        service.answers(question, service.look_up(question).result(30))
        old, engine = (weakref.ref(it) for it in (service.snapshot, question.rows.engine))
        add_picture(images)
        encode_again()
        gc.disable()  # it must not take a collection to find them
        try:
            assert service.refresh()
            assert old() is question.snapshot
            del question
            # A search thread that has just answered may be about to leave its frame.
            service.look_up(service.of_image(0, Wish(k=2))).result(30)
            gone = old() is None and engine() is None
        finally:
            gc.enable()
    assert gone


def test_filters_are_bounded_by_bytes_and_the_last_asked_stay():
    kept, made = filters(most_bytes=30), []

    def ask(key):
        def make():
            made.append(key)
            return rows_of([True])

        return kept.value(key, make)

    for key in "abcabd":
        ask(key)
    assert made == ["a", "b", "c", "d"]
    assert kept.bytes == 30
    ask("a")
    ask("c")
    assert made == ["a", "b", "c", "d", "c"]


def test_a_filter_that_is_larger_than_all_together_is_answered_and_not_kept():
    kept = filters(most_bytes=5)

    assert kept.value("a", lambda: rows_of([True])).count == 1
    assert kept.bytes == 0


def test_a_filter_of_many_rows_has_no_codes_of_its_own_and_the_same_answers(own_index):
    index, _, _ = own_index
    addresses = [
        "/neighbours/3?k=1000&counts=true&where=label=1",
        "/sample?count=7&where=label=1",
        "/sample?where=label=1&under=0",
        "/neighbours/3?k=9&where=label!=1",
    ]
    with served(index) as (_, client):
        copied = [client.get(each).json() for each in addresses]
    with served(index) as (service, client):
        service.snapshot.filters = filters(most_bytes=200)
        shared = [client.get(each).json() for each in addresses]

        assert service.snapshot.filters.bytes <= 200
    assert shared == copied
    assert copied[0]["hits"]


@pytest.mark.parametrize("seed", range(5))
def test_rows_count_spread_and_contain_as_positions_do(seed, monkeypatch):
    monkeypatch.setattr("nachash.tasks.search.rows._COUNTED_AT_ONCE", 16)
    generator = np.random.default_rng(seed)
    codes = generator.integers(0, 256, (101, 2), np.uint8)
    kept = generator.random(101) < generator.random()
    positions, rows = np.flatnonzero(kept), rows_of(kept, codes)
    distances = np.bitwise_count(codes[kept] ^ codes[0]).sum(1)

    assert [place in rows for place in range(101)] == kept.tolist()
    assert rows.counts(codes[0], 16) == np.bincount(distances, minlength=17).tolist()
    for count in (1, 2, 7, 1000):
        expected = positions[
            np.unique(np.linspace(0, len(positions) - 1, min(count, len(positions))).astype(int))
        ]
        assert list(rows.spread(count)) == expected.tolist()


def test_all_rows_and_none_are_spread():
    codes = np.zeros((9, 1), np.uint8)
    every = Rows(codes, None, 9, engine_of(codes))

    assert list(every.spread(3)) == [0, 4, 8]
    assert list(rows_of([False] * 9).spread(3)) == []
    assert 8 in every


def test_packed_texts_are_the_texts():
    texts = ["", "a/b.jpg", "é", "caf\udce9.png", "", "z"]
    encoded = [text.encode("utf-8", "surrogateescape") for text in texts]
    ragged = Ragged(np.cumsum([*map(len, encoded)]), np.frombuffer(b"".join(encoded), np.uint8))
    packed, some = PackedTexts(ragged), PackedTexts(ragged.take(np.array([1, 3, 4])))

    assert list(packed) == texts
    assert len(packed) == 6
    assert list(some) == [texts[1], texts[3], texts[4]]


def test_rows_with_an_engine_search_what_they_hold():
    codes = np.arange(16, dtype=np.uint8)[:, None]
    engine = plugins.load("engines", "faiss-flat").build(codes, ids=np.arange(16), bits=8)

    hits = engine.among(np.array([3, 4, 8])).search(np.array([[12]], np.uint8), 2)

    assert hits.ids.tolist() == [4, 8]
