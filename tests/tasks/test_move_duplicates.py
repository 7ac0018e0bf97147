"""Moving duplicates: a file whose keeper is gone or changed stays, and no name is taken twice."""

import pytest

from nachash.errors import StorageError
from nachash.results.dedup import Duplicate, Duplicates, Move
from nachash.tasks.dedup import move


def duplicate(path, *, keep=False, size=4):
    return Duplicate(str(path), None, 0, 1, 1, size, keep, reference=False, code="00")


@pytest.fixture
def pair(tmp_path):
    """Two files of four bytes below `photos`, and the record of them."""
    (tmp_path / "photos").mkdir()
    paths = [tmp_path / "photos" / name for name in ("keeper.png", "copy.png")]
    for path in paths:
        path.write_bytes(b"1234")
    group = (duplicate(paths[0], keep=True), duplicate(paths[1]))
    root = str(tmp_path / "photos")
    return paths, Duplicates(root, root, 1, "components", 64, 2, (group,))


def reasons(found, target):
    return [move.reason for move in move.plan(found, target, ())]


def test_a_copy_moves_with_its_path_below_the_root(pair, tmp_path):
    paths, found = pair

    moves = move.plan(found, tmp_path / "out", ())

    assert moves == (Move(str(paths[1]), str(tmp_path / "out" / "copy.png")),)
    assert move.move(moves, tmp_path / "out") == 1
    assert (tmp_path / "out" / "copy.png").read_bytes() == b"1234"


def test_a_copy_stays_when_its_keeper_is_gone(pair, tmp_path):
    paths, found = pair
    paths[0].unlink()

    assert "is gone" in reasons(found, tmp_path / "out")[0]


@pytest.mark.parametrize("which", [0, 1])
def test_a_copy_stays_when_either_has_changed(pair, tmp_path, which):
    paths, found = pair
    paths[which].write_bytes(b"another picture")

    assert "has changed" in reasons(found, tmp_path / "out")[0]


def test_a_link_to_its_own_keeper_stays(pair, tmp_path):
    paths, found = pair
    paths[1].unlink()
    paths[1].symlink_to(paths[0])

    assert reasons(found, tmp_path / "out") == ["it is a link"]


def test_the_target_of_a_keeper_that_is_a_link_stays(pair, tmp_path):
    paths, found = pair
    paths[0].unlink()
    paths[0].symlink_to(paths[1])

    assert "same file" in reasons(found, tmp_path / "out")[0]


def test_a_name_that_is_taken_gets_a_number(pair, tmp_path):
    _, found = pair
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "copy.png").write_bytes(b"mine")

    move.move(move.plan(found, tmp_path / "out", ()), tmp_path / "out")

    assert (tmp_path / "out" / "copy.png").read_bytes() == b"mine"
    assert (tmp_path / "out" / "copy-2.png").read_bytes() == b"1234"


def test_a_name_taken_after_the_plan_is_not_overwritten(pair, tmp_path):
    paths, found = pair
    moves = move.plan(found, tmp_path / "out", ())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "copy.png").write_bytes(b"mine")

    with pytest.raises(StorageError):
        move.move(moves, tmp_path / "out")

    assert (tmp_path / "out" / "copy.png").read_bytes() == b"mine"
    assert paths[1].read_bytes() == b"1234"


def test_a_copy_to_another_file_system_is_whole(tmp_path):
    (tmp_path / "a").write_bytes(b"1234")

    move._copy(tmp_path / "a", tmp_path / "b")

    assert (tmp_path / "b").read_bytes() == b"1234"
    with pytest.raises(FileExistsError):
        move._copy(tmp_path / "a", tmp_path / "b")
