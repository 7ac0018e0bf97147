"""Training images that do not fit into memory lie in a mapped file, and train just the same."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from nachash.errors import NoImagesError, StorageError
from nachash.images.sources import folder
from nachash.records import Source, silent
from nachash.tasks.train import images as training_images
from nachash.tasks.train import pixel_file
from nachash.tasks.train.images import Decoded

SIZE = 16


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NACHASH_CACHE", str(tmp_path / "cache"))
    place = tmp_path / "images"
    place.mkdir()
    random = np.random.default_rng(0)
    for number in range(7):
        pixels = random.integers(0, 256, (20, 24, 3), np.uint8)
        Image.fromarray(pixels).save(place / f"{number}.png")
    (place / "broken.png").write_bytes(b"no picture")
    return place


def source_of(place: Path) -> Source:
    return folder.source(str(place))


def decoded(place: Path) -> Decoded:
    return training_images.decoded(source_of(place), SIZE, workers=0, progress=silent)


def without_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_file, "free_memory", lambda: 1000)


def test_a_mapped_file_holds_what_memory_would(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = decoded(images)

    without_memory(monkeypatch)
    first, second = decoded(images), decoded(images)

    for found in (first, second):
        assert isinstance(found.pixels, np.memmap)
        assert np.array_equal(found.pixels, expected.pixels)
        assert found.skipped == expected.skipped
        assert found.fingerprint == expected.fingerprint


def test_the_second_run_does_not_decode(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_memory(monkeypatch)
    decoded(images)
    monkeypatch.setattr(training_images.stream, "batches", lambda *_, **__: pytest.fail("decoded"))

    assert len(decoded(images).pixels) == 7


def test_a_changed_folder_is_decoded_again(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_memory(monkeypatch)
    before = decoded(images)
    Image.fromarray(np.zeros((20, 24, 3), np.uint8)).save(images / "0.png")
    os.utime(images / "0.png", ns=(1, 1))

    after = decoded(images)

    assert after.fingerprint != before.fingerprint
    assert not np.array_equal(after.pixels, before.pixels)


@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_half_a_file_does_not_count(
    images: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_memory(monkeypatch)
    expected = np.array(decoded(images).pixels)
    path = pixel_file.path_of(source_of(images), SIZE).with_suffix(suffix)
    path.write_bytes(path.read_bytes()[:50])

    assert np.array_equal(decoded(images).pixels, expected)


def test_a_full_disk_is_told_before_anything_is_decoded(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_memory(monkeypatch)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10))

    with pytest.raises(StorageError, match="has no room for") as caught:
        decoded(images)

    assert "--limit" in caught.value.hint


def test_nothing_is_left_of_a_file_without_images(
    tmp_path: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_memory(monkeypatch)
    for path in images.glob("[0-9].png"):
        path.write_bytes(b"no picture")

    with pytest.raises(NoImagesError):
        decoded(images)

    assert list((tmp_path / "cache" / "pixels").iterdir()) == []


def test_memory_is_asked_before_disk() -> None:
    assert pixel_file.fits(10, 32)
    assert not pixel_file.fits(10**9, 224)
