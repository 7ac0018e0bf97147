"""`nachash linear` as a user types it."""

import json

import pytest


def test_a_table_for_people(nachash, indexed_digits, tmp_path):
    plot = tmp_path / "confusion.png"

    finished = nachash(
        "linear", "runs/model", "runs/model", "--dataset", "digits", "--features", "features,code",
        "--plot", plot, cwd=indexed_digits,
    )  # fmt: skip

    assert finished.code == 0, finished.err
    rows = [line for line in finished.out.splitlines() if line.startswith("runs/model")]
    assert [line.split()[3] for line in rows] == ["features", "code", "features", "code"]
    assert rows[:2] == rows[2:]
    assert "500 images of 10 classes, chance 10.00 %" in finished.out
    assert "poster" not in finished.out
    assert plot.stat().st_size > 10_000
    again = nachash("linear", "--dataset", "digits", "--plot", plot, cwd=indexed_digits)
    assert (again.code, again.out) == (2, "")


def test_json_is_a_line_per_result(nachash, indexed_digits):
    finished = nachash(
        "linear", "--dataset", "digits", "--solver", "knn", "--fraction", "0.1,1", "--json",
        cwd=indexed_digits,
    )  # fmt: skip

    assert finished.code == 0, finished.err
    lines = [json.loads(line) for line in finished.out.splitlines()]
    assert [line["train"] for line in lines] == [129, 1297]
    for line in lines:
        assert line["solver"] == "knn"
        assert line["features"] == "features"
        assert (line["test"], line["seed"], line["neighbours"]) == (500, 0, 200)
        assert 0.3 < line["accuracy"] <= 1
        assert len(line["encoder_sha256"]) == len(line["data_sha256"]) == 64
        assert "scikit-learn" in line["versions"]


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ("linear runs/model", "--dataset cifar10"),
        ("linear runs/model --dataset flickr25k", "eval-map --dataset flickr25k"),
        ("linear runs/none --dataset digits", "runs/none"),
        ("linear runs/model --dataset digits --fraction a", "not a number"),
        ("linear runs/model --dataset digits --features pixels", "features|tanh|code"),
        ("linear runs/model --dataset digits --epochs 2", "no epochs"),
        ("linear runs/model --images query.jpg", "no labels"),
        ("linear runs/model --dataset digits --plot c.txt", "suffixes"),
    ],
)
def test_wrong_usage_is_one_sentence(nachash, indexed_digits, command, word):
    finished = nachash(*command.split(), cwd=indexed_digits)

    assert finished.code == 2
    assert word in finished.err
    assert "Traceback" not in finished.err
