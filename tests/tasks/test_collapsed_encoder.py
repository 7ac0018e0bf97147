"""An encoder that gives every image the same code is named, by `train` and by `eval-map`."""

from pathlib import Path
from typing import Any

import pytest
import torch

from nachash.encoders.encoder import Head
from nachash.tasks.evaluate.evaluate import EvaluateSettings, evaluate
from nachash.tasks.train.train import TrainSettings, train


@pytest.fixture
def collapsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, list[str]]:
    """A model whose activations are pushed far to one side at the end, and what was told."""
    forward = Head.forward

    def one_sided(head: Head, features: torch.Tensor) -> Any:
        encoded = forward(head, features)
        return encoded._replace(activations=encoded.activations.abs() + 1)

    monkeypatch.setattr(Head, "forward", one_sided)
    told: list[str] = []
    out = tmp_path / "model"
    train(
        TrainSettings(dataset="digits", epochs=1, bits=16, size=8, out=out, latest=False),
        note=told.append,
    )
    return out, told


def test_train_and_eval_map_name_a_collapsed_encoder(collapsed: tuple[Path, list[str]]) -> None:
    model, told = collapsed
    asked: list[str] = []

    scores = evaluate(EvaluateSettings(dataset="digits", model=model), choice=asked.append)

    assert any("the encoder has collapsed: all" in sentence for sentence in told)
    assert asked == ["warning: the encoder has collapsed: all 1,297 images have the same code"]
    assert scores.map == pytest.approx(scores.chance, abs=0.01)
