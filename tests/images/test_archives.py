"""Zip archives, WebDataset shards, and archives that mean harm."""

import io
import pickle
import tarfile
import zipfile

import numpy as np
import pytest
from pictures import SIZE_8, contents, gradient

from nachash.errors import DamagedError, ImageError, MissingError, UsageError
from nachash.images.decoding.decode import decode
from nachash.images.sources import shards, zip_archive
from nachash.images.sources.location import source
from nachash.images.stream import batches

JPEG = contents(gradient(20, 20), "JPEG")
PNG = contents(gradient(10, 10), "PNG")


def paths(images):
    return [reference.path for reference in images.references]


def reasons(images):
    return {entry.path: entry.reason for entry in images.skipped}


def make_tar(path, entries):
    with tarfile.open(path, "w") as archive:
        for name, data in entries:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return str(path)


class Trap:
    """Unpickling it would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("name", ["all.zip", "all.bin"])
def test_a_zip_archive_lists_its_images_and_opens_them_in_any_order(tmp_path, compression, name):
    link = zipfile.ZipInfo("link.jpg")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / name, "w", compression) as archive:
        for entry, data in [
            ("b/2.jpg", JPEG),
            ("a.png", PNG),
            ("plain", PNG),
            (link, b"/etc/passwd"),
            (".hidden.jpg", JPEG),
            ("__MACOSX/b/2.jpg", b"fork"),
            ("note.txt", b"text"),
            ("cut.jpg", b""),
        ]:
            archive.writestr(entry, data)

    images = source(str(tmp_path / name), io.StringIO())

    sizes = {r.path: images.open(r).size[0] for r in reversed(images.references[:3])}
    assert paths(images) == ["b/2.jpg", "a.png", "plain", "cut.jpg"]
    assert sizes == {"b/2.jpg": 20, "a.png": 10, "plain": 10}
    assert reasons(images) == {"link.jpg": "a link in the archive"}
    assert images.references[0].mtime_ns > 10**18
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_zip_archive_is_read_by_many_threads_at_once(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for size in range(1, 90):
            archive.writestr(f"{size}.png", contents(gradient(size, size), "PNG"))

    found = list(batches(source(str(tmp_path / "all.zip"), []), SIZE_8, batch_size=20, workers=4))

    assert [r.path for b in found for r in b.references] == [f"{n}.png" for n in range(1, 90)]


def test_damage_in_a_zip_archive_is_found_and_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("a.png", PNG)
        archive.writestr("b.png", PNG)
    whole = bytearray((tmp_path / "all.zip").read_bytes())
    (tmp_path / "cut.zip").write_bytes(whole[:-30])
    whole[60] ^= 255
    (tmp_path / "all.zip").write_bytes(whole)
    images = source(str(tmp_path / "all.zip"), [])

    with pytest.raises(ImageError, match="damaged: Bad CRC"):
        images.open(images.references[0])
    assert images.open(images.references[1]).size == (10, 10)
    with pytest.raises(DamagedError, match=r"cut\.zip"):
        source(str(tmp_path / "cut.zip"), [])


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(zip_archive, "MAX_BYTES", 1 << 20)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jpg", bytes(2 << 20))

    images = source(str(tmp_path / "bomb.zip"), [])

    with pytest.raises(ImageError, match="too large"):
        images.open(images.references[0])


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_no_member_leads_out_of_its_archive(tmp_path, kind):
    names = ["../out.jpg", "a/../../b.jpg", "/etc/cron.jpg", "C:\\x.jpg", "../without-suffix"]
    path = tmp_path / f"evil.{kind}"
    if kind == "tar":
        make_tar(path, [(name, JPEG) for name in [*names, "good.jpg"]])
    else:
        with zipfile.ZipFile(path, "w") as archive:
            for name in [*names, "good.jpg"]:
                archive.writestr(name, JPEG)

    images = source(str(path), [])

    assert paths(images) == ["good.jpg"]
    assert len(images.skipped) >= 3
    assert {r.rpartition(" in ")[0] or r for r in reasons(images).values()} <= {
        "an absolute path",
        "a path that leads out of the archive",
    }
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_shards_are_one_source_with_the_labels_beside_the_images(tmp_path):
    trap = pickle.dumps(Trap(tmp_path / "ran"))
    for number, label in enumerate((b"7", b"cat\n")):
        make_tar(
            tmp_path / f"train-{number:03}.tar",
            [
                (f"k{number}.jpg", JPEG),
                (f"k{number}.cls", label),
                (f"k{number}.pyd", trap),
                (f"k{number}.json", b'{"a": 1}'),
                ("pipe:touch ran", b"x"),
                (f"none{number}.seg.png", PNG),
            ],
        )

    images = source(str(tmp_path / "train-{000..001}.tar"), [])

    assert paths(images) == [
        "train-000.tar/k0.jpg",
        "train-000.tar/none0.seg.png",
        "train-001.tar/k1.jpg",
        "train-001.tar/none1.seg.png",
    ]
    assert dict(images.labels) == {"train-000.tar/k0.jpg": "7", "train-001.tar/k1.jpg": "cat"}
    assert images.root == str(tmp_path)
    assert [images.open(r).size[0] for r in images.references] == [20, 10, 20, 10]
    assert not (tmp_path / "ran").exists()


def test_a_missing_shard_is_named(tmp_path):
    make_tar(tmp_path / "t-0.tar", [("a.jpg", JPEG)])

    with pytest.raises(MissingError, match=r"t-1\.tar"):
        source(str(tmp_path / "t-{0..1}.tar"), [])
    with pytest.raises(UsageError, match="one name"):
        shards.source(str(tmp_path / "{0..1}" / "a.tar"))
    with pytest.raises(MissingError, match="names 0 archives"):
        shards.source(str(tmp_path / "t-{3..1}.tar"))


def test_a_pickle_is_no_image_wherever_it_lies(tmp_path):
    trap = pickle.dumps(Trap(tmp_path / "ran"))
    (tmp_path / "trap.jpg").write_bytes(trap)
    make_tar(tmp_path / "trap.tar", [("trap.jpg", trap)])
    with zipfile.ZipFile(tmp_path / "trap.zip", "w") as archive:
        archive.writestr("trap.jpg", trap)

    for name in ("trap.jpg", "trap.tar", "trap.zip"):
        images = source(str(tmp_path / name), [])
        with pytest.raises(ImageError, match="not an image"):
            images.open(images.references[0])
    assert not (tmp_path / "ran").exists()


def test_a_heic_picture_is_decoded_upright():
    heif = pytest.importorskip("pillow_heif")
    from nachash.images.decoding.formats import has_image_signature, has_image_suffix, opened

    buffer = io.BytesIO()
    heif.from_pillow(gradient(64, 48)).save(buffer, quality=90)
    data = buffer.getvalue()

    pixels = decode(opened(data), SIZE_8)
    expected = decode(opened(contents(gradient(64, 48), "PNG")), SIZE_8)

    assert has_image_signature(data[:16])
    assert has_image_suffix("a.HEIC")
    assert np.abs(pixels.astype(int) - expected.astype(int)).mean() < 4


def test_without_pillow_heif_a_heic_picture_is_skipped_with_the_package_to_install(monkeypatch):
    import importlib

    from nachash.images.decoding import formats

    def missing(name):
        raise ModuleNotFoundError(name, name=name)

    formats._factory.cache_clear()
    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ImageError, match=r"nachash\[heic\]"):
        formats.opened(b"\0\0\0\x18ftypheic" + bytes(50))
    monkeypatch.undo()
    formats._factory.cache_clear()
