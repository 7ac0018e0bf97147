"""Images at URLs: fsspec's memory file system, and HTTP from a server in this process."""

import functools
import http.server
import io
import tarfile
import threading
import zipfile

import fsspec
import pytest
from pictures import SIZE_8, contents, gradient

from nachash.errors import DamagedError, ImageError, MissingError, NoImagesError, UsageError
from nachash.images.sources.location import source
from nachash.images.stream import batches

JPEG = contents(gradient(20, 20), "JPEG")
PNG = contents(gradient(10, 10), "PNG")


def archive_of(kind):
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("in.png", PNG)
    else:
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            member = tarfile.TarInfo("in.png")
            member.size = len(PNG)
            archive.addfile(member, io.BytesIO(PNG))
    return buffer.getvalue()


FILES = {
    "album/a.jpg": JPEG,
    "album/sub/b.png": PNG,
    "album/bad.jpg": b"a text",
    "album/.hidden.jpg": JPEG,
    "album/notes.md": b"text",
    "list.txt": b"album/sub/b.png\nalbum/gone.png\n../secret.jpg\n\n",
    "all.zip": archive_of("zip"),
    "all.tar.gz": archive_of("tar"),
}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def over_http(tmp_path):
    for name, data in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def in_memory():
    files = fsspec.filesystem("memory")
    for name, data in FILES.items():
        files.pipe_file(f"/bucket/{name}", data)
    yield "memory://bucket"
    files.rm("/bucket", recursive=True)


@pytest.fixture(params=["in_memory", "over_http"])
def root(request):
    return request.getfixturevalue(request.param)


def test_a_folder_elsewhere_is_a_source_like_any_other(root):
    images = source(f"{root}/album/", [])

    (batch,) = batches(images, SIZE_8, batch_size=9, workers=2)

    assert images.root == f"{root}/album"
    assert [r.path for r in images.references] == ["a.jpg", "bad.jpg", "sub/b.png"]
    assert [r.path for r in batch.references] == ["a.jpg", "sub/b.png"]
    assert [(s.path, s.reason) for s in batch.skipped] == [("bad.jpg", "not an image")]
    assert images.references[0].size == len(JPEG)


def test_a_list_an_image_and_archives_elsewhere(root):
    listed = source(f"{root}/list.txt", [])
    single = source(f"{root}/album/a.jpg", [])

    assert [r.path for r in listed.references] == ["album/sub/b.png"]
    assert {s.path: s.reason for s in listed.skipped} == {
        "album/gone.png": "not found",
        "../secret.jpg": "a path that leads out of the archive",
    }
    assert [r.path for r in single.references] == ["a.jpg"]
    assert single.root == f"{root}/album"
    for name in ("all.zip", "all.tar.gz"):
        images = source(f"{root}/{name}", [])
        assert images.root == f"{root}/{name}"
        assert images.open(images.references[0]).size == (10, 10)


class Strange(Quiet):
    """Serves a picture with a query, under a name without suffix, and by a redirect."""

    def do_GET(self):
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/album/a.jpg")
            self.end_headers()
            return
        if self.path == "/picture":
            self.path = "/album/a.jpg"
        super().do_GET()

    do_HEAD = do_GET  # noqa: N815 (the name that is called)


@pytest.fixture
def strange(over_http, tmp_path):
    handler = functools.partial(Strange, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("album/a.jpg?w=800&format=jpg", "a.jpg?w=800&format=jpg"),
        ("album/a.jpg?from=a/b", "a.jpg?from=a/b"),
        ("album/a.jpg#part", "a.jpg"),
        ("picture", "picture"),
        ("moved", "moved"),
    ],
)
def test_a_url_is_what_its_bytes_are(strange, place, name):
    for url in (f"{strange}/{place}", f"{strange}/{place}".replace("http", "HTTP")):
        images = source(url, [])
        assert [each.path for each in images.references] == [name]
        assert images.open(images.references[0]).size == (20, 20)
        assert "HTTP" not in images.root


def test_a_list_may_hold_urls_of_one_host(strange, tmp_path):
    urls = [f"{strange}/album/a.jpg?w=1", f"{strange}/picture", f"{strange}/gone.jpg"]
    (tmp_path / "urls").write_text("\r\n".join(urls), encoding="utf-8")

    for images in (source(str(tmp_path / "urls"), []), source("-", urls)):
        assert images.root == strange
        assert [each.path for each in images.references] == ["album/a.jpg?w=1", "picture"]
        assert [each.path for each in images.skipped] == ["gone.jpg"]
        assert images.open(images.references[1]).size == (20, 20)
    for other in ("http://other.example/a.jpg", "local.jpg"):
        with pytest.raises(UsageError, match="several hosts"):
            source("-", [*urls, other])


def test_a_file_url_is_the_file(tmp_path):
    (tmp_path / "my picture.jpg").write_bytes(JPEG)

    images = source((tmp_path / "my picture.jpg").as_uri(), [])

    assert images.root == str(tmp_path)
    with pytest.raises(MissingError, match=r"nothing at /nowhere\.jpg"):
        source("file:///nowhere.jpg", [])


def test_what_is_not_there_is_one_sentence(root):
    for name in ("nowhere", "gone.jpg", "gone.zip", "gone.txt"):
        with pytest.raises(MissingError, match=name):
            source(f"{root}/{name}", [])


def test_an_archive_elsewhere_that_is_none_is_damage(in_memory):
    for name in ("bad.zip", "bad.tar"):
        fsspec.filesystem("memory").pipe_file(f"/bucket/{name}", b"no archive")
        with pytest.raises(DamagedError, match=name):
            source(f"{in_memory}/{name}", [])


def test_a_file_that_goes_away_is_skipped(in_memory):
    images = source(f"{in_memory}/album", [])
    fsspec.filesystem("memory").rm("/bucket/album/a.jpg")

    with pytest.raises(ImageError, match="not found"):
        images.open(images.references[0])


@pytest.mark.parametrize("url", ["ftp://host/x", "simplecache::https://host/x", "reference://x"])
def test_other_kinds_of_url_are_refused(url):
    with pytest.raises(UsageError, match="not a kind of URL"):
        source(url, [])


def test_a_server_that_does_not_answer_is_one_sentence():
    with pytest.raises((MissingError, NoImagesError), match="cannot be read"):
        source("http://127.0.0.1:9/album", [])


def test_a_missing_package_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(MissingError) as caught:
        source("https://host/x", [])
    assert "nachash[remote]" in caught.value.hint
