"""Labels of many folders take room for each image, in memory as in the file."""

import tracemalloc

import numpy as np

from nachash.images.sources.labels import folder_labels
from nachash.index.reader import open_index
from nachash.records import Labels, Reference
from nachash.tasks.encode.label_columns import numbered

FOLDERS = 20_000


def test_labels_of_many_folders_are_small_in_memory():
    """As zeros and ones they were 400 MB, and again 400 MB in the columns of the index."""
    paths = [f"folder {number:05}/1.jpg" for number in range(FOLDERS)]
    tracemalloc.start()
    labels = folder_labels(paths)
    rows, new = numbered(labels, FOLDERS, ("other", "folder 00007"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 30_000_000
    assert len(new) == FOLDERS - 1
    assert [rows.row(number).tolist() for number in (0, 7, 8)] == [[2], [1], [9]]


def test_names_are_numbered_behind_those_that_the_index_has():
    labels = Labels.of([{"b", "a"}, (), {"c", "a"}, ["c", "c"]])
    rows, new = numbered(labels, 4, ("c", "x", "b"))

    assert labels.multi_hot.tolist() == [[1, 1, 0], [0, 0, 0], [1, 0, 1], [0, 0, 1]]
    assert new == ("a",)
    assert [rows.row(number).tolist() for number in range(4)] == [[2, 3], [], [0, 3], [0]]
    assert [row.tolist() for row in (numbered(None, 2, ("c",))[0].ends,)] == [[0, 0]]


def test_an_index_takes_numbers_as_it_takes_zeros_and_ones(create):
    labels = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0]], np.uint8)
    rows, _ = numbered(Labels.of([{"a", "c"}, (), {"b"}]), 3, ("a", "b", "c"))
    references = [Reference(f"{row}.jpg", 1, 1) for row in range(3)]
    for name, given in (("a.h5", labels), ("b.h5", rows)):
        with create(name=name, label_names=("a", "b", "c")) as writing:
            writing.append(np.zeros((3, 2), np.uint8), references, given)
        with open_index(writing.path) as index:
            assert index.labels().tolist() == labels.tolist()
