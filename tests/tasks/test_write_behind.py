"""Calls in a second thread: in order, awaited, and no error is lost."""

import threading
from functools import partial

import pytest

from nachash.tasks.encode.write_behind import WriteBehind


def fail():
    raise OSError("disk full")


def test_calls_run_in_order_and_all_have_ended_at_the_end():
    seen = []
    with WriteBehind() as writing:
        for number in range(20):
            writing.call(partial(seen.append, number))
    assert seen == list(range(20))


def test_the_caller_goes_on_while_a_call_runs():
    gone_on = threading.Event()
    with WriteBehind() as writing:
        writing.call(lambda: gone_on.wait(60) or fail())
        gone_on.set()


def test_an_error_is_raised_by_the_next_call_which_does_not_run():
    seen = []

    def two_calls():
        with WriteBehind() as writing:
            writing.call(fail)
            writing.call(partial(seen.append, 1))

    with pytest.raises(OSError, match="disk full"):
        two_calls()
    assert seen == []


def test_an_error_of_the_last_call_is_raised_at_the_end():
    with pytest.raises(OSError, match="disk full"), WriteBehind() as writing:
        writing.call(fail)


@pytest.mark.parametrize("last", [fail, lambda: None])
def test_after_an_interruption_the_call_under_way_is_awaited(last):
    begun, go_on, ended = threading.Event(), threading.Event(), []

    def slow():
        begun.set()
        go_on.wait(60)
        ended.append(True)
        last()

    def interrupted():
        with WriteBehind() as writing:
            writing.call(slow)
            begun.wait(60)
            threading.Timer(0.05, go_on.set).start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert ended == [True]
