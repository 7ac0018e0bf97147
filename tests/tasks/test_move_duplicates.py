"""Moving duplicates: only what is still what was encoded moves, and nothing is lost or replaced."""

import csv
import errno
import hashlib
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from nachash.codes import encode
from nachash.errors import MissingError, UsageError
from nachash.images.decoding.decode import decode
from nachash.records import Preprocessing
from nachash.results.dedup import Duplicate, Duplicates, Move
from nachash.tasks.dedup import move as move_duplicates
from nachash.tasks.dedup import relocation
from nachash.tasks.dedup.encoded_file import Recognition
from nachash.tasks.dedup.relocation import copy_file
from nachash.tasks.dedup.undo import undo
from nachash.tasks.encoder import Encoder

ENCODER = Encoder(
    Preprocessing(4), 8, lambda pixels: pixels.reshape(len(pixels), -1)[:, :8] - 127.0
)


def picture(path, seed=0):
    """A BMP, whose size does not depend on what it shows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def duplicate(path, *, keep=False, reference=False, digest=False):
    """The record of a file as it is now."""
    status = path.stat()
    try:
        code = encode(ENCODER.activations(decode(Image.open(path), ENCODER.preprocessing)[None]))
    except OSError:
        code = np.zeros((1, 1), np.uint8)
    contents = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
    return Duplicate(
        str(path),
        None,
        0,
        1,
        1,
        status.st_size,
        keep,
        reference,
        code.tobytes().hex(),
        status.st_mtime_ns,
        contents if digest else None,
    )


def found_in(root, *groups):
    return Duplicates(str(root), str(root), 1, "components", 8, 2, groups)


@pytest.fixture
def pair(tmp_path):
    """Two equal pictures below `photos`, and the record of them."""
    root = tmp_path / "photos"
    paths = [picture(root / name) for name in ("keeper.bmp", "copy.bmp")]
    return paths, found_in(root, (duplicate(paths[0], keep=True), duplicate(paths[1])))


def reasons(found, target, references=()):
    return [move.reason for move in move_duplicates.plan(found, target, references)]


def moved(found, target, references=(), before=lambda: None):
    """What became of each file; `before` runs between the plan and the moves."""
    planned = move_duplicates.plan(found, target, references)
    before()
    look = Recognition(move_duplicates.roots(found, references), ENCODER).state_of
    return move_duplicates.move(found, planned, target, look)


def replaced_in_place(path, seed):
    """Another picture of the same size under the same time of change."""
    before = path.stat()
    picture(path, seed)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_copy_moves_with_its_path_below_the_root(pair, tmp_path):
    paths, found = pair
    contents = paths[1].read_bytes()

    moves = moved(found, tmp_path / "out")

    assert moves == (Move(str(paths[1]), str(tmp_path / "out" / "copy.bmp"), keeper=str(paths[0])),)
    assert (tmp_path / "out" / "copy.bmp").read_bytes() == contents
    assert not paths[1].exists()
    with (tmp_path / "out" / "nachash-moved.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    to = str(tmp_path / "out" / "copy.bmp")
    assert rows == [{"from": str(paths[1]), "to": to, "what happened": "moved"}]


def test_a_copy_stays_when_its_keeper_is_gone(pair, tmp_path):
    paths, found = pair
    paths[0].unlink()

    assert "is gone" in reasons(found, tmp_path / "out")[0]


@pytest.mark.parametrize("which", [0, 1])
def test_a_copy_stays_when_either_has_changed(pair, tmp_path, which):
    paths, found = pair
    paths[which].write_bytes(b"another picture")

    assert "has changed" in reasons(found, tmp_path / "out")[0]


@pytest.mark.parametrize("which", [0, 1])
def test_a_copy_stays_when_only_the_time_says_that_either_has_changed(pair, tmp_path, which):
    paths, found = pair
    os.utime(paths[which], ns=(1, 1))

    assert "has changed" in reasons(found, tmp_path / "out")[0]


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("digest", [False, True])
def test_an_edit_that_keeps_size_and_time_is_seen(tmp_path, which, digest):
    root = tmp_path / "photos"
    paths = [picture(root / name) for name in ("keeper.bmp", "copy.bmp")]
    group = (
        duplicate(paths[0], keep=True, digest=digest),
        duplicate(paths[1], digest=digest),
    )
    replaced_in_place(paths[which], seed=7)

    moves = moved(found_in(root, group), tmp_path / "out")

    assert "has changed" in moves[0].reason
    assert paths[1].exists()
    assert not (tmp_path / "out").exists()


def test_a_digest_tells_what_the_code_does_not(tmp_path):
    root = tmp_path / "photos"
    paths = [picture(root / name) for name in ("keeper.bmp", "copy.bmp")]
    group = (duplicate(paths[0], keep=True), duplicate(paths[1], digest=True))
    before = paths[1].stat()
    contents = bytearray(paths[1].read_bytes())
    contents[-1] ^= 1  # the least bit of a pixel
    paths[1].write_bytes(contents)
    os.utime(paths[1], ns=(before.st_atime_ns, before.st_mtime_ns))

    assert "has changed" in moved(found_in(root, group), tmp_path / "out")[0].reason


@pytest.mark.parametrize("which", [0, 1])
def test_both_are_looked_at_again_just_before(pair, tmp_path, which):
    paths, found = pair

    moves = moved(found, tmp_path / "out", before=lambda: replaced_in_place(paths[which], 3))

    assert "has changed" in moves[0].reason
    assert paths[1].exists()


def test_what_is_no_picture_stays(tmp_path):
    """A stranger's index may list a key, with its size and time."""
    root = tmp_path / "home"
    keeper = picture(root / "keeper.bmp")
    key = root / ".ssh" / "id_ed25519"
    key.parent.mkdir()
    key.write_bytes(b"a secret")
    found = found_in(root, (duplicate(keeper, keep=True), duplicate(key)))

    moves = moved(found, tmp_path / "out")

    assert "not a picture" in moves[0].reason
    assert files(root) == [".ssh", ".ssh/id_ed25519", "keeper.bmp"]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["../outside.bmp", "link/outside.bmp", "{absolute}"])
def test_what_lies_outside_the_root_stays(tmp_path, name):
    root = tmp_path / "photos"
    keeper, outside = picture(root / "keeper.bmp"), picture(tmp_path / "other" / "outside.bmp")
    picture(tmp_path / "outside.bmp")
    (root / "link").symlink_to(tmp_path / "other")
    path = root / name.format(absolute=outside)
    found = found_in(root, (duplicate(keeper, keep=True), duplicate(path)))

    (reason,) = reasons(found, tmp_path / "out")

    assert "does not lie below" in reason or "leads upwards" in reason


def test_a_root_that_is_a_link_holds_its_files(tmp_path):
    picture(tmp_path / "disk" / "keeper.bmp")
    picture(tmp_path / "disk" / "sub" / "copy.bmp")
    root = tmp_path / "photos"
    root.symlink_to(tmp_path / "disk")
    group = (duplicate(root / "keeper.bmp", keep=True), duplicate(root / "sub" / "copy.bmp"))

    moves = moved(found_in(root, group), tmp_path / "out")

    assert moves[0].reason is None
    assert files(tmp_path / "out") == ["nachash-moved.csv", "sub", "sub/copy.bmp"]


def test_a_keeper_in_a_reference_folder_counts(tmp_path):
    keeper = picture(tmp_path / "originals" / "keeper.bmp")
    copy = picture(tmp_path / "photos" / "copy.bmp")
    group = (duplicate(keeper, keep=True, reference=True), duplicate(copy))
    found = found_in(tmp_path / "photos", group)

    assert "does not lie below" in reasons(found, tmp_path / "out")[0]
    assert moved(found, tmp_path / "out", [tmp_path / "originals"])[0].reason is None
    with pytest.raises(UsageError, match="never touched"):
        move_duplicates.check(tmp_path / "originals" / "out", [tmp_path / "originals"])


def test_a_link_to_its_own_keeper_stays(pair, tmp_path):
    paths, found = pair
    paths[1].unlink()
    paths[1].symlink_to(paths[0])

    assert reasons(found, tmp_path / "out") == ["it is a link"]


@pytest.mark.parametrize("link", ["symbolic", "hard"])
def test_the_target_of_a_keeper_that_is_a_link_stays(pair, tmp_path, link):
    paths, found = pair
    paths[0].unlink()
    if link == "symbolic":
        paths[0].symlink_to(paths[1])
    else:
        paths[0].hardlink_to(paths[1])

    assert "same file" in reasons(found, tmp_path / "out")[0]


def test_a_name_that_is_taken_gets_a_number(pair, tmp_path):
    paths, found = pair
    contents = paths[1].read_bytes()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "copy.bmp").write_bytes(b"mine")

    moved(found, tmp_path / "out")

    assert (tmp_path / "out" / "copy.bmp").read_bytes() == b"mine"
    assert (tmp_path / "out" / "copy-2.bmp").read_bytes() == contents


@pytest.mark.parametrize("stem", ["n" * 251, "\u00e9" * 125 + "n"])
def test_a_taken_name_that_is_as_long_as_can_be_is_shortened(tmp_path, stem):
    root, target = tmp_path / "photos", tmp_path / "out"
    name = f"{stem}.bmp"
    keeper, copy = picture(root / "k.bmp"), picture(root / "y" / name)
    picture(target / "y" / name, 5)
    found = found_in(root, (duplicate(keeper, keep=True), duplicate(copy)))

    (move,) = moved(found, target)

    assert move.reason is None
    assert len(list((target / "y").iterdir())) == 2
    assert move.target.endswith("-2.bmp")


def test_a_name_taken_after_the_plan_is_not_overwritten_and_the_others_move(tmp_path):
    root, target = tmp_path / "photos", tmp_path / "out"
    groups = [
        (
            duplicate(picture(root / f"k{n}.bmp", n), keep=True),
            duplicate(picture(root / f"c{n}.bmp", n)),
        )
        for n in range(3)
    ]

    def take_a_name():
        target.mkdir()
        (target / "c1.bmp").write_bytes(b"mine")

    moves = moved(found_in(root, *groups), target, before=take_a_name)

    assert [move.failed for move in moves] == [False, True, False]
    assert "file exists" in moves[1].reason
    assert (target / "c1.bmp").read_bytes() == b"mine"
    assert (root / "c1.bmp").exists()
    assert files(target) == ["c0.bmp", "c1.bmp", "c2.bmp", "nachash-moved.csv"]


def test_a_move_that_fails_leaves_nothing_stray(pair, tmp_path, monkeypatch):
    """A disk that is full while a file is copied to another file system."""
    paths, found = pair

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    def other_file_system(*_, **__):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", other_file_system)
    monkeypatch.setattr(shutil, "copyfileobj", full)

    (move,) = moved(found, tmp_path / "deep" / "out")

    assert (move.failed, move.reason) == (True, "it cannot be moved: no space left on device")
    assert paths[1].exists()
    assert not (tmp_path / "deep").exists()


def test_a_move_that_cannot_be_written_down_is_taken_back(pair, tmp_path):
    paths, found = pair
    (tmp_path / "out" / "nachash-moved.csv").mkdir(parents=True)

    (move,) = moved(found, tmp_path / "out")

    assert move.failed
    assert "nachash-moved.csv is not a regular file" in move.reason
    assert paths[1].exists()
    assert files(tmp_path / "out") == ["nachash-moved.csv"]


def test_a_second_run_changes_nothing(pair, tmp_path):
    _, found = pair
    moved(found, tmp_path / "out")
    before = files(tmp_path)

    again = moved(found, tmp_path / "out")

    assert again[0].reason == "it is gone, or lies in an archive"
    assert files(tmp_path) == before


def test_a_copy_to_another_file_system_is_whole(tmp_path):
    (tmp_path / "a").write_bytes(b"1234")

    copy_file(tmp_path / "a", tmp_path / "b")

    assert (tmp_path / "b").read_bytes() == b"1234"
    with pytest.raises(FileExistsError):
        copy_file(tmp_path / "a", tmp_path / "b")


def contents(folder):
    """Every file with its bytes and its time."""
    return {
        path.relative_to(folder): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def pairs(root, count):
    return [
        (
            duplicate(picture(root / f"k{n}.bmp", n), keep=True),
            duplicate(picture(root / "sub" / f"c{n}.bmp", n)),
        )
        for n in range(count)
    ]


@pytest.mark.parametrize("named", ["out", "out/nachash-moved.csv"])
def test_undo_puts_everything_back(tmp_path, named):
    found = found_in(tmp_path / "photos", *pairs(tmp_path / "photos", 3))
    before = contents(tmp_path)
    moved(found, tmp_path / "out")
    assert contents(tmp_path) != before

    back = undo(tmp_path / named)

    assert [move.reason for move in back] == [None] * 3
    assert contents(tmp_path) == before
    assert not (tmp_path / "out").exists()


def test_undo_replaces_nothing_and_can_be_repeated(tmp_path):
    root, out = tmp_path / "photos", tmp_path / "out"
    found = found_in(root, *pairs(root, 3))
    moved(found, out)
    (root / "sub" / "c1.bmp").write_bytes(b"mine")

    first = undo(out)
    again = undo(out)
    (root / "sub" / "c1.bmp").unlink()
    at_last = undo(out)

    assert sorted(move.failed for move in first) == [False, False, True]
    assert ([move.failed for move in again], len(at_last)) == ([True], 1)
    assert files(root / "sub") == ["c0.bmp", "c1.bmp", "c2.bmp"]
    assert not out.exists()


def test_undo_knows_a_file_whose_move_was_interrupted(tmp_path, monkeypatch):
    """Killed between the row in the table and the move, or between the move and the next row."""
    root, out = tmp_path / "photos", tmp_path / "out"
    found = found_in(root, *pairs(root, 2))
    before = contents(tmp_path)
    moved(found, out)
    (out / "sub" / "c1.bmp").rename(root / "sub" / "c1.bmp")

    back = undo(out)

    assert sorted(move.reason or "" for move in back) == ["", "it is back already"]
    assert contents(tmp_path) == before


def test_a_table_of_a_stranger_moves_nothing_from_elsewhere(tmp_path):
    (tmp_path / "secret").write_bytes(b"key")
    (tmp_path / "out").mkdir()
    table = tmp_path / "out" / "nachash-moved.csv"
    table.write_text(f"from,to\n{tmp_path}/new,{tmp_path}/secret\n", encoding="utf-8")

    (move,) = undo(table)

    assert "does not lie below" in move.reason
    assert (tmp_path / "secret").read_bytes() == b"key"
    for other in (tmp_path / "secret", tmp_path / "nowhere"):
        with pytest.raises((UsageError, MissingError)):
            undo(other)


def test_the_table_says_why_a_file_stays(tmp_path):
    root, out = tmp_path / "photos", tmp_path / "out"
    found = found_in(root, *pairs(root, 2))
    picture(root / "k1.bmp", 7)

    moved(found, out)
    before = contents(tmp_path)
    moved(found, out)

    with (out / "nachash-moved.csv").open(newline="") as table:
        told = [row["what happened"] for row in csv.DictReader(table)]
    assert told[0] == "moved"
    assert told[1].startswith("left: its keeper")
    assert contents(tmp_path) == before


def with_sidecars(root, name):
    for other in ("copy.xmp", "copy.bmp.xmp", "copy.AAE", "copy.MOV", "unrelated.xmp", "copy.txt"):
        (root / name / other).write_bytes(other.encode())


@pytest.fixture
def edited(tmp_path):
    """A copy with sidecars, and its keeper."""
    root = tmp_path / "photos"
    group = (
        duplicate(picture(root / "keeper.bmp"), keep=True),
        duplicate(picture(root / "a" / "copy.bmp")),
    )
    with_sidecars(root, "a")
    return found_in(root, group), root, tmp_path / "out"


SHOT = ["copy.AAE", "copy.MOV", "copy.bmp", "copy.bmp.xmp", "copy.xmp"]


def test_sidecars_move_with_their_picture_and_back(edited, tmp_path):
    found, root, out = edited
    before = contents(tmp_path)
    (out / "a").mkdir(parents=True)
    (out / "a" / "copy.xmp").write_bytes(b"mine")

    moved(found, out)
    there, here = files(out / "a"), files(root / "a")
    undo(out)

    numbered = [name.replace("copy", "copy-2") for name in SHOT]
    assert there == sorted(["copy.xmp", *numbered])
    assert here == ["copy.txt", "unrelated.xmp"]
    (out / "a" / "copy.xmp").unlink()
    assert contents(tmp_path) == before


@pytest.mark.parametrize("fails", range(5))
def test_a_shot_moves_as_a_whole_or_not_at_all(edited, monkeypatch, fails):
    found, root, out = edited
    before, real, calls = contents(root), relocation.os.link, []

    def link(*names):
        calls.append(names)
        if len(calls) == fails + 1:
            raise FileExistsError(errno.EEXIST, "File exists")
        real(*names)

    monkeypatch.setattr(os, "link", link)
    moves = moved(found, out)

    assert all(move.failed for move in moves)
    assert contents(root) == before
    assert not out.exists()


def test_a_picture_stays_with_its_raw_file_and_moves_with_it(tmp_path):
    root = tmp_path / "photos"
    keepers = [picture(root / name, seed) for seed, name in enumerate(("k.bmp", "k2.bmp"))]
    jpeg, raw = picture(root / "a" / "DSC_1.bmp", 0), root / "a" / "dsc_1.NEF"
    picture(root / "a" / "raw.bmp", 1).rename(raw)
    first = (duplicate(keepers[0], keep=True), duplicate(jpeg))
    second = (duplicate(keepers[1], keep=True), duplicate(raw))

    assert reasons(found_in(root, first), tmp_path / "out") == [
        "it belongs to dsc_1.NEF, which stays"
    ]
    moves = moved(found_in(root, first, second), tmp_path / "out")
    assert [move.reason for move in moves] == [None, None]
    assert files(root) == ["a", "k.bmp", "k2.bmp"]


def test_a_table_whose_last_row_was_cut_off_is_read(tmp_path):
    found = found_in(tmp_path / "photos", *pairs(tmp_path / "photos", 2))
    before = contents(tmp_path)
    moved(found, tmp_path / "out")
    with (tmp_path / "out" / "nachash-moved.csv").open("ab") as table:
        table.write(b"/some/where")

    undo(tmp_path / "out")

    assert contents(tmp_path) == before
