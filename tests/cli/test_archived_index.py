"""An index of an archive: its pictures are looked at where they lie."""

import io
import json
import zipfile

import pytest
from PIL import Image


@pytest.fixture(scope="module")
def archived(indexed_digits, nachash, tmp_path_factory):
    """A folder with `photos.zip`, in which one digit lies twice, and its index `zip.h5`."""
    folder = tmp_path_factory.mktemp("archived")
    files = sorted((indexed_digits / "images").rglob("*.png"))[:30]
    with zipfile.ZipFile(folder / "photos.zip", "w") as archive:
        for path in files:
            archive.write(path, f"in/{path.parent.name}-{path.name}")
        with Image.open(files[0]) as image:
            larger = io.BytesIO()
            image.resize((64, 64), Image.Resampling.NEAREST).save(larger, "PNG")
        archive.writestr("again.png", larger.getvalue())
    model = indexed_digits / "runs" / "model"
    done = nachash(
        "encode", "photos.zip", "zip.h5", "--model", model, "--labels", "none", cwd=folder
    )
    assert done.code == 0, done.err
    return folder


def test_a_page_shows_members(archived, nachash, indexed_digits):
    query = indexed_digits / "query.jpg"
    finished = nachash("search", query, "-k", 5, "--html", "page.html", "--overwrite", cwd=archived)

    page = (archived / "page.html").read_text(encoding="utf-8")
    assert finished.code == 0, finished.err
    assert page.count("data:image/") == 6
    assert "cannot be opened" not in page


def test_duplicates_know_the_resolution_of_members(archived, nachash):
    finished = nachash("dedup", "zip.h5", "--json", "--max-distance", 4, cwd=archived)

    groups = [json.loads(line)["images"] for line in finished.out.splitlines()]
    (group,) = [each for each in groups if any(m["path"].endswith("again.png") for m in each)]
    assert all(member["width"] for member in group)
    assert group[0]["path"].endswith("again.png")
    assert (group[0]["width"], group[0]["keep"]) == (64, True)


def test_calibrating_opens_members(archived, nachash):
    finished = nachash("calibrate", "zip.h5", "--images", 5, "--json", cwd=archived)

    assert finished.code == 0, finished.err
    assert json.loads(finished.out)["images"] == 5
