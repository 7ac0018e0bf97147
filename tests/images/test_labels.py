import pytest

from nachash.errors import MissingError, UsageError
from nachash.images.sources.labels import csv_labels, csv_rows, folder_labels, unmatched

PATHS = ["cat/1.jpg", "dog/x/2.jpg", "cat/3.jpg"]


def test_the_top_folder_is_the_label():
    labels = folder_labels(PATHS)

    assert labels is not None
    assert labels.names == ("cat", "dog")
    assert labels.multi_hot.tolist() == [[1, 0], [0, 1], [1, 0]]


@pytest.mark.parametrize("paths", [[], ["1.jpg"], [*PATHS, "4.jpg"], ["/cat/1.jpg"], ["../a.jpg"]])
def test_without_a_folder_for_every_image_there_are_no_labels(paths):
    assert folder_labels(paths) is None


@pytest.mark.parametrize("title", ["", "path,label\n", "\ufeffFile, Label\r\n"])
def test_a_csv_gives_labels_and_several_rows_or_semicolons_give_several(tmp_path, title):
    file = tmp_path / "labels.csv"
    text = "cat/1.jpg,pet;small\n./cat/3.jpg, cat\n\ncat/3.jpg,pet\ngone.jpg,dog\n"
    file.write_text(title + text, encoding="utf-8")

    labels = csv_labels(file, PATHS)

    assert labels.names == ("cat", "pet", "small")
    assert labels.multi_hot.tolist() == [[0, 1, 1], [0, 0, 0], [1, 1, 0]]
    assert unmatched(csv_rows(file), PATHS) == (1, "1 of 3 rows name no image, as gone.jpg")


@pytest.mark.parametrize(
    ("row", "path"),
    [
        ("CAT/1.jpg", "cat/1.JPG"),
        ("cat\\1.jpg", "cat/1.jpg"),
        (".\\cat\\1.jpg", "cat/1.jpg"),
        ("caf\u00e9.jpg", "cafe\u0301.jpg"),
        ("cat//1.jpg", "cat/1.jpg"),
    ],
)
def test_rows_that_are_only_spelled_otherwise_are_told_with_an_example(row, path):
    count, told = unmatched(["cat/9.jpg", "nothing.jpg", row], ["cat/9.jpg", path])

    assert count == 2
    assert "2 of 3 rows name no image" in told
    assert f"1 of them would but for spelling: {row!a} is {path!a} here" in told


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_table_in_utf_16_is_read(tmp_path, encoding):
    mark = "" if encoding == "utf-16" else "\ufeff"
    text = mark + "path,label\r\ncat/1.jpg,ch\u00e4t\r\n"
    (tmp_path / "l.csv").write_bytes(text.encode(encoding))

    assert csv_labels(tmp_path / "l.csv", PATHS).names == ("ch\u00e4t",)


def test_quoted_commas_belong_to_the_path(tmp_path):
    (tmp_path / "l.csv").write_text('"a,b.jpg",one\n')

    assert csv_labels(tmp_path / "l.csv", ["a,b.jpg"]).names == ("one",)


def test_a_csv_that_names_no_image_is_an_error_with_an_example(tmp_path):
    (tmp_path / "l.csv").write_text("/abs/cat/1.jpg,cat\n")

    with pytest.raises(UsageError, match="none of the 3 images") as caught:
        csv_labels(tmp_path / "l.csv", PATHS)
    assert "cat/1.jpg" in caught.value.hint


@pytest.mark.parametrize("line", ["cat/1.jpg", "cat/1.jpg,a,b", '"cat/1.jpg'])
def test_a_row_without_two_columns_is_an_error_with_its_line(tmp_path, line):
    (tmp_path / "l.csv").write_text(f"path,label\n{line}\n")

    with pytest.raises(UsageError, match="line 2"):
        csv_labels(tmp_path / "l.csv", PATHS)


def test_a_missing_csv_is_an_error(tmp_path):
    with pytest.raises(MissingError, match=r"gone\.csv"):
        csv_labels(tmp_path / "gone.csv", PATHS)
