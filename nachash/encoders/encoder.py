"""The encoder: pixels, normalised, through a backbone and a head, to one real number per bit."""

from collections.abc import Callable
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
from nachash.shapes import Float, UInt8

HEADS: Final = ("batch-norm", "batch-norms", "scaled", "linear")


class Encoded(NamedTuple):
    """What an encoder says of a batch: pooled features, and activations before the sign."""

    features: Float[Tensor, "batch features"]
    activations: Float[Tensor, "batch bits"]


class _Scaled(nn.Module):
    """Divides by the square root of the number of bits, as published."""

    def forward(self, activations: Float[Tensor, "batch bits"]) -> Float[Tensor, "batch bits"]:
        return activations / activations.shape[-1] ** 0.5


class Head(nn.Sequential):
    """Features to activations: Linear(d, d), ReLU, Linear(d, bits), then a normalisation.

    It ends either with `batch-norm` (without weights: every bit gets mean 0 and variance 1 over
    a batch, so that bits are balanced and codewords are near +-1 from the first step), or with
    `scaled`, the published division by sqrt(bits), which starts with codes near 0. `batch-norms`
    has batch norms before and between the linear layers as well, which suits features that do
    not move. `linear` is one Linear(d, bits) and nothing else, for computed projections.

    Source: Park et al., ICML 2021, and `model.py` of github.com/yookoon/nac.
    """

    def __init__(self, features: int, bits: int, ending: str = "batch-norm") -> None:
        if ending not in HEADS:
            raise UsageError(f"'{ending}' is not a head", f"one of {', '.join(HEADS)}")
        super().__init__(*_layers(features, checked_bits(bits), ending))
        self.features = features
        self.bits = bits

    def forward(self, features: Float[Tensor, "batch features"]) -> Encoded:
        """Features as they came, and their activations."""
        activations: Tensor = super().forward(features)  # type: ignore[no-untyped-call]
        return Encoded(features, activations)

    @torch.no_grad()
    def project(self, weight: Float[Tensor, "bits features"], bias: Float[Tensor, "bits"]) -> None:
        """Make the activations weight @ features + bias.

        Raises:
            UsageError: the head is not `linear`.
        """
        if len(self) != 1:
            raise UsageError("this method computes a projection of features", "--head linear")
        self.get_parameter("0.weight").copy_(weight)
        self.get_parameter("0.bias").copy_(bias)


def _layers(features: int, bits: int, ending: str) -> list[nn.Module]:
    # Batch norm takes the mean off: a bias before it would never move.
    match ending:
        case "linear":
            return [nn.Linear(features, bits)]
        case "scaled":
            return [nn.Linear(features, features), nn.ReLU(), nn.Linear(features, bits), _Scaled()]
        case "batch-norm":
            first: list[nn.Module] = [nn.Linear(features, features)]
        case _:
            first = [
                nn.BatchNorm1d(features, affine=False),
                nn.Linear(features, features, bias=False),
                nn.BatchNorm1d(features),
            ]
    last = nn.Linear(features, bits, bias=False)
    return [*first, nn.ReLU(), last, nn.BatchNorm1d(bits, affine=False)]


class Encoder(nn.Module):
    """Normalisation of colours, backbone and head: images in, features and activations out."""

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Backbone, *, bits: int, head: str = "batch-norm") -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(backbone.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(backbone.std).view(1, 3, 1, 1))
        self.backbone = backbone.module
        self.head = Head(backbone.features, bits, head)
        self.features, self.bits = self.head.features, self.head.bits

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> Encoded:
        """Features and activations of images with values in [0, 1]."""
        encoded: Encoded = self.head(self.backbone_features(images))
        return encoded

    def backbone_features(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch features"]:
        """Features alone, of images with values in [0, 1]."""
        features: Tensor = self.backbone((images - self.mean) / self.std)
        return features

    def project(self, weight: Float[Tensor, "bits features"], bias: Float[Tensor, "bits"]) -> None:
        """Make the activations weight @ features + bias; as `Head.project`."""
        self.head.project(weight, bias)

    def encoded(self, pixels: UInt8[Tensor, "n 3 height width"], batch: int) -> Encoded:
        """Many images in inference mode, on the device of the weights."""

        def images(piece: Tensor) -> Tensor:
            return piece.to(self.mean.device).float() / 255

        return encoded_in_batches(self, pixels, batch, images)


@torch.no_grad()
def encoded_in_batches(
    network: nn.Module,
    rows: Tensor,
    batch: int,
    made_ready: Callable[[Tensor], Tensor],
) -> Encoded:
    """What a network says of many rows in inference mode, `batch` of them at a time.

    Args:
        network: an `Encoder` or a `Head`.
        rows: pixels or features.
        batch: rows at a time.
        made_ready: moves and scales a piece of the rows as the network wants them.
    """
    was_training = network.training
    network.eval()
    pieces = [network(made_ready(piece)) for piece in torch.split(rows, batch)]
    network.train(was_training)
    features, activations = (torch.cat(parts).float() for parts in zip(*pieces, strict=True))
    return Encoded(features, activations)


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
