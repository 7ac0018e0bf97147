"""An encoder that gives every image the same code is named, by `train` and by `eval-map`."""

from pathlib import Path
from typing import Any

import pytest
import torch

from nachash.encoders.encoder import Head
from nachash.tasks.evaluate.evaluate import EvaluateSettings, evaluate
from nachash.tasks.train.train import TrainSettings, train


@pytest.fixture
def collapsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model whose activations are pushed far to one side at the end."""
    forward = Head.forward

    def one_sided(head: Head, features: torch.Tensor) -> Any:
        encoded = forward(head, features)
        return encoded._replace(activations=encoded.activations.abs() + 1)

    monkeypatch.setattr(Head, "forward", one_sided)
    out = tmp_path / "model"
    train(TrainSettings(dataset="digits", epochs=1, bits=16, size=8, out=out, latest=False))
    return out


def test_train_and_eval_map_name_a_collapsed_encoder(said: list[str], collapsed: Path) -> None:
    assert any("the encoder has collapsed: all" in sentence for sentence in said)
    said.clear()

    scores = evaluate(EvaluateSettings(dataset="digits", model=collapsed))

    assert said == ["warning: the encoder has collapsed: all 1,297 images have the same code"]
    assert scores.map == pytest.approx(scores.chance, abs=0.01)
