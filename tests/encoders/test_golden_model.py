"""A model directory of every schema version that was ever written stays readable."""

import importlib.util
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nachash import codes, model_config
from nachash.encoders import model_directory
from nachash.index.reader import open_index
from nachash.inference.model_directory import open_model
from nachash.inference.onnx_encoder import OnnxEncoder
from nachash.tasks.encode.encode import EncodeSettings, encode

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def written():
    """What was written into the golden directory."""
    spec = importlib.util.spec_from_file_location("golden_model_write", GOLDEN / "write.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    place = tmp_path_factory.mktemp("golden")
    with tarfile.open(GOLDEN / "model-1.tar.xz") as archive:
        archive.extractall(place, filter="data")
    return place / "model-1"


@pytest.fixture(scope="module")
def activations(golden):
    """Those of the day on which it was written; none so near to zero that a bit is in doubt."""
    found = np.load(golden / "activations.npy")
    assert np.abs(found).min() > 1e-3
    assert 0.2 < (found > 0).mean() < 0.8
    return found


def test_its_configuration_is_what_was_written(golden, written):
    found = model_config.read(golden)

    wanted = written.CONFIG
    for name in wanted.__slots__:
        if name != "encoder_sha256":
            assert getattr(found, name) == getattr(wanted, name), name


def test_its_graph_gives_the_same_codes(golden, written, activations):
    graph, config = open_model(golden)

    found = OnnxEncoder(graph).activations(written.PIXELS)

    np.testing.assert_allclose(found, activations, atol=1e-4)
    assert codes.encode(found).tolist() == codes.encode(activations).tolist()
    assert config.bits == found.shape[1]


def test_its_weights_give_the_same_codes(golden, written, activations):
    encoder, _ = model_directory.load(golden)
    images = torch.from_numpy(written.PIXELS).permute(0, 3, 1, 2).float() / 255

    with torch.inference_mode():
        found = encoder(images).activations.numpy()

    np.testing.assert_allclose(found, activations, atol=1e-4)
    assert codes.encode(found).tolist() == codes.encode(activations).tolist()


def test_it_encodes_pictures(golden, written, activations, tmp_path, monkeypatch):
    monkeypatch.setenv("NACHASH_STATE", str(tmp_path / "state"))
    (tmp_path / "in").mkdir()
    for number, pixels in enumerate(written.PIXELS):
        Image.fromarray(pixels).save(tmp_path / "in" / f"{number:02}.png")

    encode(EncodeSettings(images=str(tmp_path / "in"), out=tmp_path / "o.h5", model=golden))

    with open_index(tmp_path / "o.h5") as index:
        assert index.codes().tolist() == codes.encode(activations).tolist()
        assert index.preprocessing == written.CONFIG.preprocessing
