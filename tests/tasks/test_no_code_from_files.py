"""No file that nachash opens can run code: the same trap as every kind of file, and as a torch one.

Images, archives and shards are in `images/test_archives.py`, an index and its encoder in
`index/test_damage.py`, batches of CIFAR-10 in `datasets/test_datasets.py`.
"""

import json
import os
import pickle
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nachash.encoders import model_directory
from nachash.errors import DamagedError, InterruptedRunError, NachashError
from nachash.tasks.encode.encode import EncodeSettings, encode
from nachash.tasks.train import feature_cache, pixel_file
from nachash.tasks.train.train import TrainSettings, train

SETTINGS = {"images": "images", "epochs": 2, "batch_size": 8, "bits": 8, "workers": 0}


class Trap:
    """Unpickling it makes a folder."""

    def __reduce__(self):
        return os.mkdir, ("ran",)


def plain(path):
    path.write_bytes(pickle.dumps({"state_dict": Trap(), "step": Trap()}))


def zipped(path):
    torch.save({"state_dict": Trap(), "step": Trap()}, path)


def old(path):
    torch.save({"state_dict": Trap()}, path, _use_new_zipfile_serialization=False)


@pytest.fixture(params=[plain, zipped, old])
def trap(request):
    """Writes the trap as a pickle, as what torch writes, or as what old torch wrote."""
    return request.param


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A fresh folder with pictures; in the end the trap must not have sprung."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NACHASH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NACHASH_STATE", str(tmp_path / "state"))
    Path("images").mkdir()
    generator = np.random.default_rng(0)
    for number in range(16):
        pixels = generator.integers(0, 256, (32, 32, 3), np.uint8)
        Image.fromarray(pixels).save(f"images/{number:02}.png")
    yield
    assert not Path("ran").exists()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A real model directory."""
    folder = tmp_path_factory.mktemp("model")
    generator = np.random.default_rng(0)
    (folder / "images").mkdir()
    for number in range(16):
        pixels = generator.integers(0, 256, (32, 32, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{number:02}.png")
    settings = {**SETTINGS, "images": str(folder / "images"), "latest": False}
    train(TrainSettings(**settings, out=folder / "model"))
    return folder / "model"


def test_the_trap_is_one():
    pickle.loads(pickle.dumps(Trap()))
    Path("ran").rmdir()


def test_the_weights_of_a_model(model, trap):
    shutil.copytree(model, "model")
    trap(Path("model/model.safetensors"))

    with pytest.raises(DamagedError):
        model_directory.load(Path("model"))


@pytest.mark.parametrize("name", ["config.json", "encoder.onnx"])
def test_the_other_files_of_a_model(model, trap, name):
    shutil.copytree(model, "model")
    trap(Path("model") / name)

    with pytest.raises(DamagedError):
        encode(EncodeSettings(images="images", out=Path("o.h5"), model=Path("model"), workers=0))
    assert not Path("o.h5").exists()


def test_a_checkpoint_to_go_on_from(trap):
    def stop(stage, done, total, **numbers):
        if stage == "train":
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(InterruptedRunError):
        train(TrainSettings(**SETTINGS, save_every="1", out=Path("model")), progress=stop)
    trap(Path("model.unfinished/checkpoint.pt"))

    with pytest.raises(DamagedError, match="not a checkpoint"):
        train(TrainSettings(**SETTINGS, save_every="1", out=Path("model"), resume=True))


@pytest.mark.parametrize("name", ["weights.pt", "weights.pth", "weights.safetensors", "weights"])
def test_weights_to_begin_with(trap, name):
    trap(Path(name))

    with pytest.raises(DamagedError):
        train(TrainSettings(**SETTINGS, weights=name))


def test_the_weights_of_a_teacher(model, trap):
    shutil.copytree(model, "teacher")
    trap(Path("teacher/model.safetensors"))

    with pytest.raises(DamagedError):
        train(TrainSettings(**SETTINGS, teacher="teacher"))


def test_a_cache_of_features_or_pixels_counts_as_none(trap):
    objects = np.array([Trap()], dtype=object)
    np.savez("features.npz", features=objects, skipped=np.array("[]"))
    np.save("pixels.npy", objects)
    about = {"images": 1, "skipped": [], "fingerprint": ""}
    Path("pixels.json").write_text(json.dumps(about), encoding="utf-8")

    assert feature_cache.read(Path("features.npz")) is None
    assert pixel_file.read(Path("pixels.npy")) is None
    for name in ("features.npz", "pixels.npy"):
        trap(Path(name))
    assert feature_cache.read(Path("features.npz")) is None
    assert pixel_file.read(Path("pixels.npy")) is None


def test_a_list_of_images_and_a_table_of_labels(model, trap):
    trap(Path("trap"))

    for changed in ({"images": "trap"}, {"labels": "trap"}):
        settings = {"images": "images", "out": Path("o.h5"), "model": model, "workers": 0}
        with pytest.raises(NachashError):
            encode(EncodeSettings(**(settings | changed)))
    assert not Path("o.h5").exists()


def test_a_settings_file(trap, nachash):
    trap(Path("nachash.toml"))

    finished = nachash("train", "images", cwd=Path.cwd())

    assert finished.code == 2
    assert "Traceback" not in finished.err
