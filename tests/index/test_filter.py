"""A filtered search is the search of an index that holds nothing else."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nachash.codes import hamming, pack
from nachash.errors import MissingError, UsageError
from nachash.index import writer
from nachash.index.reader import open_index
from nachash.records import Preprocessing, Reference
from nachash.tasks.index.remove import RemoveSettings, remove
from nachash.tasks.search.row_filter import matching, parsed
from nachash.tasks.search.search import SearchSettings, search
from nachash.tasks.search.searchable import Searchable

DAY = 86_400 * 10**9


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """400 images: label and folder by their number, as many bytes and days old as their number."""
    path = tmp_path_factory.mktemp("filter") / "x.h5"
    generator = np.random.default_rng(0)
    labels = np.eye(4, dtype=np.uint8)[np.arange(400) % 4]
    labels[::10, 3] = 1
    references = [Reference(f"f{i % 7}/{i}.jpg", i, i * DAY) for i in range(400)]
    with writer.create(
        path,
        bits=16,
        preprocessing=Preprocessing(8),
        encoder=b"e",
        model={},
        root="/r",
        label_names=("a", "b", "c", "d"),
    ) as index:
        index.append(pack(generator.random((400, 16)) < 0.5), references, labels)
    remove(RemoveSettings(paths=("f0/0.jpg", "f3/3.jpg"), index=path))
    return path


def expected(keep):
    return [i for i in range(400) if i not in (0, 3) and keep(i)]


CONDITIONS = {
    "label=d": lambda i: i % 4 == 3 or i % 10 == 0,
    "label != a": lambda i: i % 4 != 0,
    "size>=100": lambda i: i >= 100,
    "size<250": lambda i: i < 250,
    "size=77": lambda i: i == 77,
    "time<1970-03-01": lambda i: i < 59,
    "time>1970-01-05T00:00:00+00:00": lambda i: i > 4,
    "path=f2/*": lambda i: i % 7 == 2,
    "path!=*7.jpg": lambda i: i % 10 != 7,
}


@settings(deadline=None, max_examples=40)
@given(
    chosen=st.lists(st.sampled_from(sorted(CONDITIONS)), max_size=3),
    folders=st.lists(st.sampled_from(["f1", "f2/", "/r/f5", "./f6", "/r", "nowhere"]), max_size=2),
    k=st.integers(1, 500),
)
def test_a_filtered_search_is_exact(gallery, chosen, folders, k):
    names = {"f1": 1, "f2/": 2, "/r/f5": 5, "./f6": 6}
    below = [names.get(folder) for folder in folders]

    def keep(i):
        in_folder = not folders or "/r" in folders or i % 7 in below
        return in_folder and all(CONDITIONS[text](i) for text in chosen)

    wanted = expected(keep)
    with open_index(gallery) as index:
        rows = matching(Searchable(index), [parsed(text) for text in chosen], folders)
        ids = index.ids()[rows]
        assert ids.tolist() == wanted
        distances = hamming(index.codes()[5:6], index.codes())[0]
        by_id = dict(zip(index.ids().tolist(), distances.tolist(), strict=True))
        query = int(index.ids()[5])

    answer = search(
        SearchSettings(ids=(query,), index=gallery, k=k, where=tuple(chosen), under=tuple(folders)),
    )

    ranked = sorted((by_id[i], i) for i in wanted if i != query)[:k]
    assert [(hit.distance, hit.id) for hit in answer.hits[0]] == ranked


@pytest.mark.parametrize(
    "text", ["label", "colour=red", "label<cat", "", "size>many", "time<yesterday", "label=zebra"]
)
def test_what_is_no_condition_is_refused_with_examples(gallery, text):
    with pytest.raises(UsageError) as caught:
        search(SearchSettings(ids=(5,), index=gallery, where=(text,)))
    assert "label=cat" in caught.value.hint


def test_labels_that_are_not_there_cannot_be_asked_for(create, batch):
    with create() as writing:
        writing.append(*batch(2))

    with pytest.raises(MissingError, match="no labels"):
        search(
            SearchSettings(ids=(0,), index=writing.path, where=("label=a",)),
        )


def test_the_command_says_how_many_it_searched(nachash, encoded):
    folder = encoded.parent
    line = ("search", "photos/cat/00.png", "--index", "out.h5")

    dogs = nachash(*line, "--where", "label=dog", "--under", "photos/dog", cwd=folder)
    none = nachash(*line, "--under", "photos/bird", cwd=folder)

    assert len(dogs.out.splitlines()) == 6
    assert all(path.startswith(f"photos{os.sep}dog") for path in dogs.out.splitlines())
    assert "searched 6 of 12 images" in dogs.err
    assert none.code == 5
    assert "that the filter leaves" in none.err
