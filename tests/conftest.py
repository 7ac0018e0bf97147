"""Shapes and types of nachash are checked while tests run; a trained and indexed folder."""

import contextlib
import functools
import logging
import os
import shutil
import signal
import sys
from pathlib import Path

os.environ["NACHASH_CHECK_SHAPES"] = "1"
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import pytest
from filelock import FileLock
from jaxtyping import install_import_hook
from PIL import Image

install_import_hook("nachash", "beartype.beartype")

import program

from nachash.datasets import digits


@pytest.fixture(scope="session", autouse=True)
def quick_export():
    """The exporter to ONNX parses 500 functions at every export, a third of its time: once does."""
    if "torch" not in sys.modules:  # no test of this session needs it
        return
    with contextlib.suppress(ImportError, AttributeError):  # an internal of torch
        from torch.onnx._internal.exporter._registration import ONNXRegistry

        ONNXRegistry.from_torchlib = staticmethod(functools.cache(ONNXRegistry.from_torchlib))


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Nothing computed by an earlier run of the tests is found, and none of theirs is left."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NACHASH_CACHE", str(folder))
        yield folder


@pytest.fixture
def said():
    """What nachash has logged since the test began, as the command line prints it."""
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(
        f"{'warning: ' * (record.levelno == logging.WARNING)}{record.getMessage()}"
    )
    log = logging.getLogger("nachash")
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    yield lines
    log.removeHandler(handler)


@pytest.fixture(scope="session")
def own_places(tmp_path_factory, cache):
    """Variables that name the state and the cache of the tests."""
    return {"NACHASH_STATE": str(tmp_path_factory.mktemp("state")), "NACHASH_CACHE": str(cache)}


@pytest.fixture(scope="session")
def nachash(own_places):
    """Run the program in this process, in a folder, with a state of its own."""

    def run(*arguments, cwd, stdin="", **environment):
        return program.called(arguments, cwd, stdin, **{**own_places, **environment})

    return run


@pytest.fixture(scope="session")
def nachash_process(own_places):
    """Run the program as a user does: a new process. It costs its start, with torch seconds."""

    def run(*arguments, cwd, stdin="", **environment):
        return program.run(arguments, cwd, stdin, **{**own_places, **environment})

    return run


@pytest.fixture
def ctrl_c():
    """SIGINT is heard, here and by children: a shell lets its background jobs ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def write_digits(folder, positions):
    """Some digits as PNG files, a folder per class."""
    data = digits.load()
    for position in positions:
        path = folder / "/".join(Path(data.paths[position]).parts[-2:])
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(data.pixels[position]).save(path)


@pytest.fixture(scope="session")
def trained_model(tmp_path_factory, nachash):
    """A model trained for one epoch on digits; it is trained once for all processes of xdist."""
    place = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent
    with FileLock(place / "model.lock"):
        if not (place / "model").exists():
            trained = nachash("train", "--epochs", 1, "--out", "model", cwd=place)
            assert trained.code == 0, trained.err
    return place / "model"


@pytest.fixture(scope="session")
def indexed_digits(tmp_path_factory, nachash, trained_model):
    """`images/`, `query.jpg`, a model trained for one epoch, and the index `out.h5`."""
    folder = tmp_path_factory.mktemp("home")
    write_digits(folder / "images", range(200))
    Image.fromarray(digits.load().pixels[250]).save(folder / "query.jpg")
    shutil.copytree(trained_model, folder / "runs" / "model")
    (folder / "runs" / "latest").symlink_to("model")
    encoded = nachash("encode", "./images", "out.h5", "--model", "runs/model", cwd=folder)
    assert encoded.code == 0, encoded.err
    return folder


@pytest.fixture
def noise_images():
    """Write a few small random pictures into a folder."""

    def write(folder, count=3):
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(0)
        for number in range(count):
            Image.fromarray(rng.integers(0, 256, (40, 50, 3), np.uint8)).save(
                folder / f"{number}.png"
            )
        return folder

    return write
