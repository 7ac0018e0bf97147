"""File names that are no UTF-8: JSON stays valid and lossless, pipes and CSV carry the bytes."""

import json
import os
import subprocess
import sys

import pytest

PLAIN, ODD = b"photos/0.png", b"photos/caf\xe9.png"


@pytest.fixture(scope="module")
def odd(indexed_digits, nachash, tmp_path_factory):
    """A folder with `photos`, where one digit lies under a plain and an odd name, and `x.h5`."""
    folder = tmp_path_factory.mktemp("odd")
    (folder / "photos").mkdir()
    files = sorted((indexed_digits / "images").rglob("*.png"))
    try:
        for name in (PLAIN, ODD):
            (folder / os.fsdecode(name)).write_bytes(files[0].read_bytes())
    except OSError:
        pytest.skip("this file system has no such names")
    model = indexed_digits / "runs" / "model"
    done = nachash("encode", "photos", "x.h5", "--model", model, "--labels", "none", cwd=folder)
    assert done.code == 0, done.err
    return folder


def printed(folder, *arguments):
    """What the program prints into a pipe, as bytes."""
    command = [sys.executable, "-m", "nachash", *arguments]
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True).stdout


def test_search_prints_bytes_into_a_pipe_and_valid_json(odd):
    search = ("search", PLAIN.decode(), "--index", "x.h5", "-k", "2")

    assert printed(odd, *search) == PLAIN + b"\n" + ODD + b"\n"
    hits = [json.loads(line) for line in printed(odd, *search, "--json").decode().splitlines()]
    assert [os.fsencode(hit["path"]) for hit in hits] == [PLAIN, ODD]


def test_dedup_does_the_same_and_its_csv_and_page_are_written(odd):
    dedup = ("dedup", "x.h5", "--max-distance", "0")

    found = printed(odd, *dedup, "--csv", "d.csv", "--html", "d.html")

    assert found == ODD + b"\n"
    (group,) = [json.loads(line) for line in printed(odd, *dedup, "--json").decode().splitlines()]
    assert [os.fsencode(image["path"]) for image in group["images"]] == [PLAIN, ODD]
    assert ODD in (odd / "d.csv").read_bytes()
    page = (odd / "d.html").read_text(encoding="utf-8")
    assert "caf\N{REPLACEMENT CHARACTER}.png" in page
    assert "cannot be opened" not in page
