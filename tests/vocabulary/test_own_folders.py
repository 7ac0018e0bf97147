"""Caches and state are conveniences: without a home, work goes on without."""

import os
import sys

import numpy as np
import pytest

from nachash import compiled as compiling
from nachash import own_folders
from nachash.datasets import default_root
from nachash.errors import MissingError, StorageError
from nachash.tasks import choose_index
from nachash.tasks.train import feature_cache, pixel_file


@pytest.fixture
def homeless(monkeypatch):
    """No HOME, and a user whom the system does not know."""
    for name in list(os.environ):
        if name.startswith(("NACHASH_", "XDG_", "NUMBA_CACHE")) or name == "HOME":
            monkeypatch.delenv(name)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the system knows a home")


@on_linux
def test_without_a_home_there_is_neither_cache_nor_state(homeless):
    assert own_folders.cache_folder("features") is None
    assert own_folders.state_folder() is None
    assert feature_cache.file("name") is None


@on_linux
def test_what_would_be_kept_is_not(homeless, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    choose_index.remember(tmp_path / "out.h5")
    feature_cache.write(None, feature_cache.Cached(np.zeros((1, 1, 1), np.float16), ()))

    assert choose_index._written_last() is None
    assert feature_cache.read(None) is None
    assert list(tmp_path.iterdir()) == []


@on_linux
def test_what_needs_a_folder_says_which_variable_names_one(homeless):
    from nachash.images.sources import files

    with pytest.raises(StorageError, match="no home") as pixels:
        pixel_file.path_of(files.source(".", []), 32)
    with pytest.raises(MissingError, match="no home") as data:
        default_root("cifar10")

    assert "NACHASH_CACHE" in pixels.value.hint
    assert "NACHASH_DATA" in data.value.hint


@on_linux
def test_a_home_that_is_not_absolute_is_none(monkeypatch, homeless):
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")

    assert own_folders.cache_folder("x") is None


@on_linux
@pytest.mark.parametrize("kind", ["cache", "state"])
@pytest.mark.parametrize("named", ["", "/elsewhere"])
def test_the_folders_are_those_of_platformdirs(kind, named, monkeypatch):
    import platformdirs

    monkeypatch.setenv(f"XDG_{kind.upper()}_HOME", named)

    expected = getattr(platformdirs, f"user_{kind}_path")("nachash")
    assert own_folders.platform_folder(kind) == expected


def twice(number):
    return number + number


def cached_files(folder):
    return list(folder.rglob("*.nb?")) if folder.exists() else []


def test_compiled_code_is_kept_in_our_cache_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("NACHASH_CACHE", str(tmp_path))
    import numba

    before = numba.config.CACHE_DIR
    assert compiling.compiled(twice)(2) == 4

    assert {path.suffix for path in cached_files(tmp_path / "numba")} == {".nbi", ".nbc"}
    assert before == numba.config.CACHE_DIR
    again = compiling.compiled(twice)
    assert again(2) == 4
    assert sum(again.stats.cache_hits.values()) == 1


@on_linux
def test_without_a_home_functions_are_compiled_all_the_same(homeless):
    assert compiling.compiled(twice)(2) == 4


def test_a_folder_that_cannot_be_made_is_no_reason_to_stop(monkeypatch, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("NACHASH_CACHE", str(tmp_path / "file"))

    assert compiling.compiled(twice)(2) == 4


def test_a_damaged_cache_is_compiled_again(monkeypatch, tmp_path):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("NACHASH_CACHE", str(tmp_path))
    compiling.compiled(twice)(2)
    for path in cached_files(tmp_path):
        path.write_bytes(b"junk")

    assert compiling.compiled(twice)(2) == 4
    assert compiling.compiled(twice)(2) == 4


def test_a_full_disk_keeps_no_compiled_code(monkeypatch, tmp_path):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("NACHASH_CACHE", str(tmp_path))
    function = compiling.compiled(twice)

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(function._cache._cache_file, "save", full)

    assert function(2) == 4
