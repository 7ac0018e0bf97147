"""What the digests leave possible: reading while somebody writes, columns of a later nachash."""

import numpy as np
import pytest
from index_formats import resealed

from nachash.errors import DamagedError, IncompatibleError
from nachash.index import path_rules, writer
from nachash.index.ragged import Ragged
from nachash.index.reader import open_index
from nachash.index.rows import Changes
from nachash.index.verification import problems
from nachash.records import Reference


def test_a_reader_goes_on_seeing_its_rows_while_others_are_added(create, batch):
    """Their chunks and the digests of these are rewritten under its hands."""
    with create() as writing:
        writing.append(*batch(50))
        with open_index(writing.path) as reading, open_index(writing.path) as later:
            reading.codes()
            writing.append(*batch(30, seed=1))
            assert reading.codes().tolist() == batch(50)[0].tolist()
            writing.append(*batch(30, seed=2), changes=Changes(times={3: 7}))
            assert len(reading.all_paths()) == reading.rows == 50
            assert later.ids().tolist() == list(range(50))
            assert reading.positions_of_paths(["folder 0/49.jpg", "folder 1/0.jpg"]).tolist() == [
                49,
                -1,
            ]


def test_every_commit_has_a_name_of_its_own(create, batch):
    commits = []
    with create() as writing:
        for seed in range(3):
            writing.append(*batch(2, seed=seed))
            with open_index(writing.path) as index:
                commits.append(index.header.commit)
        writing.change(Changes(removed=[1]))
        with open_index(writing.path) as index:
            commits.append(index.header.commit)
    assert len(set(commits)) == 4


def test_a_writer_does_not_continue_a_chunk_that_is_damaged(create, batch):
    with create() as writing:
        writing.append(*batch(50))
    with open_index(writing.path) as index:
        at = index.file["codes"].id.get_chunk_info(0).byte_offset
    whole = bytearray(writing.path.read_bytes())
    whole[at] ^= 16
    writing.path.write_bytes(whole)

    with writer.open_for_append(writing.path) as again, pytest.raises(DamagedError, match="codes"):
        again.append(*batch(1))
    assert writing.path.read_bytes() == whole


def test_a_column_that_is_not_known_is_proven_and_not_extended(create, batch):
    def add(file):
        made = file.create_dataset("copy_codes", (50, 2), "u1", chunks=(32, 2), maxshape=(None, 2))
        made[:] = 3

    with create() as writing:
        writing.append(*batch(50))
    resealed(writing.path, add)

    with open_index(writing.path) as index:
        assert index.codes().tolist() == batch(50)[0].tolist()
    assert not list(problems(writing.path))
    with pytest.raises(IncompatibleError, match="copy_codes"):
        writer.open_for_append(writing.path)


def test_rows_are_found_by_paths_through_their_hashes(create, batch):
    with create() as writing:
        writing.append(*batch(500))
        writing.append(*batch(500, seed=1), changes=Changes(removed=[0, 7]))
    with open_index(writing.path) as index:
        known = index.all_paths()
        wanted = [*known[::3], "folder 0/7.jpg", "nowhere", "folder 0/1.jpg", "folder 0/1.jpg"]
        expected = [known.index(path) if path in known else -1 for path in wanted]
        assert index.positions_of_paths(wanted).tolist() == expected
        assert index.positions_of_paths([]).tolist() == []


def test_a_path_that_leads_out_of_the_root_is_told_by_an_attribute(create):
    code = np.zeros((1, 2), np.uint8)
    with create() as writing:
        for path in ("a/..b/c..jpg", "../b.png"):
            writing.append(code, [Reference(path, 1, 1)])
            with open_index(writing.path) as index:
                assert index.header.outside == path.startswith("../")
                assert index.all_paths()[-1] == path
    assert not list(problems(writing.path))


@pytest.mark.parametrize("path", ["/a", "..", "../a", "a/..", "a/../b", "/", "a/b/.."])
def test_paths_that_may_leave(path):
    for around in ([], ["a"], ["..a", "a."], ["", "."]):
        rows = Ragged.of_texts([*around, path, *around])
        expected = [False] * len(around) + [True] + [False] * len(around)
        assert path_rules.leaving(rows).tolist() == expected


@pytest.mark.parametrize(
    "path", ["a", ".", "...", "a..", "..a/b", "a/...", "a./.b", "a/b..c/d", ""]
)
def test_paths_that_may_not(path):
    for around in ([], ["a"], [".", "."], ["a/", "/"]):
        rows = Ragged.of_texts([*around, path, *around])
        assert not path_rules.leaving(rows)[len(around)]


def test_labels_of_many_folders_take_room_for_each_image_alone(create, batch):
    names = tuple(f"folder {number}" for number in range(2_000))
    codes, references = batch(2_000)
    with create(label_names=names) as writing:
        writing.append(codes, references, np.eye(2_000, dtype=np.uint8))
    assert writing.path.stat().st_size < 1_200_000  # 4 MB as zeros and ones
    with open_index(writing.path) as index:
        assert index.label_texts(np.array([1_999, 0])) == ["folder 1999", "folder 0"]
        assert index.label_numbers().having(7).nonzero()[0].tolist() == [7]
