"""Photographs of 64 pixels and more: crop, flip, colour jitter, grey, blur (MoCo-v2's views).

Parameters: crop scale 0.2 to 1, flip, ColorJitter(0.4, 0.4, 0.4, 0.1) with probability 0.8,
grey 0.2, Gaussian blur with probability 0.5 and sigma 0.1 to 2 pixels at a width of 224, in
proportion at other widths. Source: Chen et al., "Improved baselines with momentum contrastive
learning", 2020, and github.com/facebookresearch/moco.
"""

from torch import Tensor

from nachash.augment import Augment
from nachash.augment._blur import gaussian_blur
from nachash.augment._colour import Jitter, jitter
from nachash.augment._geometry import cropped_and_flipped
from nachash.augment._random import Draws
from nachash.augment._recipe import recipe_of
from nachash.shapes import Float

_JITTER = Jitter(0.4, 0.4, 0.4, 0.1, probability=0.8, grey_probability=0.2)


def _views(
    images: Float[Tensor, "batch 3 height width"], draws: Draws, size: int
) -> Float[Tensor, "batch 3 size size"]:
    views = cropped_and_flipped(images, draws, size, (0.2, 1.0))
    sigma = draws.chosen(0.5) * draws.uniform(0.1, 2.0) * size / 224
    return gaussian_blur(jitter(views, _JITTER, draws), sigma)


def recipe(size: int) -> Augment:
    """Views of `size` x `size` pixels."""
    return recipe_of(_views, size)
