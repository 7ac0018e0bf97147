"""The encoder: pixels, normalised, through a backbone and a head, to one real number per bit."""

from pathlib import Path
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from nachash.codes import checked_bits
from nachash.encoders import backbones
from nachash.encoders.backbones import Backbone
from nachash.encoders.weights import load_backbone
from nachash.errors import UsageError
from nachash.model_config import ModelConfig
from nachash.shapes import Float

HEADS: Final = ("batch-norm", "scaled")


class Encoded(NamedTuple):
    """What an encoder says of a batch: pooled features, and activations before the sign."""

    features: Float[Tensor, "batch features"]
    activations: Float[Tensor, "batch bits"]


class _Scaled(nn.Module):
    """Divides by the square root of the number of bits, as published."""

    def forward(self, activations: Float[Tensor, "batch bits"]) -> Float[Tensor, "batch bits"]:
        return activations / activations.shape[-1] ** 0.5


class Encoder(nn.Module):
    """Backbone and head: Linear(d, d), ReLU, Linear(d, bits), then a normalisation.

    The head ends either with `batch-norm` (without weights: every bit gets mean 0 and variance
    1 over a batch, so that bits are balanced and codewords are near +-1 from the first step),
    or with `scaled`, the published division by sqrt(bits), which starts with codes near 0.

    Source of the head: Park et al., ICML 2021, and `model.py` of github.com/yookoon/nac.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Backbone, *, bits: int, head: str = "batch-norm") -> None:
        super().__init__()
        if head not in HEADS:
            raise UsageError(f"'{head}' is not a head", f"one of {', '.join(HEADS)}")
        self.bits = checked_bits(bits)
        self.features = backbone.features
        self.register_buffer("mean", torch.tensor(backbone.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(backbone.std).view(1, 3, 1, 1))
        self.backbone = backbone.module
        self.head = nn.Sequential(
            nn.Linear(backbone.features, backbone.features),
            nn.ReLU(),
            # Batch norm takes the mean off, a bias before it would never move.
            nn.Linear(backbone.features, bits, bias=head != "batch-norm"),
            nn.BatchNorm1d(bits, affine=False) if head == "batch-norm" else _Scaled(),
        )

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> Encoded:
        """Features and activations of images with values in [0, 1]."""
        features = self.backbone((images - self.mean) / self.std)
        return Encoded(features, self.head(features))


def build(config: ModelConfig) -> Encoder:
    """The encoder that a configuration describes, with random weights.

    Raises:
        UsageError: an unknown backbone or head, or an impossible number of bits.
    """
    return Encoder(backbones.build(config.backbone), bits=config.bits, head=config.head)


def initial(backbone: str, *, weights: str, bits: int, head: str) -> Encoder:
    """An encoder to begin training with; random weights come from torch's own generator.

    Args:
        backbone: its name.
        weights: of the backbone: `random`, `pretrained`, or a file.
        bits: length of a code.
        head: one of HEADS.

    Raises:
        UsageError: an unknown backbone or head, or an impossible number of bits.
        MissingError: weights that are not there, or cannot be downloaded.
        DamagedError, IncompatibleError: a file without weights, or with those of another network.
    """
    built = backbones.build(backbone, pretrained=weights == "pretrained")
    if weights not in ("random", "pretrained"):
        load_backbone(built, Path(weights))
    return Encoder(built, bits=bits, head=head)
