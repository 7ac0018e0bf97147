"""Weights from files: what is accepted, and what is said of the rest."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from nachash.encoders import backbones
from nachash.encoders.backbones import Backbone
from nachash.encoders.encoder import initial
from nachash.encoders.weights import load_backbone
from nachash.errors import DamagedError, IncompatibleError


def trained() -> dict[str, torch.Tensor]:
    torch.manual_seed(5)
    return backbones.build("small").module.state_dict()


def same(backbone: Backbone, weights: dict[str, torch.Tensor]) -> bool:
    state = backbone.module.state_dict()
    return state.keys() == weights.keys() and all(torch.equal(state[k], weights[k]) for k in state)


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model"])
def test_a_torch_file_is_read_with_and_without_a_wrapper(
    tmp_path: Path, wrapper: str | None
) -> None:
    weights, path = trained(), tmp_path / "weights.pt"
    torch.save({wrapper: weights, "epoch": 3} if wrapper else weights, path)
    backbone = backbones.build("small")

    load_backbone(backbone, path)

    assert same(backbone, weights)


def test_a_safetensors_file_and_a_model_directory_s_are_read(tmp_path: Path) -> None:
    weights = trained()
    save_file(weights, tmp_path / "bare.safetensors")
    encoder = initial("small", weights=str(tmp_path / "bare.safetensors"), bits=8, head="scaled")
    save_file(encoder.state_dict(), tmp_path / "model.safetensors")
    backbone = backbones.build("small")

    load_backbone(backbone, tmp_path / "model.safetensors")

    assert same(backbone, weights)


def test_the_classifier_of_a_published_file_is_left_out(tmp_path: Path) -> None:
    from torchvision.models import mobilenet_v3_small

    published = mobilenet_v3_small()
    torch.save(published.state_dict(), tmp_path / "published.pth")
    backbone = backbones.build("torchvision/mobilenet_v3_small")

    load_backbone(backbone, tmp_path / "published.pth")

    first = published.features[0][0].weight
    assert torch.equal(backbone.module.get_parameter("features.0.0.weight"), first)


def test_missing_unknown_and_misshapen_weights_are_named(tmp_path: Path) -> None:
    weights = trained()
    del weights["stem.0.weight"]
    weights["extra"] = torch.zeros(1)
    weights["stem.1.weight"] = torch.zeros(7)
    torch.save(weights, tmp_path / "weights.pt")

    with pytest.raises(IncompatibleError) as caught:
        load_backbone(backbones.build("small"), tmp_path / "weights.pt")

    for told in ("has no stem.0.weight", "unknown extra", "another shape of stem.1.weight"):
        assert told in caught.value.sentence


class Dangerous:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("executed"),))


@pytest.mark.parametrize("name", ["weights.pt", "weights.safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04 cut", "pickle", "list"])
def test_a_file_without_weights_is_damaged_and_none_is_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes | str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name
    if content == "pickle":
        path.write_bytes(pickle.dumps({"state_dict": Dangerous()}))
    elif content == "list":
        torch.save([1, 2], path)
    else:
        assert isinstance(content, bytes)
        path.write_bytes(content)

    with pytest.raises(DamagedError):
        load_backbone(backbones.build("small"), path)

    assert not Path("executed").exists()
