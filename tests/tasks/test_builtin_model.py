"""The encoder that comes with nachash: used where nothing was trained, and said so."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

import nachash
from nachash.codes import hamming
from nachash.errors import DeviceError, MissingError
from nachash.index.reader import open_index
from nachash.inference.model_directory import BUILTIN, open_model
from nachash.tasks import model as models
from nachash.tasks.dedup.dedup import DedupSettings, dedup
from nachash.tasks.encode.encode import EncodeSettings, encode


def changed_a_little(picture):
    """Half the size, and a JPEG of modest quality."""
    buffer = io.BytesIO()
    picture.resize((picture.width // 2, picture.height // 2)).save(buffer, "JPEG", quality=60)
    return Image.open(buffer)


def test_it_opens_by_its_name_and_has_its_licence_beside_it():
    graph, config = open_model(Path("builtin"))

    assert (config.bits, config.backbone, config.method) == (64, "efficientnet-lite0", "itq")
    assert len(graph) < 4_000_000
    assert "Apache License" in (BUILTIN / "LICENSE").read_text(encoding="utf-8")


def test_copies_of_a_photograph_have_near_codes_and_other_photographs_far_ones():
    photographs = [Image.fromarray(each) for each in load_sample_images().images]
    encoder = nachash.Encoder.load("builtin")

    codes = encoder.encode(photographs)
    copies = encoder.encode([changed_a_little(each) for each in photographs])

    distances = hamming(codes, copies)
    assert np.diag(distances).max() <= 6
    assert min(distances[0, 1], distances[1, 0]) > 16


def test_encode_without_a_model_uses_it_and_says_so(noise_images, tmp_path, monkeypatch, said):
    noise_images(tmp_path / "photos")
    monkeypatch.chdir(tmp_path)
    result = encode(EncodeSettings(images="photos", out=Path("out.h5")))

    assert (result.model, result.bits, result.images) == ("builtin", 64, 3)
    assert "nachash train" in said[0]
    with open_index(Path("out.h5")) as index:
        assert index.fingerprint == open_model(Path("builtin"))[1].encoder_sha256


def test_dedup_of_a_folder_without_a_model_uses_it(tmp_path, monkeypatch, said):
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for number, pixels in enumerate(load_sample_images().images):
        Image.fromarray(pixels).save(f"photos/{number}.png")
        Image.fromarray(pixels).save(f"photos/{number}.bmp")

    found = dedup(DedupSettings(source=Path("photos"), max_distance=0))

    assert [len(group) for group in found.groups] == [2, 2]
    assert "builtin" in said[0]


def test_what_was_trained_here_or_is_named_wins(tmp_path, monkeypatch, said):
    monkeypatch.chdir(tmp_path)
    assert models.encoding_model(None) == Path("builtin")
    Path("runs/latest").mkdir(parents=True)

    assert models.encoding_model(None) == Path("runs/latest")
    assert models.encoding_model(Path("mine")) == Path("mine")
    assert len(said) == 1


def test_a_folder_of_that_name_is_the_users_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("builtin").mkdir()

    with pytest.raises(MissingError, match="not a model directory"):
        open_model(Path("builtin"))


def test_on_a_gpu_that_was_asked_for_it_is_refused(monkeypatch):
    monkeypatch.setattr(models, "gpu", lambda device: "cuda")

    assert not models.loaded_model(Path("builtin"), "auto").encoder.on_gpu
    with pytest.raises(DeviceError, match="CPU only"):
        models.loaded_model(Path("builtin"), "cuda")
