"""`nachash vae` as a user runs it: a few steps on digits, the files, the table, bad input."""

import json
import shutil

import pytest
from PIL import Image

from nachash.paper.vae import start_run

QUICK = ("--batch-size", 50, "--latent", 8, "--iw-samples", 2, "--epochs", 1, "--workers", 0)
KEYS = {
    "init", "method", "model", "likelihood", "likelihood_of", "log_likelihood", "kl", "elbo",
    "iw_log_likelihood", "iw_samples", "bits_per_dim", "active_units", "latent", "inference_gap",
    "scale", "epochs", "steps", "seconds", "state", "poster", "backbone", "size", "data", "seed",
    "device", "versions", "directory",
}  # fmt: skip


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Few images are given a posterior of their own, in a few steps."""
    monkeypatch.setattr(start_run, "OPTIMISED_STEPS", 5)
    monkeypatch.setattr(start_run, "OPTIMISED_IMAGES", 2)


def test_two_starts_are_compared_and_drawn(nachash, indexed_digits):
    starts = ("--init", "random", "--init", "runs/model")

    finished = nachash("vae", "images", *starts, *QUICK, "--json", cwd=indexed_digits)

    assert finished.code == 0, finished.err
    random, trained = (json.loads(line) for line in finished.out.splitlines())
    assert set(random) == set(trained) == KEYS
    assert (random["init"], random["method"], random["model"]) == ("random", "random", None)
    assert (trained["init"], trained["method"]) == ("runs/model", "nac")
    config = json.loads((indexed_digits / "runs/model/config.json").read_text())
    assert trained["model"] == config["encoder_sha256"]
    assert trained["poster"] == {"log_likelihood": -2865.0, "kl": 71.8}
    for start in (random, trained):
        assert start["elbo"] == pytest.approx(start["log_likelihood"] - start["kl"])
        assert start["elbo"] <= start["iw_log_likelihood"] < -2800
        assert [point["steps"] for point in start["epochs"]] == [3]
    folder = indexed_digits / "runs" / "images-vae"
    assert {path.name for path in folder.iterdir()} == {
        "1-random.pt", "2-model.pt", "curves.png", "epochs.jsonl", "pictures.png", "starts.jsonl",
    }  # fmt: skip
    assert (folder / "starts.jsonl").read_text() == finished.out
    with Image.open(folder / "curves.png") as curves, Image.open(folder / "pictures.png") as grid:
        assert curves.size == (1575, 585)
        # Ten pictures a row, enlarged to 64 pixels: originals, two starts twice.
        assert grid.width > 10 * 64
        assert grid.height > 5 * 64


def test_the_table_names_likelihood_units_and_the_poster(nachash, indexed_digits, tmp_path):
    target = ("--out", tmp_path / "run", "--plot", tmp_path / "c.svg", "--grid", tmp_path / "g.png")

    finished = nachash("vae", "images", *QUICK, *target, cwd=indexed_digits)
    again = nachash("vae", "images", *QUICK, *target, cwd=indexed_digits)

    assert finished.code == 0, finished.err
    assert "likelihood gaussian: unit variance, pixels in [0, 1]" in finished.out
    assert "of a density over pixels in [0, 1]; add 7.99" in finished.out
    assert "poster's log-" in finished.out
    row = next(line for line in finished.out.splitlines() if line.startswith("random"))
    assert row.split()[-2:] == ["-3202", "33.0"]
    assert "<svg" in (tmp_path / "c.svg").read_text()
    assert (tmp_path / "g.png").is_file()
    assert not (tmp_path / "run" / "curves.png").exists()
    assert (again.code, again.out) == (2, "")
    assert "--overwrite" in again.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--iw-samples", 0], 2, ["--iw-samples"]),
        (["--init", "nowhere"], 2, ["nowhere", "--init random"]),
        (["--init", "damaged"], 4, ["damaged/model.safetensors"]),
        (["--init", "runs/model", "--size", 64], 2, ["32 pixels, and these have 64", "--size 32"]),
        (["--likelihood", "bernoulli"], 2, ["bernoulli"]),
        (["--budget", "9s"], 2, ["--budget", "--epochs"]),
        (["--out", "images"], 2, ["images"]),
        (["--grid", "grid.gif"], 2, ["grid.gif"]),
    ],
)
def test_bad_input_is_refused_in_one_sentence(nachash, indexed_digits, arguments, code, words):
    if not (indexed_digits / "damaged").exists():
        shutil.copytree(indexed_digits / "runs" / "model", indexed_digits / "damaged")
        (indexed_digits / "damaged" / "model.safetensors").write_bytes(b"not weights")

    finished = nachash("vae", "images", *QUICK, *arguments, cwd=indexed_digits)

    assert finished.code == code, finished
    assert finished.out == ""
    assert "Traceback" not in finished.err
    for word in words:
        assert word in finished.err


def test_a_missing_folder_is_refused(nachash, indexed_digits):
    finished = nachash("vae", "./missing", *QUICK, cwd=indexed_digits)

    assert finished.code == 2
    assert "missing" in finished.err
