"""Archives that expand too far, never end, or say what cannot be: refused, or read in part."""

import gzip
import io
import shutil
import tarfile
import tempfile
import zipfile

import hostile
import numpy as np
import pytest
from pictures import SIZE_8, contents, gradient

from nachash.errors import DamagedError, ImageError, StorageError
from nachash.images import limits
from nachash.images.decoding.decode import decode
from nachash.images.sources.location import source


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("hostile")
    hostile.archives(made, megabytes=40)
    yield made
    shutil.rmtree(made)


@pytest.mark.parametrize("name", ["bomb.tar.xz", "bomb.tar.gz", "bomb.tar.bz2"])
def test_an_archive_that_expands_too_far_stops_early(folder, monkeypatch, name):
    written = []
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **options: _Counted(written))

    with pytest.raises(StorageError, match=r"expands \d+-fold, above the 200 of \$NACHASH_ARCHIVE"):
        source(str(folder / name), [])

    assert sum(written) <= limits.HELD_BYTES + (1 << 20)


class _Counted(io.BytesIO):
    def __init__(self, written):
        super().__init__()
        self._written = written

    def write(self, data):
        self._written.append(len(data))
        return super().write(data)


def test_both_limits_of_an_archive_can_be_set(tmp_path, monkeypatch):
    small = tmp_path / "small.tar.gz"
    with gzip.open(small, "wb") as file:
        file.write(hostile.tar_header(b"a.png", b"%011o\0" % len(hostile.MEMBER)))
        file.write(hostile.MEMBER.ljust(512, b"\0") + bytes(1024))
    monkeypatch.setenv(limits.ARCHIVE_BYTES, "2kB")
    with pytest.raises(StorageError, match="unpacks to more than the 2e-06 GB"):
        source(str(small), [])

    monkeypatch.setenv(limits.ARCHIVE_BYTES, "3kB")
    monkeypatch.setenv(limits.ARCHIVE_RATIO, "0.001")
    assert len(source(str(small), []).references) == 1


def test_a_member_that_expands_too_far_is_skipped_and_the_others_are_read(folder):
    images = source(str(folder / "bomb.zip"), [])
    good, bomb = images.references

    assert decode(images.open(good), SIZE_8).shape == (8, 8, 3)
    with pytest.raises(ImageError, match=r"expands \d+-fold, above the 200 of \$NACHASH_ARCHIVE"):
        images.open(bomb)


def test_a_large_member_is_read_as_a_stream(tmp_path):
    noise = np.random.default_rng(0).bytes(limits.HELD_BYTES)
    data = contents(gradient(9, 9), "PNG") + noise
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.png", data)
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        member = tarfile.TarInfo("a.png")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))

    for name in ("a.zip", "a.tar"):
        images = source(str(tmp_path / name), [])
        pixels = decode(images.open(images.references[0]), SIZE_8)
        with images.stream(images.references[0]) as file:
            assert file.read() == data
        np.testing.assert_array_equal(pixels, decode(gradient(9, 9), SIZE_8))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("negative.tar", "negative size"),
        ("backwards.tar", "negative size"),
        ("long_name.tar", "a header of 4294967296 bytes"),
        ("size.tar", "end"),
        ("size_below_zero.tar", "negative size"),
    ],
)
def test_an_archive_that_says_what_cannot_be_is_damaged(folder, name, why):
    with pytest.raises(DamagedError, match=why):
        source(str(folder / name), [])


@pytest.mark.parametrize("number", range(4))
def test_odd_times_of_members_are_none_of_these(folder, number):
    assert len(source(str(folder / f"mtime_{number}.tar"), []).references) == 2


def test_headers_are_read_one_by_one_and_not_kept(tmp_path):
    with (tmp_path / "a.tar").open("wb") as file:
        for number in range(2000):
            file.write(hostile.tar_header(b"%d.png" % number, b"%011o\0" % 0))
        file.write(bytes(1024))

    assert len(source(str(tmp_path / "a.tar"), []).references) == 2000
