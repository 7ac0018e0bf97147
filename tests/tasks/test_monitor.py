"""`--monitor` reports retrieval by label, and changes nothing of what is learnt."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from nachash.errors import UsageError
from nachash.tasks.train.train import TrainSettings, train


def trained(out: Path, **changes: Any) -> list[dict[str, float]]:
    settings = {"dataset": "digits", "epochs": 2, "bits": 16, "size": 8, "latest": False}
    train(TrainSettings(**{**settings, "out": out, **changes}))
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def test_a_monitored_run_ends_with_the_same_weights(tmp_path: Path) -> None:
    plain = trained(tmp_path / "plain")
    watched = trained(tmp_path / "watched", monitor=True)

    found = [line["monitor_map"] for line in watched if "monitor_map" in line]
    assert len(found) >= 15
    assert all(0.1 < figure < 1 for figure in found)
    assert not any("monitor_map" in line for line in plain)
    weights = [load_file(tmp_path / name / "model.safetensors") for name in ("plain", "watched")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def pictures(folder: Path, count: int = 4) -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        Image.new("RGB", (40, 40), (number * 50, 0, 0)).save(folder / f"{number}.png")


def test_folders_of_classes_are_labels(tmp_path: Path) -> None:
    for name in ("light", "dark"):
        pictures(tmp_path / "images" / name)

    lines = trained(tmp_path / "out", dataset=None, images=str(tmp_path / "images"), monitor=True)

    assert all(0 < line["monitor_map"] <= 1 for line in lines)


@pytest.mark.parametrize("folder", ["images", "images/the only class"])
def test_images_without_labels_cannot_be_monitored(tmp_path: Path, folder: str) -> None:
    pictures(tmp_path / folder)

    with pytest.raises(UsageError, match="needs labels"):
        trained(tmp_path / "out", dataset=None, images=str(tmp_path / "images"), monitor=True)
    with pytest.raises(UsageError, match="needs labels"):
        trained(tmp_path / "out", limit=100, monitor=True)

    assert not (tmp_path / "out").exists()


def test_a_batch_beyond_the_images_is_said(tmp_path: Path, said: list[str]) -> None:
    pictures(tmp_path / "images")

    train(
        TrainSettings(
            images=str(tmp_path / "images"), epochs=1, bits=16, latest=False, out=tmp_path / "out"
        )
    )

    assert "4 images are all there are: a batch is as large" in said
