"""Crop and flip alone, colours as they are: the views that linear probes are trained on.

RandomResizedCrop with scale 0.08 to 1, and flip with probability one half, as in the NAC authors'
linear classification (github.com/yookoon/nac) and the usual one on ImageNet.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from nachash.augment import Augment
from nachash.augment._geometry import cropped_and_flipped
from nachash.augment._random import Draws
from nachash.shapes import Float, UInt8


@dataclass(frozen=True, slots=True)
class _CropFlip:
    size: int

    def __call__(
        self,
        images: UInt8[Tensor, "batch 3 height width"] | Float[Tensor, "batch 3 height width"],
        generator: torch.Generator,
    ) -> Float[Tensor, "batch 3 size size"]:
        draws = Draws(generator, images.device, len(images))
        return cropped_and_flipped(images, draws, self.size, (0.08, 1.0))


def recipe(size: int) -> Augment:
    """Views of `size` x `size` pixels."""
    return _CropFlip(size)
