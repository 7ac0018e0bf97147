"""`dedup` knows what a file is: by whatever name, with all that it holds, and who made it."""

import json
import os
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from projection import random_projection


def photo(seed, size=(96, 64)):
    """A soft picture of its own: noise of few pixels, enlarged."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 9, 3), np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "model"
    random_projection(folder, 16, 256)
    return folder


@pytest.fixture
def dedup(nachash, tmp_path, model):
    """Runs `dedup` on a folder or an index made of it."""

    def run(*words, cwd=tmp_path):
        command = ["dedup", "--model", model, "--max-distance", 3, "--json", *words]
        return nachash(*command, "--no-exit-code", cwd=cwd)

    return run


def groups(finished):
    assert finished.code == 0, finished.err
    found = [json.loads(line)["images"] for line in finished.out.splitlines()]
    return [[(Path(each["path"]).name, each["keep"]) for each in group] for group in found]


def names(finished):
    return [{name for name, _ in group} for group in groups(finished)]


@pytest.fixture
def linked(tmp_path, nachash, model):
    """`disk/Pictures` with two folders, reached as `Pictures` as well, and its index `out.h5`."""
    for folder, first in (("keep", 0), ("phone", 0)):
        place = tmp_path / "disk" / "Pictures" / folder
        place.mkdir(parents=True)
        for seed in range(first, 3):
            photo(seed).save(place / f"{folder}-{seed}.png")
    photo(9).save(tmp_path / "disk" / "Pictures" / "phone" / "moon.png")
    (tmp_path / "Pictures").symlink_to(tmp_path / "disk" / "Pictures")
    (tmp_path / "index-folder").symlink_to(tmp_path)
    made = nachash(
        "encode", "Pictures", "out.h5", "--model", model, "--labels", "none", cwd=tmp_path
    )
    assert made.code == 0, made.err
    return tmp_path


@pytest.mark.parametrize("reference", ["Pictures/keep", "disk/Pictures/keep"])
@pytest.mark.parametrize("source", ["out.h5", "index-folder/out.h5", "Pictures", "disk/Pictures"])
def test_a_reference_is_itself_by_every_name(dedup, linked, source, reference):
    found = dedup(source, "--reference", reference)

    wanted = [[(f"keep-{seed}.png", True), (f"phone-{seed}.png", False)] for seed in range(3)]
    assert groups(found) == wanted


def test_a_reference_above_the_source_protects_the_source(dedup, linked):
    assert groups(dedup("out.h5", "--reference", "disk")) == []


@pytest.mark.parametrize("name", ["Pictures/phone/moon.png", "disk/Pictures/phone/moon.png"])
def test_an_indexed_picture_is_found_by_every_name(nachash, linked, model, name):
    search = ["search", "--index", "out.h5", "-k", 1]
    by_path = nachash(*search, "--path", name, "--json", cwd=linked)
    under = nachash(*search, name, "--under", Path(name).parent, "--json", cwd=linked)
    removed = nachash("index", "remove", name, "--index", "out.h5", cwd=linked)
    added = nachash("index", "add", Path(name).parent, "--index", "out.h5", cwd=linked)
    again = nachash("encode", Path(name).parents[1], "out.h5", "--model", model, cwd=linked)

    assert json.loads(by_path.out)["query"].endswith("moon.png")
    assert json.loads(under.out)["distance"] == 0
    assert "removed phone/moon.png" in removed.out
    assert "1 new, 0 changed, 3 unchanged" in added.out, added.err
    assert "0 new, 0 changed, 7 unchanged" in again.out, again.err


def test_a_list_of_absolute_paths_is_below_the_folder_by_every_name(nachash, linked, model):
    lines = [f"{linked}/{place}/phone/moon.png" for place in ("Pictures", "disk/Pictures")]
    (linked / "Pictures" / "list.txt").write_text("\n".join(lines), encoding="utf-8")

    for place in ("Pictures", "disk/Pictures"):
        made = nachash(
            "encode", f"{place}/list.txt", "list.h5", "--model", model, "--overwrite", cwd=linked
        )
        assert "images   1\n" in made.out, made.err


def test_indexes_of_one_folder_by_two_names_merge_without_doubles(nachash, linked, model):
    nachash("encode", "disk/Pictures", "b.h5", "--model", model, "--labels", "none", cwd=linked)

    merged = nachash("index", "merge", "out.h5", "b.h5", "both.h5", cwd=linked)

    assert "both.h5: 7 images" in merged.out, merged.err


def test_a_picture_is_no_copy_of_itself(dedup, tmp_path):
    (tmp_path / "in").mkdir()
    photo(0).save(tmp_path / "in" / "picture.png")
    os.link(tmp_path / "in" / "picture.png", tmp_path / "in" / "hard.png")
    (tmp_path / "in" / "a-link.png").symlink_to("picture.png")

    alone = dedup("in")
    shutil.copy(tmp_path / "in" / "picture.png", tmp_path / "in" / "true-copy.png")
    with_a_copy = dedup("in")

    assert groups(alone) == []
    assert "another name leads to the same file: 2" in alone.err
    assert names(with_a_copy) == [{"hard.png", "true-copy.png"}]


def frames(path, *seeds, **options):
    first, *others = (photo(seed) for seed in seeds)
    first.save(path, save_all=True, append_images=others, **options)


@pytest.mark.parametrize("kind", ["tif", "gif", "webp", "png", "avif"])
def test_all_frames_count(dedup, tmp_path, kind):
    (tmp_path / "in").mkdir()
    frames(tmp_path / "in" / f"one.{kind}", 0, 1, 2)
    frames(tmp_path / "in" / f"other.{kind}", 0, 3, 4)
    photo(0).save(tmp_path / "in" / "first-frame.png")
    shutil.copy(tmp_path / "in" / f"one.{kind}", tmp_path / "in" / f"copy.{kind}")

    assert names(dedup("in")) == [{f"one.{kind}", f"copy.{kind}"}]


def test_a_burst_is_not_its_first_picture(dedup, tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    (tmp_path / "in").mkdir()
    for name, seeds in (("a", (0, 1)), ("b", (0, 2)), ("single", (0,))):
        burst = pillow_heif.from_pillow(photo(seeds[0]))
        for seed in seeds[1:]:
            burst.add_from_pillow(photo(seed))
        burst.save(tmp_path / "in" / f"{name}.heic")

    assert groups(dedup("in")) == []


def test_a_motion_photo_is_not_its_still(dedup, tmp_path):
    (tmp_path / "in").mkdir()
    xmp = b'<x:xmpmeta><rdf:Description GCamera:MotionPhoto="1"/></x:xmpmeta>'
    photo(0).save(tmp_path / "in" / "still.jpg")
    photo(0).save(tmp_path / "in" / "google.jpg", xmp=xmp)
    with (tmp_path / "in" / "google.jpg").open("ab") as file:
        file.write(b"\0\0\0\x14ftypisom film one")
    still = (tmp_path / "in" / "still.jpg").read_bytes()
    (tmp_path / "in" / "samsung.jpg").write_bytes(still + b"MotionPhoto_Data\0\0ftypmp42 film SEFT")

    assert groups(dedup("in")) == []


def raw_file(path, seed, kind_of_parts):
    """A raw file as Nikon writes it: a thumbnail first, what the sensor saw in a SubIFD."""
    small = photo(seed, (16, 16)).tobytes()
    tags = [
        (254, 4, 1), (256, 4, 16), (257, 4, 16), (258, 3, 8), (259, 3, 1), (262, 3, 2),
        (273, 4, 200), (277, 3, 3), (278, 4, 16), (279, 4, len(small)), (330, kind_of_parts, 100),
    ]  # fmt: skip
    entries = b"".join(
        struct.pack("<" + "HHI", tag, kind, 1)
        + (struct.pack("<" + "HH", value, 0) if kind == 3 else struct.pack("<" + "I", value))
        for tag, kind, value in tags
    )
    head = b"II*\0" + struct.pack("<" + "IH", 8, len(tags)) + entries + bytes(4)
    path.write_bytes(head.ljust(200, b"\0") + small + bytes(1000))


def test_a_raw_file_is_never_surplus_beside_its_jpeg(dedup, tmp_path):
    (tmp_path / "in").mkdir()
    for name, kind in (("DSC_1.NEF", 4), ("no-suffix-of-raw.tif", 4), ("DSC_2.dng", 13)):
        raw_file(tmp_path / "in" / name, 0, kind)
    photo(0).save(tmp_path / "in" / "DSC_1.JPG")

    found = dedup("in")

    assert groups(found) == []
    assert found.err.count("a camera's raw file") == 3


def test_what_a_camera_made_is_kept_and_the_policy_can_be_chosen(dedup, tmp_path):
    (tmp_path / "in").mkdir()
    exif = Image.Exif()
    exif[0x010F] = "Canon"
    photo(0).save(tmp_path / "in" / "camera.jpg", quality=92, exif=exif)
    photo(0).resize((288, 192)).save(tmp_path / "in" / "upscaled.jpg", quality=40)
    photo(0).save(tmp_path / "in" / "x.bmp")
    for name, time in (("x.bmp", 3), ("camera.jpg", 2), ("upscaled.jpg", 1)):
        os.utime(tmp_path / "in" / name, (10**9 + time, 10**9 + time))

    def kept(*words):
        (group,) = groups(dedup("in", "--max-distance", 20, *words))
        assert len(group) == 3
        return group[0][0]

    assert kept() == "camera.jpg"
    assert kept("--keep", "largest") == "upscaled.jpg"
    assert kept("--keep", "oldest") == "upscaled.jpg"
    assert kept("--keep", "newest") == "x.bmp"
    assert kept("--keep", "shortest-path") == "x.bmp"


def test_nothing_is_surplus_farther_from_its_keeper_than_the_radius(nachash, tmp_path, model):
    (tmp_path / "chain").mkdir()
    one, other = photo(0), photo(1)
    for step in range(24):
        Image.blend(one, other, step / 23).save(tmp_path / "chain" / f"{step:02}.png")
    command = ["dedup", "chain", "--model", model, "--max-distance", 12, "--json"]

    stars = nachash(*command, cwd=tmp_path)
    linked = nachash(*command, "--group", "components", cwd=tmp_path)

    def distances(finished):
        return [each["distance"] for line in finished.out.splitlines()
                for each in json.loads(line)["images"]]  # fmt: skip

    assert max(distances(stars)) <= 12
    assert max(distances(linked)) > 12


def test_a_picture_that_is_gone_is_neither_kept_nor_surplus(dedup, tmp_path, nachash, model):
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png", "c.png"):
        photo(0).save(tmp_path / "in" / name)
    nachash("encode", "in", "out.h5", "--model", model, "--labels", "none", cwd=tmp_path)
    (tmp_path / "in" / "a.png").unlink()
    with_two = dedup("out.h5")
    (tmp_path / "in" / "b.png").unlink()
    with_one = dedup("out.h5")

    assert names(with_two) == [{"b.png", "c.png"}]
    assert groups(with_one) == []
    assert "cannot be opened any more" in with_one.err


def test_what_systems_make_for_themselves_is_left_out_and_told(dedup, nachash, model, tmp_path):
    names = [
        "one.png",
        "b/@eaDir/one.png/SYNOPHOTO_THUMB_XL.jpg",
        "b/.thumbnails/t.png",
        "b/._one.png",
        "lost+found/one.png",
        "private/one.png",
        "b/one-tmp.png",
    ]
    for name in names:
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        photo(0).save(tmp_path / "in" / name)
    command = ["encode", "in", "out.h5", "--model", model, "--labels", "none", "--strict"]

    made = nachash(*command, cwd=tmp_path)
    others = nachash(
        *command, "--overwrite", "--exclude", "private", "--exclude", "b/*-tmp.*", cwd=tmp_path
    )

    assert made.code == 0
    assert "images   3\n" in made.out
    assert "left out by name: 2 (b/@eaDir, lost+found)" in made.err
    assert "images   1\n" in others.out, others.err
    assert groups(dedup("in", "--exclude", "b/*", "--exclude", "private")) == []


def test_what_was_moved_away_is_not_found_again(dedup, nachash, model, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png"):
        photo(0).save(tmp_path / "in" / name)
    nachash("encode", "in", "out.h5", "--model", model, "--labels", "none", cwd=tmp_path)
    moved = dedup("out.h5", "--move-to", "in/surplus", "--apply")

    again = nachash("encode", "in", "out.h5", "--model", model, "--labels", "none", cwd=tmp_path)

    assert "moved in/b.png -> in/surplus/b.png" in moved.err
    assert "left out by name: 1 (surplus)" in again.err
    assert "0 new" in again.out
    assert groups(dedup("out.h5")) == []
    assert groups(dedup("in/surplus")) == []
