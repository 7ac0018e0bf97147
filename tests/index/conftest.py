"""Small indexes for the tests of this folder."""

import numpy as np
import pytest

from nachash.codes import pack
from nachash.index import writer
from nachash.records import Preprocessing, Reference


@pytest.fixture
def create(tmp_path):
    """A function that creates an index; settings that a test does not care about have values."""

    def created(name="x.h5", **settings):
        defaults = {
            "bits": 12,
            "preprocessing": Preprocessing(32),
            "encoder": b"an onnx graph",
            "model": {"backbone": "small"},
            "root": "/pictures",
        }
        return writer.create(tmp_path / name, **(defaults | settings))

    return created


@pytest.fixture
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
