"""Weights from a file, checked name by name before they are used."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from nachash.encoders.backbones import Backbone
from nachash.errors import DamagedError, IncompatibleError, MissingError

_WRAPPERS = ("state_dict", "model")
_BACKBONE = "backbone."


def read(path: Path) -> dict[str, Tensor]:
    """The tensors in a file: .safetensors, or a torch file, which is read without running code.

    A torch file may hold them directly or below the key `state_dict` or `model`.

    Raises:
        MissingError: there is no such file.
        DamagedError: it holds no named tensors.
    """
    if not path.is_file():
        raise MissingError(f"there is no file of weights {path}", "--weights random")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            # Torch warns of unusual pickles; what it cannot read safely it refuses all the same.
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what reading strange bytes raises is not listed anywhere
        raise DamagedError(
            f"{path} holds no weights that can be read safely ({type(error).__name__})",
            "give a .safetensors file, or a torch file of tensors only",
        ) from error
    return _tensors(content, path)


def load_backbone(backbone: Backbone, path: Path) -> None:
    """Put a file's weights into a backbone; weights of a classifier or head are left out.

    Accepts files of the bare network, and the `model.safetensors` of a model directory.

    Raises:
        MissingError, DamagedError: as `read`.
        IncompatibleError: names or shapes differ; the sentence tells the first of them.
    """
    tensors = read(path)
    if any(name.startswith(_BACKBONE) for name in tensors):
        tensors = {
            name.removeprefix(_BACKBONE): tensor
            for name, tensor in tensors.items()
            if name.startswith(_BACKBONE)
        }
    tensors = {
        name: tensor
        for name, tensor in tensors.items()
        if not name.startswith(backbone.classifier or "\0")
    }
    _put(backbone.module, tensors, path)


def load_exactly(module: nn.Module, path: Path) -> None:
    """Put a file's weights into a module that has all of them and no other.

    Raises:
        MissingError, DamagedError: as `read`.
        IncompatibleError: names or shapes differ.
    """
    _put(module, read(path), path)


def _put(module: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    expected = module.state_dict()
    problems = {
        "has no": sorted(expected.keys() - tensors.keys()),
        "has an unknown": sorted(tensors.keys() - expected.keys()),
        "has another shape of": sorted(
            name
            for name in expected.keys() & tensors.keys()
            if expected[name].shape != tensors[name].shape
        ),
    }
    told = [f"{problem} {_listed(names)}" for problem, names in problems.items() if names]
    if told:
        raise IncompatibleError(
            f"{path} is not of this network: it {'; it '.join(told)}",
            "name the --backbone that the weights were made for",
        )
    module.load_state_dict(tensors)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _tensors(content: Any, path: Path) -> dict[str, Tensor]:
    for wrapper in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not all(isinstance(t, Tensor) for t in content.values()):
        raise DamagedError(f"{path} does not hold named tensors", "give a state dict")
    return dict(content)
