"""Small indexes for the tests of this folder."""

import hashlib

import numpy as np
import onnx
import pytest
from PIL import Image

from nachash import model_config
from nachash.codes import pack
from nachash.index import writer
from nachash.model_config import ModelConfig
from nachash.records import Preprocessing, Reference
from nachash.tasks.encode.encode import EncodeSettings, encode


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


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """A model directory whose encoder is a random projection of 8 x 8 pixels to 24 bits."""
    generator = np.random.default_rng(0)
    weights = generator.normal(size=(8 * 8 * 3, 24)).astype(np.float32)
    nodes = [
        onnx.helper.make_node("Cast", ["pixels"], ["real"], to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node("Flatten", ["real"], ["flat"]),
        onnx.helper.make_node("Sub", ["flat", "grey"], ["centred"]),
        onnx.helper.make_node("MatMul", ["centred", "weights"], ["activations"]),
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "tiny",
        [onnx.helper.make_tensor_value_info("pixels", onnx.TensorProto.UINT8, ["n", 8, 8, 3])],
        [onnx.helper.make_tensor_value_info("activations", onnx.TensorProto.FLOAT, ["n", 24])],
        [
            onnx.numpy_helper.from_array(weights, "weights"),
            onnx.numpy_helper.from_array(np.float32(127), "grey"),
        ],
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    stored = onnx.helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()
    directory = tmp_path_factory.mktemp("tiny")
    (directory / "encoder.onnx").write_bytes(stored)
    digest = hashlib.sha256(stored).hexdigest()
    config = ModelConfig(24, "small", Preprocessing(8), "nac", {}, {}, {}, 0, encoder_sha256=digest)
    model_config.write(config, directory)
    return directory


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
