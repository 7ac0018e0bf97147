"""Paths compared as bytes are found as by Python's own functions on texts."""

import fnmatch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nachash.index.ragged import Ragged
from nachash.tasks.search import path_filter

PATHS = [
    "",
    "a",
    "a/b.jpg",
    "ab/c.png",
    "a/b/c.JPG",
    "\u00e9/x",
    "caf\udce9/y.png",
    "a\nb",
    "b/a",
    "a/",
]


def packed(paths):
    encoded = [path.encode("utf-8", "surrogateescape") for path in paths]
    ends = np.cumsum([len(each) for each in encoded], dtype=np.int64)
    return Ragged(ends, np.frombuffer(b"".join(encoded), np.uint8))


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch):
    monkeypatch.setattr(path_filter, "_AT_ONCE", 3)


@pytest.mark.parametrize("rows", [[], [3], [0, 2, 3, 9], [9, 0, 0, 4], list(range(10))])
def test_some_rows_are_taken_in_any_order(rows):
    taken = packed(PATHS).take(np.array(rows, np.int64))

    assert taken.texts() == [PATHS[row].encode("utf-8", "surrogateescape") for row in rows]


@pytest.mark.parametrize("folder", ["a", "a/b", "", ".", "\u00e9", "caf\udce9", "zz", "a/b.jpg/c"])
def test_below_a_folder(folder):
    expected = [folder == "." or path == folder or path.startswith(f"{folder}/") for path in PATHS]

    assert path_filter.below(packed(PATHS), folder).tolist() == expected


@pytest.mark.parametrize(
    "pattern",
    ["*", "a*", "a/?.jpg", "*.png", "[ab]*", "\u00e9/*", "caf?/*", "a?b", "", "a/b.jpg", "[!a]*"],
)
def test_fitting_a_pattern(pattern):
    expected = [fnmatch.fnmatchcase(path, pattern) for path in PATHS]

    assert path_filter.fitting(packed(PATHS), pattern).tolist() == expected


texts = st.text("ab/*?[]\u00e9.", max_size=6)


@given(paths=st.lists(texts, max_size=8), asked=texts)
def test_any_paths(paths, asked):
    below = [asked == "." or path == asked or path.startswith(f"{asked}/") for path in paths]

    assert path_filter.below(packed(paths), asked).tolist() == below
    fitting = [fnmatch.fnmatchcase(path, asked) for path in paths]
    assert path_filter.fitting(packed(paths), asked).tolist() == fitting
