"""What is found in an index of many rows without a text for each: the same as with one."""

import json
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nachash.errors import MissingError
from nachash.index import reader, row_block
from nachash.index.ragged import Ragged
from nachash.index.reader import open_index
from nachash.index.rows import Changes
from nachash.index.storage import text_column
from nachash.index.storage.text_column import texts
from nachash.records import Reference
from nachash.tasks.encode.label_folders import are_folders
from nachash.tasks.index.remove import named


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch):
    monkeypatch.setattr(reader, "_BLOCK", 7)
    monkeypatch.setattr(text_column, "_GAP", 2)
    monkeypatch.setattr(text_column, "_SPAN", 16)


@pytest.fixture
def with_gaps(create, batch):
    """An index of 60 rows of which 20 are removed."""
    with create() as writing:
        writing.append(*batch(60))
        writing.change(Changes(removed=[*range(5, 20), 40, 41, 57, 58, 59]))
    return writing.path


def test_blocks_of_paths_are_all_paths_without_the_removed_ones(with_gaps):
    with open_index(with_gaps) as index:
        expected = [f"folder 0/{row}.jpg" for row in index.ids().tolist()]
        assert [path for block in index.path_blocks() for path in texts(block)] == expected
        assert index.all_paths() == expected


@pytest.mark.parametrize("wanted", [[], [0], [39, 0, 5, 5], list(range(40))])
def test_some_rows_of_a_column_are_those_of_the_whole(with_gaps, wanted):
    positions = np.array(wanted, np.int64)
    with open_index(with_gaps) as index:
        assert index.values("ids", positions).tolist() == index.ids()[positions].tolist()
        assert index.values("codes", positions).tolist() == index.codes()[positions].tolist()
        assert index.paths(positions) == [index.all_paths()[row] for row in wanted]


def test_paths_that_share_a_hash_are_told_apart(create, monkeypatch):
    for module in (reader, row_block):
        monkeypatch.setattr(module, "text_hash", len)
    paths = ["a/1.jpg", "a/2.jpg", "b/1.jpg", "longer.jpg"]
    with create() as writing:
        writing.append(np.zeros((4, 2), np.uint8), [Reference(path, 1, 1) for path in paths])

    with open_index(writing.path) as index:
        wanted = ["b/1.jpg", "c/1.jpg", "a/2.jpg", "other.jpg!", "a/2.jpg"]
        assert index.positions_of_paths(wanted).tolist() == [2, -1, 1, -1, 1]


def test_an_image_or_all_below_a_folder_is_named(create):
    paths = ["a/1.jpg", "a/b/2.jpg", "ab/3.jpg", "a.zip", "a.zip/4.jpg", "c"]
    with create(root="/photos") as writing:
        writing.append(np.zeros((6, 2), np.uint8), [Reference(path, 1, 1) for path in paths])

    with open_index(writing.path) as index:
        assert named(["a"], index) == [0, 1]
        assert named(["/photos/a/", "ab/3.jpg"], index) == [0, 1, 2]
        assert named(["a.zip"], index) == [3]
        for nothing in ("", ".", "/photos", "b", "a/1", "1.jpg"):
            with pytest.raises(MissingError):
                named([nothing], index)


names = st.sampled_from(["a", "ab", "b", "a/b", ""])
images = st.lists(st.tuples(st.sampled_from(["a/1", "ab/2", "b/a/3", "4", "/b/5"]), st.sets(names)))


@given(images)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_labels_are_folders_when_each_is_the_first_part_of_its_path(create_in, tmp_path, images):
    """Twin: the definition, path by path."""
    known = ("a", "ab", "b", "a/b", "")
    path = tmp_path / "x.h5"
    path.unlink(missing_ok=True)
    labels = np.array([[name in own for name in known] for _, own in images], np.uint8)
    with create_in(tmp_path, label_names=known) as writing:
        references = [Reference(each, 1, 1) for each, _ in images]
        codes = np.zeros((len(images), 2), np.uint8)
        writing.append(codes, references, labels.reshape(len(images), len(known)))

    expected = all(
        own <= {each.split("/")[0]} - {""} if "/" in each else not own for each, own in images
    )
    with open_index(path) as index:
        assert are_folders(known, index) == expected


def test_parts_of_ragged_rows():
    rows = Ragged.of_texts(["a", "", "bcd", "e"])

    assert [texts(rows.part(start, stop)) for start, stop in ((1, 3), (4, 4), (3, 9))] == [
        ["", "bcd"],
        [],
        ["e"],
    ]
    assert texts(Ragged.joined([rows, rows.part(2, 3)])) == ["a", "", "bcd", "e", "bcd"]


MEASURE = """
    import json, sys
    from pathlib import Path
    from memory import peak_bytes
    from nachash.tasks.encode.plan import plan
    from nachash.tasks.index.remove import RemoveSettings, remove
    from nachash.tasks.index.restore import RestoreSettings, restore

    index = Path(sys.argv[1])
    before = peak_bytes()
    remove(RemoveSettings(paths=("000007.jpg",), index=index))
    remove(RemoveSettings(paths=("folder",), index=index))
    restore(RestoreSettings(index=index))
    print(json.dumps((peak_bytes() - before) / 2**20))
"""


def gained(path):
    """MiB that a process takes for removing and restoring."""
    command = [sys.executable, "-c", textwrap.dedent(MEASURE), str(path)]
    importing = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return json.loads(
        subprocess.run(command, capture_output=True, check=True, env=importing).stdout
    )


def test_memory_of_removing_does_not_hold_all_paths(create):
    """Paths as texts were 200 bytes for each image; a code, a hash and an id are far less."""
    added = {}
    for count in (1_000, 200_000):
        with create(name=f"{count}.h5") as writing:
            paths = [f"{row:06}.jpg" for row in range(count)] + ["folder/1.jpg"]
            references = [Reference(path, 1, 1) for path in paths]
            writing.append(np.zeros((count + 1, 2), np.uint8), references)
        added[count] = gained(writing.path)

    assert added[200_000] - added[1_000] < 200_000 * 100 / 2**20
