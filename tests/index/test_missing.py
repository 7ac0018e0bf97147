"""`index remove --missing` takes out what is gone, not what cannot be seen; `restore` undoes it."""

import os
import shutil
import tarfile

import numpy as np
import pytest
from PIL import Image

from nachash.errors import MissingError, NachashError, UsageError
from nachash.index.reader import open_index
from nachash.tasks.encode.encode import EncodeSettings, encode
from nachash.tasks.index.add import AddSettings, add
from nachash.tasks.index.compact import CompactSettings, compact
from nachash.tasks.index.remove import RemoveSettings, remove
from nachash.tasks.index.restore import RestoreSettings, restore


def picture(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def collection(tmp_path, tiny_model, monkeypatch):
    """A function that makes an index of `photos` with so many pictures in each folder."""
    monkeypatch.setenv("NACHASH_STATE", str(tmp_path / "state"))

    def made(**folders):
        root = tmp_path / "photos"
        for name, count in folders.items():
            for number in range(count):
                picture(root / name / f"{number}.png", number)
        out = tmp_path / "out.h5"
        encode(
            EncodeSettings(images=str(root), out=out, model=tiny_model, workers=0, labels="none")
        )
        return root, out

    return made


def paths(index):
    with open_index(index) as opened:
        return opened.all_paths()


def removed(index, **settings):
    return remove(RemoveSettings(missing=True, index=index, **settings))


def test_what_was_deleted_is_removed(collection):
    root, out = collection(a=20, b=20)
    (root / "a" / "3.png").unlink()
    (root / "b" / "7.png").unlink()

    result = removed(out)

    assert (result.removed, result.images, result.unknown) == (("a/3.png", "b/7.png"), 38, ())
    assert len(paths(out)) == 38


def test_an_empty_mount_point_as_root_refuses_whatever_is_said(collection):
    root, out = collection(a=4)
    shutil.rmtree(root)
    root.mkdir()
    (root / ".hidden").touch()

    with pytest.raises(MissingError, match="empty, as where no disk is mounted"):
        removed(out, yes=True)

    assert len(paths(out)) == 4


def test_another_disk_at_the_root_refuses(collection):
    root, out = collection(a=4)
    shutil.rmtree(root)
    picture(root / "holiday" / "other.png", 9)

    with pytest.raises(MissingError, match="nothing is removed"):
        removed(out, yes=True)

    assert len(paths(out)) == 4


def test_an_empty_folder_below_the_root_may_be_a_mount_point(collection):
    root, out = collection(disk=3, here=30)
    shutil.rmtree(root / "disk")
    (root / "disk").mkdir()
    (root / "here" / "5.png").unlink()

    result = removed(out, yes=True)

    assert result.removed == ("here/5.png",)
    assert [each.path for each in result.unknown] == ["disk/0.png", "disk/1.png", "disk/2.png"]
    assert "no disk is mounted" in result.unknown[0].reason


def test_what_lies_deeper_in_an_empty_folder_is_unknown_as_well(collection):
    root, out = collection(here=30, **{"disk/2019/may": 3})
    shutil.rmtree(root / "disk")
    (root / "disk").mkdir()

    result = removed(out, yes=True)

    assert result.removed == ()
    assert len(result.unknown) == 3


def test_a_link_to_a_folder_that_is_gone_says_nothing(collection, tmp_path):
    root, out = collection(here=30)
    for number in range(3):
        picture(tmp_path / "disk" / f"{number}.png", number)
    (root / "linked").symlink_to(tmp_path / "disk")
    add(AddSettings(images=str(root), index=out, workers=0))
    assert len(paths(out)) == 33
    (tmp_path / "disk").rename(tmp_path / "unmounted")

    result = removed(out, yes=True)

    assert result.removed == ()
    assert "is a link to nothing" in result.unknown[0].reason


def test_a_folder_that_may_not_be_read_says_nothing(collection, monkeypatch):
    root, out = collection(a=3, b=30)
    (root / "a" / "0.png").unlink()
    real = os.listdir

    def listdir(place):
        if place == str(root / "a"):
            raise PermissionError(13, "Permission denied")
        return real(place)

    monkeypatch.setattr(os, "listdir", listdir)

    result = removed(out, yes=True)

    assert result.removed == ()
    assert len(result.unknown) == 3
    assert "permission denied" in result.unknown[0].reason


def test_a_root_that_may_not_be_read_refuses(collection, monkeypatch):
    _, out = collection(a=3)

    def listdir(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "listdir", listdir)

    with pytest.raises(MissingError, match="permission denied"):
        removed(out, yes=True)


def test_many_at_once_are_removed_only_by_a_yes(collection):
    root, out = collection(a=10, b=10)
    for number in range(6):
        (root / "a" / f"{number}.png").unlink()

    with pytest.raises(UsageError, match=r"6 of 20 images of .* \(30%\) are missing"):
        removed(out)
    asked = []
    kept = remove(
        RemoveSettings(missing=True, index=out), ask=lambda text: bool(asked.append(text))
    )
    assert (kept.removed, kept.images, len(asked)) == ((), 20, 1)
    assert len(paths(out)) == 20
    assert len(removed(out, yes=True).removed) == 6


def test_a_whole_folder_is_removed_only_by_a_yes(collection):
    root, out = collection(a=2, b=60)
    shutil.rmtree(root / "a")

    with pytest.raises(UsageError, match="with all of a;"):
        removed(out)

    assert removed(out, yes=True).removed == ("a/0.png", "a/1.png")


def test_a_dry_run_changes_nothing(collection):
    root, out = collection(a=20)
    (root / "a" / "3.png").unlink()
    before = out.read_bytes()

    result = removed(out, dry_run=True)

    assert (result.removed, result.dry_run) == (("a/3.png",), True)
    assert out.read_bytes() == before


def test_members_of_archives_in_a_folder_are_looked_for_in_them(tmp_path, tiny_model, monkeypatch):
    """Shards: the folder has no file `train-0.tar/1.png`, and it is not missing."""
    monkeypatch.setenv("NACHASH_STATE", str(tmp_path / "state"))
    (tmp_path / "shards").mkdir()

    def write(name, numbers):
        with tarfile.open(tmp_path / "shards" / name, "w") as archive:
            for number in numbers:
                picture(tmp_path / "p.png", number)
                archive.add(tmp_path / "p.png", f"{number:02}.png")

    write("train-0.tar", range(12))
    write("train-1.tar", range(12))
    out = tmp_path / "out.h5"
    pattern = str(tmp_path / "shards" / "train-{0..1}.tar")
    encode(EncodeSettings(images=pattern, out=out, model=tiny_model, workers=0, labels="none"))
    assert removed(out).removed == ()

    write("train-0.tar", range(1, 12))
    assert removed(out).removed == ("train-0.tar/00.png",)
    (tmp_path / "shards" / "train-1.tar").write_bytes(b"damaged")
    result = removed(out, yes=True)
    assert (result.removed, len(result.unknown)) == ((), 12)


def test_an_archive_that_is_another_refuses(tmp_path, tiny_model, monkeypatch):
    monkeypatch.setenv("NACHASH_STATE", str(tmp_path / "state"))
    archive, out = tmp_path / "all.tar", tmp_path / "out.h5"
    picture(tmp_path / "p.png", 1)
    with tarfile.open(archive, "w") as tar:
        for number in range(4):
            tar.add(tmp_path / "p.png", f"{number}.png")
    encode(EncodeSettings(images=str(archive), out=out, model=tiny_model, workers=0, labels="none"))
    with tarfile.open(archive, "w") as tar:
        tar.add(tmp_path / "p.png", "other.png")
    with pytest.raises(MissingError, match="nothing is removed"):
        removed(out, yes=True)
    archive.write_bytes(archive.read_bytes()[:700])
    with pytest.raises(NachashError):
        removed(out, yes=True)
    assert len(paths(out)) == 4


def everything(index):
    with open_index(index) as opened:
        return opened.ids().tolist(), opened.all_paths(), opened.codes().tolist()


def test_restoring_gives_the_same_rows_back(collection):
    _, out = collection(a=6, b=6)
    before = everything(out)
    remove(RemoveSettings(paths=("a", "b/1.png"), index=out))

    dry = restore(RestoreSettings(index=out, dry_run=True))
    one = restore(RestoreSettings(paths=("a/2.png",), index=out))
    assert (len(dry.restored), one.restored, one.images) == (7, ("a/2.png",), 6)
    rest = restore(RestoreSettings(index=out))

    assert len(rest.restored) == 6
    assert everything(out) == before
    assert restore(RestoreSettings(index=out)).restored == ()


def test_an_image_that_is_there_again_is_not_doubled(collection):
    root, out = collection(a=6)
    remove(RemoveSettings(paths=("a/1.png", "a/2.png"), index=out))
    picture(root / "a" / "1.png", 77)
    (root / "a" / "2.png").unlink()
    add(AddSettings(images=str(root), index=out, workers=0))

    assert restore(RestoreSettings(index=out)).restored == ("a/2.png",)
    assert sorted(paths(out)) == [f"a/{number}.png" for number in range(6)]


def test_of_an_image_that_has_changed_the_newest_row_comes_back(collection):
    root, out = collection(a=6)
    picture(root / "a" / "1.png", 77)
    os.utime(root / "a" / "1.png", ns=(1, 1))
    add(AddSettings(images=str(root), index=out, workers=0))
    before = everything(out)
    remove(RemoveSettings(paths=("a/1.png",), index=out))

    assert restore(RestoreSettings(index=out)).restored == ("a/1.png",)
    assert everything(out) == before


def test_what_was_compacted_away_cannot_be_restored(collection):
    _, out = collection(a=6)
    remove(RemoveSettings(paths=("a/1.png",), index=out))
    compact(CompactSettings(index=out))

    assert restore(RestoreSettings(index=out)).restored == ()
    with pytest.raises(MissingError, match="was removed"):
        restore(RestoreSettings(paths=("a/1.png",), index=out))
