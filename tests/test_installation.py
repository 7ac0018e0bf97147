"""The wheel in a fresh environment: what `pip install nachash` is enough for.

Nothing here installs torch. Without a package registry the tests are skipped.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_MEGABYTES = 350

pytestmark = pytest.mark.slow


def run(*command, cwd, **environment):
    """A program in an environment of its own: neither nachash's settings nor Python's."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("NACHASH_", "PYTHON"))}
    return subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def fresh(place):
    """The folder of programs of a new environment."""
    venv.create(place, with_pip=True)
    return place / ("Scripts" if sys.platform == "win32" else "bin")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    place = tmp_path_factory.mktemp("wheel")
    python = fresh(place / "env") / "python"
    reached = run(python, "-m", "pip", "download", "-q", "--no-deps", "hatchling", cwd=place)
    if reached.returncode:
        pytest.skip("no package registry can be reached")
    built = run(python, "-m", "pip", "wheel", "-q", "--no-deps", "-w", place, ROOT, cwd=place)
    assert built.returncode == 0, built.stderr
    (found,) = place.glob("nachash-*.whl")
    return found


@pytest.fixture(scope="module", params=["newest", "lowest"])
def installed(request, wheel, tmp_path_factory):
    """The programs of an environment with the wheel, and the newest or lowest of what it needs."""
    place = tmp_path_factory.mktemp(request.param)
    constraints = place / "constraints.txt"
    constraints.write_text("\n".join(lowest()) if request.param == "lowest" else "")
    programs = fresh(place / "env")
    pip = (programs / "python", "-m", "pip", "install", "-q", "--only-binary", ":all:")
    made = run(*pip, "-c", constraints, wheel, cwd=place)
    assert made.returncode == 0, made.stderr
    return programs


def lowest():
    """Each direct requirement at its lower bound, as pip's constraints."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for requirement in project["dependencies"]:
        name, version = re.fullmatch(r"([\w.-]+)>=([\d.]+)(?:,<[\d.]+)?", requirement).groups()
        yield f"{name}=={version}"


@pytest.fixture
def place(indexed_digits, tmp_path):
    """A folder of images with an index and a model that were made elsewhere."""
    for name in ("out.h5", "query.jpg"):
        shutil.copy(indexed_digits / name, tmp_path)
    model = (indexed_digits / "runs" / "latest").resolve()
    shutil.copytree(model, tmp_path / "model")
    for digit in ("3", "7"):
        images = sorted((indexed_digits / "images" / digit).iterdir())[:20]
        (tmp_path / "images" / digit).mkdir(parents=True)
        for image in images:
            shutil.copy(image, tmp_path / "images" / digit)
    shutil.copy(images[0], tmp_path / "images" / "7" / "copy.png")
    return tmp_path


@pytest.fixture
def nachash_there(installed, place):
    def call(*arguments):
        finished = run(
            installed / "nachash", *arguments, cwd=place, NACHASH_STATE=str(place / "state")
        )
        assert "Traceback" not in finished.stderr
        return finished.returncode, finished.stdout, finished.stderr

    return call


def test_it_is_light(installed):
    listed = run(installed / "python", "-m", "pip", "list", cwd=installed).stdout.lower()
    size = sum(path.stat().st_size for path in installed.parent.rglob("*") if path.is_file())

    assert "torch" not in listed
    assert "numba" not in listed
    if "newest" in str(installed):  # older FAISS holds three builds, older ONNX Runtime needs sympy
        assert size < MOST_MEGABYTES * 2**20


def test_the_wheel_is_small(wheel):
    assert wheel.stat().st_size < 10 * 2**20


def test_an_index_made_elsewhere_is_searched_verified_and_measured(nachash_there):
    code, out, err = nachash_there("search", "query.jpg", "--index", "out.h5", "-k", 3)
    assert (code, len(out.splitlines())) == (0, 3), err
    assert nachash_there("index", "verify", "out.h5")[0] == 0
    assert '"map"' in nachash_there("eval-map", "--index", "out.h5", "--json")[1]


def test_a_model_made_elsewhere_encodes(nachash_there):
    code, _, err = nachash_there("encode", "images", "mine.h5", "--model", "model")

    assert code == 0, err


def test_without_any_model_it_encodes_and_finds_duplicates(nachash_there, place):
    code, _, err = nachash_there("encode", "images", "new.h5")
    assert code == 0, err
    assert "model: builtin" in err
    assert "nachash train" in err

    original = sorted((place / "images" / "7").iterdir())[-2].name
    for source in ("new.h5", "images"):
        code, out, err = nachash_there("dedup", source, "--max-distance", 0)
        assert code == 0, err
        assert original in out or "copy.png" in out

    code, out, err = nachash_there("search", "images/7/copy.png", "--index", "new.h5", "-k", 1)
    assert code == 0, err


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        ("train images", "train"),
        ("linear model --dataset digits", "train"),
        ("eval-map --index out.h5 --plot curve.png", "plots"),
        ("serve out.h5", "serve"),
        ("index export codes.parquet --index out.h5", "parquet"),
        ("encode s3://nowhere/photos s.h5", "remote"),
        ("encode images c.h5 --model model --device cuda", "train"),
    ],
)
def test_a_command_without_its_extra_says_what_to_type(nachash_there, command, extra):
    code, _, err = nachash_there(*command.split())

    assert code == 2, err
    assert f"pip install 'nachash[{extra}]'" in err
