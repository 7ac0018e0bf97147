"""Turns by -10, -5, 0, 5 or 10 degrees, small ones more often: the views of DeepBit.

The angle is 5 k degrees with a probability in proportion to exp(-k^2 / 2) for k from -2 to 2: the
published weights of the rotations (Lin et al., CVPR 2016) as the odds of being drawn. Nothing but
the angle changes; beyond the border stands the border.
"""

import math
from typing import Final

import torch
from torch import Tensor

from nachash.augment import Augment
from nachash.augment._geometry import sample, turn
from nachash.augment._random import Draws
from nachash.augment._recipe import recipe_of
from nachash.shapes import Float

_STEPS: Final = (-2, -1, 0, 1, 2)
_DEGREES: Final = 5.0


def _views(
    images: Float[Tensor, "batch 3 height width"], draws: Draws, size: int
) -> Float[Tensor, "batch 3 size size"]:
    height, width = images.shape[-2:]
    turns = turn(_angles(draws), height=height, width=width)
    # Values sampled between two pixels may leave the range by a rounding.
    return sample(images, turns, size).clamp(0, 1)


def _angles(draws: Draws) -> Float[Tensor, "batch"]:
    """In degrees."""
    weights = torch.tensor([math.exp(-(step**2) / 2) for step in _STEPS], device=draws.device)
    bounds = (weights.cumsum(0) / weights.sum())[:-1]
    place = torch.bucketize(draws.uniform(0.0, 1.0), bounds)
    return _DEGREES * torch.tensor(_STEPS, device=draws.device)[place]


def recipe(size: int) -> Augment:
    """Views of `size` x `size` pixels."""
    return recipe_of(_views, size)
