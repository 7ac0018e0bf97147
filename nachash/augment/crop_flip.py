"""Crop and flip alone, colours as they are: the views that linear probes are trained on.

RandomResizedCrop with scale 0.08 to 1, and flip with probability one half, as in the NAC authors'
linear classification (github.com/yookoon/nac) and the usual one on ImageNet.
"""

from torch import Tensor

from nachash.augment import Augment
from nachash.augment._geometry import cropped_and_flipped
from nachash.augment._random import Draws
from nachash.augment._recipe import recipe_of
from nachash.shapes import Float


def _views(
    images: Float[Tensor, "batch 3 height width"], draws: Draws, size: int
) -> Float[Tensor, "batch 3 size size"]:
    return cropped_and_flipped(images, draws, size, (0.08, 1.0))


def recipe(size: int) -> Augment:
    """Views of `size` x `size` pixels."""
    return recipe_of(_views, size)
