"""A residual network of 0.3 million weights that trains on a CPU; for 28 to 96 pixels.

Stem of stride 2, then residual blocks of stride 2 with 64 and 128 channels; 128 features. 7.6
million multiplications for an image of 32 x 32 pixels, where the CIFAR ResNet-18 needs 560.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from nachash.encoders.backbones import Backbone
from nachash.encoders.backbones._weights import no_published_weights
from nachash.shapes import Float

_WIDTHS = (32, 64, 128)


class _Block(nn.Module):
    """Two convolutions with batch norm around a shortcut, both halving height and width."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride=2, bias=False), nn.BatchNorm2d(outputs)
        )

    def forward(self, images: Float[Tensor, "batch inputs h w"]) -> Float[Tensor, "batch o y x"]:
        return functional.relu(self.convolutions(images) + self.shortcut(images))


class _Small(nn.Module):
    """Stem, blocks, mean over all places."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, _WIDTHS[0], 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(_WIDTHS[0]),
            nn.ReLU(),
        )
        self.blocks = nn.Sequential(*(_Block(*widths) for widths in pairwise(_WIDTHS)))

    def forward(self, images: Float[Tensor, "batch 3 h w"]) -> Float[Tensor, "batch features"]:
        return torch.mean(self.blocks(self.stem(images)), dim=(2, 3))


def backbone(*, pretrained: bool = False) -> Backbone:
    """The small network, with random weights.

    Raises:
        MissingError: pretrained weights are asked for; there are none.
    """
    if pretrained:
        raise no_published_weights("small")
    return Backbone(_Small(), _WIDTHS[-1])
