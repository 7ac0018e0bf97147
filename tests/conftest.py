"""Shapes and types of nachash are checked while tests run; a trained and indexed folder."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

os.environ["NACHASH_CHECK_SHAPES"] = "1"
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import pytest
from jaxtyping import install_import_hook
from PIL import Image

install_import_hook("nachash", "beartype.beartype")

from nachash.datasets import digits


@dataclass(frozen=True)
class Finished:
    """What a command printed and its exit code."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Nothing computed by an earlier run of the tests is found, and none of theirs is left."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NACHASH_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def nachash(tmp_path_factory, cache):
    """Run the program as a user does: a new process, in a folder, with a state of its own."""
    state = tmp_path_factory.mktemp("state")

    def run(*arguments, cwd, stdin="", **environment):
        variables = {
            **{k: v for k, v in os.environ.items() if not k.startswith("NACHASH_")},
            "NACHASH_STATE": str(state),
            "NACHASH_CACHE": str(cache),
            "NACHASH_CONFIG": str(state / "config"),
            **environment,
        }
        command = [sys.executable, "-m", "nachash", *map(str, arguments)]
        finished = subprocess.run(
            command,
            cwd=cwd,
            env=variables,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        return Finished(finished.returncode, finished.stdout, finished.stderr)

    return run


def write_digits(folder, positions):
    """Some digits as PNG files, a folder per class."""
    data = digits.load()
    for position in positions:
        path = folder / "/".join(Path(data.paths[position]).parts[-2:])
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(data.pixels[position]).save(path)


@pytest.fixture(scope="session")
def indexed_digits(tmp_path_factory, nachash):
    """`images/`, `query.jpg`, a model trained for one epoch, and the index `out.h5`."""
    folder = tmp_path_factory.mktemp("home")
    write_digits(folder / "images", range(200))
    Image.fromarray(digits.load().pixels[250]).save(folder / "query.jpg")
    trained = nachash("train", "--epochs", 1, "--out", "runs/model", cwd=folder)
    assert trained.code == 0, trained.err
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
