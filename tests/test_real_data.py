"""All of CIFAR-10 (JPEG): encode, index, search, measure under the paper's protocol.

Runs where NACHASH_CIFAR10 names the folder with `train/<class>` and `test/<class>`.
"""

import json
import os
from pathlib import Path

import pytest

from nachash.index.reader import open_index

pytestmark = pytest.mark.slow
CLASSES = 10


@pytest.fixture(scope="module")
def cifar():
    folder = os.environ.get("NACHASH_CIFAR10")
    if not folder:
        pytest.skip("NACHASH_CIFAR10 does not name the folder of CIFAR-10 (JPEG)")
    return Path(folder)


@pytest.fixture(scope="module")
def home(tmp_path_factory, cifar, nachash):
    """A model trained for two epochs on the 5,000 training images of protocol II."""
    folder = tmp_path_factory.mktemp("cifar")
    trained = nachash(
        "train", "--dataset", "cifar10", "--data-root", cifar, "--epochs", 2, "--json", cwd=folder
    )
    assert trained.code == 0, trained.err
    report = json.loads(trained.out)
    assert report["images"] == 5000
    assert report["onnx_flip_rate"] <= 1e-4
    return folder


def test_all_images_are_encoded_and_found(nachash, home, cifar):
    encoded = nachash("encode", cifar, "out.h5", "--labels", "none", "--strict", cwd=home)
    assert encoded.code == 0, encoded.err

    query = cifar / "test" / "cat" / "0007.jpg"
    found = nachash("search", query, "-k", 50, "--json", cwd=home)

    with open_index(home / "out.h5") as index:
        assert index.rows == 60_000
        assert len(set(index.all_paths())) == 60_000
    hits = [json.loads(line) for line in found.out.splitlines()]
    assert hits[0]["distance"] == 0
    assert str(query) in [hit["path"] for hit in hits if hit["distance"] == 0]


def test_the_published_protocol_is_measured(nachash, home, cifar):
    measured = nachash("eval-map", "--dataset", "cifar10", "--data-root", cifar, "--json", cwd=home)
    assert measured.code == 0, measured.err

    scores = json.loads(measured.out)
    assert (scores["queries"], scores["gallery"], scores["bits"]) == (10_000, 50_000, 64)
    assert scores["protocol"].startswith("cifar10 II")
    assert scores["chance"] == pytest.approx(0.1)
    assert 0.11 < scores["map"] < 0.6
    assert scores["map_pessimistic"] < scores["map"] < scores["map_optimistic"]


def test_linear_classification_uses_the_official_split(nachash, home, cifar):
    measured = nachash("linear", "--dataset", "cifar10", "--data-root", cifar, "--json", cwd=home)
    assert measured.code == 0, measured.err

    found = json.loads(measured.out)
    assert (found["train"], found["test"]) == (50_000, 10_000)
    assert found["poster"].startswith("table of linear image classification, column CIFAR-10")
    assert found["chance"] == pytest.approx(0.1)
    assert 0.3 < found["accuracy"] < 0.9
    assert 700 < found["seen_in_training"] < 960
