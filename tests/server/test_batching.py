"""Lookups that come at once are few calls of the engine and have the answers of single calls."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from nachash import plugins
from nachash.tasks.serve.batching import Batcher


@pytest.fixture
def codes():
    return np.random.default_rng(0).integers(0, 4, (500, 2), np.uint8)


@pytest.fixture
def engine(codes):
    return plugins.load("engines", "faiss-flat").build(codes, ids=np.arange(500), bits=16)


class Slow:
    """An engine that waits to be let go, and says how many queries each call had."""

    def __init__(self, engine):
        self.engine, self.calls = engine, []
        self.entered, self.go = threading.Event(), threading.Event()

    def search(self, queries, k):
        self.entered.set()
        self.go.wait(30)
        self.calls.append(len(queries))
        return self.engine.search(queries, k)

    def within(self, queries, radius):
        raise NotImplementedError

    among = within


def same(one, other):
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("ids", "distances", "ends")
    )


def test_what_waits_is_few_calls_and_everybody_has_his_own_answer(engine, codes):
    slow = Slow(engine)
    wishes = [(codes[number : number + 1 + number % 3], 1 + number % 7) for number in range(40)]
    with Batcher(threads=2) as batcher:
        first = batcher.submit(slow, codes[:1], 3)
        # Only now is it certain that the first call holds nothing else.
        assert slow.entered.wait(30)
        waiting = [batcher.submit(slow, *wish) for wish in wishes]
        slow.go.set()
        answers = [each.result(30) for each in waiting]

    assert same(first.result(), engine.search(codes[:1], 3))
    assert max(slow.calls) > 1
    assert len(slow.calls) < len(wishes) / 2
    assert sum(slow.calls) == 1 + sum(len(queries) for queries, _ in wishes)
    for (queries, k), answer in zip(wishes, answers, strict=True):
        assert same(answer, engine.search(queries, k))


def test_the_largest_batch_is_kept_to(engine, codes):
    slow = Slow(engine)
    slow.go.set()
    with Batcher(most_at_once=1) as batcher:
        for each in [batcher.submit(slow, codes[:1], 1) for _ in range(10)]:
            each.result(30)

    assert slow.calls == [1] * 10


def test_filters_do_not_mix(engine, codes):
    other = plugins.load("engines", "exact").build(codes[:9], ids=np.arange(9), bits=16)
    with Batcher() as batcher:
        both = [batcher.submit(each, codes[:2], 4) for each in (engine, other) * 5]
        found = [each.result(30) for each in both]

    for answer in found[0::2]:
        assert same(answer, engine.search(codes[:2], 4))
    for answer in found[1::2]:
        assert same(answer, other.search(codes[:2], 4))


def test_an_error_reaches_whoever_asked_and_nobody_else(engine, codes):
    with Batcher() as batcher:
        bad = batcher.submit(engine, codes[:1], 0)
        with pytest.raises(Exception, match="k must be at least 1"):
            bad.result(30)
        assert same(batcher.submit(engine, codes[:1], 1).result(30), engine.search(codes[:1], 1))


def test_a_cancelled_lookup_is_passed_over_and_closing_answers_the_rest(engine, codes):
    slow = Slow(engine)
    batcher = Batcher()
    kept = batcher.submit(slow, codes[:1], 1)
    dropped, last = batcher.submit(slow, codes[:1], 1), batcher.submit(slow, codes[:1], 2)
    dropped.cancel()
    slow.go.set()
    batcher.close()

    assert kept.done()
    assert dropped.cancelled()
    assert same(last.result(0), engine.search(codes[:1], 2))


def test_many_clients_at_once_have_the_answers_of_one_by_one(client, service):
    ids = service.snapshot.ids.tolist()[:64]

    def ask(identifier):
        return client.get(f"/neighbours/{identifier}?k={1 + identifier % 5}").json()

    one_by_one = [ask(identifier) for identifier in ids]
    with ThreadPoolExecutor(32) as pool:
        at_once = list(pool.map(ask, ids))

    assert at_once == one_by_one
