"""A collection moves: to another mount point as a whole, or file by file under another name."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from projection import random_projection

from nachash.index.reader import open_index


@pytest.fixture
def home(tmp_path, nachash):
    """Six pictures in `old/Pictures/{a,b}` and their index `out.h5`, with digests."""
    random_projection(tmp_path / "model", 16, 64)
    for number in range(6):
        place = tmp_path / "old" / "Pictures" / "ab"[number % 2] / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).save(place)
    made = encode(nachash, tmp_path, "old/Pictures")
    assert made.code == 0, made.err
    return tmp_path


def encode(nachash, home, folder, *words):
    command = ["encode", folder, "out.h5", "--model", "model", "--labels", "none", "--hash"]
    return nachash(*command, *words, cwd=home)


def ids(home):
    with open_index(home / "out.h5") as index:
        return dict(zip(index.all_paths(), index.ids().tolist(), strict=True))


def test_a_moved_collection_goes_on_after_relocate(nachash, home):
    before = ids(home)
    shutil.move(home / "old", home / "new")
    refused = encode(nachash, home, "new/Pictures")
    calibrated = nachash("calibrate", "out.h5", cwd=home)

    moved = nachash("index", "relocate", "old", "new", "--index", "out.h5", cwd=home)
    again = encode(nachash, home, "new/Pictures")
    verified = nachash("index", "verify", "out.h5", cwd=home)
    found = nachash("search", "new/Pictures/a/0.png", "--index", "out.h5", "--json", cwd=home)

    assert "index relocate" in refused.err
    assert "index relocate" in calibrated.err
    assert moved.code == 0, moved.err
    assert f"6 images below {home}/new/Pictures (6 of 6" in moved.out
    assert "0 new, 0 changed, 6 unchanged" in again.out, again.err
    assert "sound" in verified.out, verified.out
    assert json.loads(found.out.splitlines()[0])["path"] == "new/Pictures/a/0.png"
    assert ids(home) == before


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [("elsewhere", "old", "were below"), ("old", "nowhere", "none of 6 images")],
)
def test_a_wrong_place_changes_nothing(nachash, home, old, new, word):
    before = (home / "out.h5").read_bytes()

    refused = nachash("index", "relocate", old, new, "--index", "out.h5", cwd=home)

    assert refused.code == 2
    assert word in refused.err
    assert (home / "out.h5").read_bytes() == before


def test_renamed_and_moved_files_keep_their_ids(nachash, home):
    before = ids(home)
    root = home / "old" / "Pictures"
    (root / "a" / "0.png").rename(root / "a" / "renamed.png")
    (root / "b" / "1.png").rename(root / "moved.png")
    nachash("index", "remove", "a/4.png", "--index", "out.h5", cwd=home)

    again = encode(nachash, home, "old/Pictures")
    nachash("index", "remove", "b/3.png", "--index", "out.h5", cwd=home)
    restored = nachash("index", "restore", "b/3.png", "--index", "out.h5", cwd=home)

    after = ids(home)
    assert "1 new, 0 changed, 5 unchanged (2 renamed)" in again.out, again.err
    assert after["a/renamed.png"] == before["a/0.png"]
    assert after["moved.png"] == before["b/1.png"]
    assert not {"a/0.png", "b/1.png"} & after.keys()
    assert restored.code == 0
    assert "sound" in nachash("index", "verify", "out.h5", cwd=home).out


def test_a_copy_is_new_and_a_file_of_another_label_too(nachash, home):
    root = home / "old" / "Pictures"
    labelled = ["encode", "old/Pictures", "l.h5", "--model", "model", "--hash"]
    nachash(*labelled, cwd=home)
    shutil.copy(root / "a" / "0.png", root / "a" / "copy.png")
    (root / "a" / "2.png").rename(root / "b" / "2.png")

    again = nachash(*labelled, cwd=home)

    assert "2 new, 0 changed, 5 unchanged\n" in again.out, again.err


def test_an_edit_that_keeps_size_and_time_is_found_with_hash(nachash, home):
    import os

    place = home / "old" / "Pictures" / "a" / "0.png"
    status, data = place.stat(), bytearray(place.read_bytes())
    with open_index(home / "out.h5") as index:
        before = index.ids()[index.position_of_path("a/0.png")]
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(place)
    place.write_bytes(place.read_bytes().ljust(len(data), b"\0"))
    os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert place.stat().st_size == status.st_size

    unseen = encode(nachash, home, "old/Pictures")

    assert "0 new, 1 changed, 5 unchanged" in unseen.out, unseen.err
    assert ids(home)["a/0.png"] != before
