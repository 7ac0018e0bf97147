"""Small indexes for the tests of this folder."""

import functools

import numpy as np
import pytest
from PIL import Image
from projection import random_projection

from nachash.codes import pack
from nachash.index import writer
from nachash.records import Preprocessing, Reference
from nachash.tasks.encode.encode import EncodeSettings, encode


@pytest.fixture(scope="session")
def create_in():
    """A function that creates an index; settings that a test does not care about have values."""

    def created(folder, name="x.h5", **settings):
        defaults = {
            "bits": 12,
            "preprocessing": Preprocessing(32),
            "encoder": b"an onnx graph",
            "model": {"backbone": "small"},
            "root": "/pictures",
        }
        return writer.create(folder / name, **(defaults | settings))

    return created


@pytest.fixture
def create(create_in, tmp_path):
    """The same, in a folder of the test's own."""
    return functools.partial(create_in, tmp_path)


@pytest.fixture(scope="session")
def batch():
    """A function that makes codes and references of n images, different for each seed."""

    def made(n, seed=0, bits=12):
        generator = np.random.default_rng(seed)
        codes = pack(generator.random((n, bits)) < 0.5)
        sizes = generator.integers(1, 2**40, n).tolist()
        return codes, [
            Reference(f"folder {seed}/{row}.jpg", size, seed + row)
            for row, size in enumerate(sizes)
        ]

    return made


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """A model directory whose encoder is a random projection of 8 x 8 pixels to 24 bits."""
    return random_projection(tmp_path_factory.mktemp("tiny"), 8, 24)


@pytest.fixture
def photos(tmp_path):
    """`cat/` and `dog/` with six small pictures each, all different."""
    generator = np.random.default_rng(1)
    for number in range(12):
        folder = tmp_path / "photos" / ("cat", "dog")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 256, (9, 9, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    return tmp_path / "photos"


@pytest.fixture
def encoded(photos, tiny_model, tmp_path, monkeypatch):
    """The index of `photos`; the state folder is a temporary one."""
    monkeypatch.setenv("NACHASH_STATE", str(tmp_path / "state"))
    out = tmp_path / "out.h5"
    encode(EncodeSettings(images=str(photos), out=out, model=tiny_model, workers=0))
    return out
