"""`--html`: one self-contained page, with a tile per image and nothing from outside."""

import re

import pytest


@pytest.mark.parametrize(
    ("command", "tiles"),
    [
        (["search", "query.jpg", "-k", 5], 6),
        (["search", "--id", 3, "-k", 2, "query.jpg"], 6),
        (["eval-map"], 16 * 9),
        pytest.param(["eval-map", "--queries", "out.h5"], 16 * 9, marks=pytest.mark.slow),
    ],
)
def test_the_page_has_a_tile_per_image(nachash, indexed_digits, tmp_path, command, tiles):
    page = tmp_path / "page.html"

    finished = nachash(*command, "--html", page, "--index", "out.h5", cwd=indexed_digits)

    text = page.read_text(encoding="utf-8")
    assert finished.code == 0, finished.err
    assert text.count("<li ") == text.count("data:image/png;base64,") == tiles
    assert not re.search(r"(src|href)=[\"'](?!data:)|url\(|<script", text)


def test_a_page_that_exists_is_not_replaced(nachash, indexed_digits, tmp_path):
    (tmp_path / "page.html").write_text("mine")

    refused = nachash(
        "search", "query.jpg", "--html", tmp_path / "page.html", "--index", "out.h5",
        cwd=indexed_digits,
    )  # fmt: skip

    assert refused.code == 2
    assert "--overwrite" in refused.err
    assert (tmp_path / "page.html").read_text() == "mine"


def test_duplicates_have_a_page_without_what_is_missing_which_is_told(
    nachash, indexed_digits, tmp_path
):
    (tmp_path / "photos").mkdir()
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / "photos" / name).write_bytes(
            (indexed_digits / "images/0/0000.png").read_bytes()
        )
    model = indexed_digits / "runs" / "model"
    nachash("encode", "photos", "d.h5", "--model", model, "--labels", "none", cwd=tmp_path)
    (tmp_path / "photos" / "b.png").unlink()

    finished = nachash("dedup", "d.h5", "--html", "d.html", cwd=tmp_path)

    text = (tmp_path / "d.html").read_text(encoding="utf-8")
    assert finished.code == 0, finished.err
    assert text.count("<li ") == 2
    assert "left out, as they cannot be opened any more" in finished.err
    assert "c.png" in text
    assert ">keep<" in text


def test_a_data_set_by_name_has_no_page(nachash, indexed_digits):
    finished = nachash(
        "eval-map", "--dataset", "digits", "--model", "runs/model", "--html", "p.html",
        cwd=indexed_digits,
    )  # fmt: skip

    assert finished.code == 2
    assert "--dataset" in finished.err
