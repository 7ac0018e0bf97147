"""`compare` and `noise-sweep` as a user types them."""

import json

import pytest


@pytest.fixture(scope="module")
def place(nachash, tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiments")
    trained = nachash(
        "train", "--dataset", "digits", "--epochs", 1, "--bits", 16, "--size", 8,
        "--out", "teacher", cwd=folder,
    )  # fmt: skip
    assert trained.code == 0, trained.err
    return folder


def test_compare_puts_methods_on_one_teacher_into_a_table_and_a_picture(nachash, place):
    command = (
        "compare", "--dataset", "digits", "--methods", "itq,lsh", "--bits", "8,16",
        "--teacher", "teacher", "--set", "itq.iterations=5", "--out", "cells",
        "--markdown", "table.md", "--plot", "bits.png",
    )  # fmt: skip
    first = nachash(*command, "--json", cwd=place, NACHASH_CACHE=str(place / "cache"))
    again = nachash(*command, "--overwrite", cwd=place)

    assert first.code == again.code == 0, first.err + again.err
    result = json.loads(first.out)
    assert [(row["method"], row["bits"]) for row in result["rows"]] == [
        ("itq", 8), ("itq", 16), ("lsh", 8), ("lsh", 16),
    ]  # fmt: skip
    assert all(row["frozen"] and row["map"]["mean"] > result["chance"] for row in result["rows"])
    assert result["command"].startswith("nachash compare --dataset digits")
    assert (place / "bits.png").stat().st_size > 5000
    table = (place / "table.md").read_text()
    assert "| itq | 8 | head |" in table
    assert "nachash compare --dataset digits" in table
    assert "Methods compared: digits" in again.out
    config = json.loads((place / "cells/models/itq-8-s0/config.json").read_text())
    assert config["method_settings"]["iterations"] == 5


def test_noise_sweep_draws_figures_against_the_capacity(nachash, place):
    swept = nachash(
        "noise-sweep", "--p", "0.2,0.4", "--bits", "16", "--epochs", 1, "--size", 8,
        "--backbone", "small", "--plot", "noise.png", "--json", "--out", "sweep", cwd=place,
    )  # fmt: skip

    assert swept.code == 0, swept.err
    rows = json.loads(swept.out)["rows"]
    assert [row["noise"] for row in rows] == [0.2, 0.4]
    assert rows[0]["capacity"] > rows[1]["capacity"]
    assert all(0.1 < row["linear"]["mean"] < 1 for row in rows)
    assert (place / "noise.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("compare", "--methods", "nac,itqq"), "'itqq' is not one of the methods"),
        (("compare", "--bits", "16,x"), "is not a list of numbers"),
        (("compare", "--set", "temperature=1"), "is not METHOD.NAME=VALUE"),
        (("compare", "--plot", "picture.txt"), "has none of the suffixes"),
        (("noise-sweep", "--method", "simclr"), "the method simclr has no setting 'noise'"),
        (("noise-sweep", "--p", "0.1,0.6"), "it must lie between 0"),
    ],
)
def test_mistakes_are_told_before_anything_is_trained(nachash, place, arguments, sentence):
    finished = nachash(*arguments, "--dataset", "digits", "--epochs", 1, cwd=place)

    assert finished.code == 2
    assert sentence in " ".join(finished.err.split())
    assert not list((place / "runs").glob("*-digits*"))
