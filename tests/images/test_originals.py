"""Images of an index are opened where they lie: in folders, archives, shards and URLs."""

import os
import tarfile
import zipfile

import fsspec
import numpy as np
import pytest
from pictures import contents, gradient

from nachash.errors import ImageError
from nachash.images.sources.hosts import Hosts
from nachash.images.sources.location import source
from nachash.images.sources.originals import Originals, opened_at

NAMES = ("cat/1.png", "dog/2.png", "3.png")


@pytest.fixture
def folder(tmp_path):
    """Three pictures of different sizes in a folder."""
    for number, name in enumerate(NAMES):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents(gradient(10 + number, 20), "PNG"))
    return tmp_path / "photos"


def zipped(folder):
    path = folder.parent / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in NAMES:
            archive.write(folder / name, name)
    return str(path)


def tarred(folder, name="all-0.tar"):
    path = folder.parent / name
    with tarfile.open(path, "w") as archive:
        for each in NAMES:
            archive.add(folder / each, each)
    return str(path)


def shards(folder):
    tarred(folder, "all-1.tar")
    return tarred(folder).replace("all-0", "all-{0..1}")


def remote(folder):
    files = fsspec.filesystem("memory")
    for name in NAMES:
        files.pipe(f"/originals/{name}", (folder / name).read_bytes())
    return "memory://originals"


PLACES = [str, zipped, tarred, shards, remote]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_every_image_opens_as_its_source_opens_it(folder, place):
    images = source(place(folder), ())
    originals = Originals(images.root)

    assert images.references
    for reference in images.references:
        with originals.open(reference.path) as one, images.open(reference) as other:
            assert np.array_equal(np.asarray(one), np.asarray(other))
        assert originals.version(reference.path) == originals.version(reference.path)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_what_is_not_there_is_one_reason(folder, place):
    originals = Originals(source(place(folder), ()).root)

    for name in ("nowhere.png", "cat/nowhere.png", "cat", "../photos.png", "all-0.tar/no.png"):
        with pytest.raises(ImageError):
            originals.open(name)


def test_a_path_leads_into_an_archive(folder):
    for archive in (zipped(folder), tarred(folder)):
        with opened_at(f"{archive}/dog/2.png") as image:
            assert image.size == (11, 20)
        with pytest.raises(ImageError):
            opened_at(f"{archive}/dog/4.png")
    with opened_at(str(folder / "3.png")) as image:
        assert image.size == (12, 20)
    with pytest.raises(ImageError):
        opened_at(str(folder / "4.png"))


def test_an_archive_that_changed_is_listed_again(folder):
    archive = zipped(folder)
    opened_at(f"{archive}/3.png").close()
    with zipfile.ZipFile(archive, "a") as more:
        more.writestr("new.png", contents(gradient(5, 5), "PNG"))
    os.utime(archive, ns=(1, 1))

    with opened_at(f"{archive}/new.png") as image:
        assert image.size == (5, 5)


def test_a_changed_file_has_another_version(folder):
    originals = Originals(str(folder))
    before = originals.version("3.png")
    (folder / "3.png").write_bytes(b"something else")

    assert originals.version("3.png") != before
    (folder / "3.png").unlink()
    with pytest.raises(ImageError):
        originals.version("3.png")


def test_a_url_leads_into_an_archive_elsewhere(folder):
    files = fsspec.filesystem("memory")
    for name in ("all.zip", "all-0.tar"):
        local = zipped(folder) if name.endswith(".zip") else tarred(folder)
        files.put_file(local, f"/kept/{name}")
        with opened_at(f"memory://kept/{name}/dog/2.png") as image:
            assert image.size == (11, 20)
        with pytest.raises(ImageError, match="not found"):
            opened_at(f"memory://kept/{name}/dog/4.png")
    with opened_at(f"{remote(folder)}/3.png") as image:
        assert image.size == (12, 20)


def test_a_place_that_does_not_answer_is_asked_once(monkeypatch):
    from nachash.images.sources import elsewhere
    from nachash.images.sources.remote import UnreachableError

    asked = []

    hosts = Hosts.of(["silent.example", "other.example"])

    def unanswered(url, _hosts):
        asked.append(url)
        raise UnreachableError("cannot be fetched: timeout")

    monkeypatch.setattr(elsewhere.remote, "single", unanswered)
    for name in ("1.png", "2.png"):
        with pytest.raises(ImageError):
            opened_at(f"https://silent.example/photos/{name}", hosts)
    with pytest.raises(ImageError):
        opened_at("https://other.example/photos/1.png", hosts)

    assert asked == [
        "https://silent.example/photos/1.png",
        "https://other.example/photos/1.png",
    ]


def test_only_what_was_not_answered_counts_as_silence():
    from nachash.images.sources import remote as elsewhere

    assert elsewhere._image_error(FileNotFoundError("x")).sentence == "not found"
    assert not isinstance(elsewhere._image_error(FileNotFoundError()), elsewhere.UnreachableError)
    assert isinstance(elsewhere._image_error(TimeoutError()), elsewhere.UnreachableError)
