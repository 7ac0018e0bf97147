"""Pictures at a URL whose host was named are shown like any other, and others are not fetched."""

import functools
import http.server
import json
import shutil
import threading
import zipfile

import numpy as np
import pytest
from index_formats import resealed
from test_show import CELL, on_a_terminal

from nachash.images.sources.hosts import host_of


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory, indexed_digits):
    """A folder on the web with `album` of some digits, one of them twice, and `all.zip` of it."""
    folder = tmp_path_factory.mktemp("site")
    files = sorted((indexed_digits / "images").rglob("*.png"))[:20]
    for path in files:
        place = folder / "album" / path.parent.name
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place / path.name)
    shutil.copy(files[0], folder / "album" / files[0].parent.name / "again.png")
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        for path in sorted((folder / "album").rglob("*.png")):
            archive.write(path, path.relative_to(folder / "album").as_posix())
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module", params=["album", pytest.param("all.zip", marks=pytest.mark.slow)])
def remote(request, site, nachash, indexed_digits, tmp_path_factory):
    """A folder with an index of pictures at a URL, and the URL."""
    folder = tmp_path_factory.mktemp("remote")
    model = indexed_digits / "runs" / "model"
    root = f"{site}/{request.param}"
    done = nachash("encode", root, "x.h5", "--model", model, cwd=folder)
    assert done.code == 0, done.err
    return folder, root


def test_every_page_shows_the_pictures(remote, nachash, indexed_digits):
    folder, root = remote
    query = indexed_digits / "query.jpg"
    indexed = f"{root}/{_some(folder, nachash)}"
    for command in (
        ("search", query, "-k", 5),
        *([] if root.endswith(".zip") else [("search", indexed, "-k", 5)]),
        ("search", "--path", indexed, "-k", 3),
        ("dedup", "x.h5", "--max-distance", 0),
        ("eval-map",),
    ):
        arguments = (*command, "--html", "page.html", "--overwrite")
        finished = nachash(*arguments, cwd=folder, NACHASH_ALLOW_HOST=host_of(root))

        assert finished.code == 0, finished.err
        page = (folder / "page.html").read_text(encoding="utf-8")
        assert page.count("data:image/") == page.count("<li ") > 1
        assert "cannot be opened" not in page
        assert root in page


def _some(folder, nachash):
    """The path of an indexed image, as the index has it."""
    found = nachash("search", "--id", 0, "-k", 1, "--json", cwd=folder)
    return json.loads(found.out)["path"].split("/album/")[-1].split("/all.zip/")[-1]


def test_a_host_that_was_not_named_is_not_asked(remote, nachash, indexed_digits):
    folder, root = remote
    for command in (
        ("search", indexed_digits / "query.jpg", "--index", "x.h5"),
        ("dedup", "x.h5", "--max-distance", 0),
    ):
        finished = nachash(*command, "--html", "unasked.html", "--overwrite", cwd=folder)

        assert finished.code == 0, finished.err
        assert f"--allow-host {host_of(root)}" in finished.err
        page = (folder / "unasked.html").read_text(encoding="utf-8")
        assert page.count("data:image/") <= 1
    measured = nachash("calibrate", "x.h5", cwd=folder)
    assert measured.code == 2
    assert f"--allow-host {host_of(root)}" in measured.err


def test_duplicates_know_the_resolution_and_are_not_moved(remote, nachash):
    folder, root = remote

    allowed = ("--allow-host", host_of(root))
    finished = nachash("dedup", "x.h5", "--max-distance", 0, "--json", *allowed, cwd=folder)
    moved = nachash("dedup", "x.h5", "--max-distance", 0, "--move-to", "away", cwd=folder)

    members = [each for line in finished.out.splitlines() for each in json.loads(line)["images"]]
    assert all(each["path"].startswith(f"{root}/") and each["width"] for each in members)
    assert "it does not lie on this machine" in moved.out + moved.err
    assert not (folder / "away").exists()


def test_the_terminal_shows_the_pictures(remote, indexed_digits, tmp_path):
    folder, root = remote
    query = indexed_digits / "query.jpg"
    command = ["search", query, "-k", 2, "--show", "--index", "x.h5"]

    code, printed, told = on_a_terminal(
        [*command, "--allow-host", host_of(root)], folder, NACHASH_STATE=str(tmp_path)
    )

    assert code == 0, told
    assert len(CELL.findall(printed)) > 200
    assert "cannot be opened" not in printed


def test_where_nobody_answers_a_tile_says_so(remote, nachash, indexed_digits):
    """The index says another port, at which nobody listens."""
    folder, root = remote
    shutil.copy(folder / "x.h5", folder / "gone.h5")
    elsewhere = json.dumps("http://127.0.0.1:9/" + root.rpartition("/")[2])
    resealed(
        folder / "gone.h5",
        lambda index: index.attrs.__setitem__("root", np.bytes_(elsewhere.encode())),
    )

    query = indexed_digits / "query.jpg"
    for kept, *command in (
        (1, "search", query, "-k", 5, "--index", "gone.h5"),
        (0, "dedup", "gone.h5", "--max-distance", 0, "--codes-only"),
        (0, "eval-map", "--index", "gone.h5"),
    ):
        arguments = (*command, "--html", "page.html", "--overwrite")
        finished = nachash(*arguments, cwd=folder, NACHASH_ALLOW_HOST="127.0.0.1:9")

        assert finished.code == 0, finished.err
        page = (folder / "page.html").read_text(encoding="utf-8")
        assert page.count("cannot be opened") == page.count("<li ") - kept > 1
