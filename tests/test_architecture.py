"""The architecture, where import-linter cannot see: what a fresh interpreter loads."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "torchvision", "timm", "kornia", "matplotlib", "sklearn")


def loaded_after(arguments, cwd, also=()):
    """Which heavy packages a command leaves in sys.modules, and its exit code."""
    script = (
        "import sys\n"
        "from nachash.cli._app import main\n"
        f"sys.argv = ['nachash', *{arguments!r}]\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        f"print('LOADED', *[name for name in {HEAVY + also!r} if name in sys.modules])\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", script], cwd=cwd, capture_output=True, text=True, check=True
    )
    return finished.stdout.splitlines()[-1].split()[1:]


@pytest.mark.parametrize("arguments", [["--help"], ["search", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments, tmp_path):
    assert loaded_after(arguments, tmp_path) == []


def test_a_search_with_a_new_picture_does_not_load_torch(indexed_digits):
    assert loaded_after(["search", "query.jpg", "--index", "out.h5"], indexed_digits) == []


def test_a_search_by_id_with_a_filter_does_not_load_pillow(indexed_digits):
    command = ["search", "--id", "3", "--index", "out.h5", "--where", "label=3", "--under", "3"]

    assert loaded_after(command, indexed_digits, also=("PIL", "onnxruntime")) == []


def test_encoding_on_the_cpu_does_not_load_torch(indexed_digits, tmp_path):
    command = ["encode", "images", str(tmp_path / "o.h5"), "--device", "cpu"]

    loaded = loaded_after([*command, "--model", "runs/model"], indexed_digits)

    assert loaded == []


def test_evaluating_an_index_does_not_load_torch(indexed_digits):
    assert loaded_after(["eval-map", "--index", "out.h5"], indexed_digits) == []
