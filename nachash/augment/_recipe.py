"""What the recipes share: images as numbers, and random numbers for the batch at hand."""

from collections.abc import Callable

import torch
from torch import Tensor

from nachash.augment import Augment
from nachash.augment._random import Draws
from nachash.shapes import Float, UInt8

Views = Callable[[Tensor, Draws, int], Tensor]


def recipe_of(views: Views, size: int) -> Augment:
    """The recipe that draws views of `size` pixels by a function of images in [0, 1]."""

    def augment(
        images: UInt8[Tensor, "batch 3 height width"] | Float[Tensor, "batch 3 height width"],
        generator: torch.Generator,
    ) -> Float[Tensor, "batch 3 size size"]:
        draws = Draws(generator, images.device, len(images))
        return views(_in_unit_range(images), draws, size)

    return augment


def _in_unit_range(
    images: UInt8[Tensor, "batch 3 height width"] | Float[Tensor, "batch 3 height width"],
) -> Float[Tensor, "batch 3 height width"]:
    """Bytes divided by 255; floating-point images as they are."""
    return images.float().div_(255) if images.dtype == torch.uint8 else images
