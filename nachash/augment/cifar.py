"""Small photographs, about 32 pixels: crop, flip, strong colour jitter, grey; no blur.

Parameters of the NAC authors' CIFAR-10 code (github.com/yookoon/nac), which are SimCLR's:
RandomResizedCrop with scale 0.08 to 1, flip, ColorJitter(0.4, 0.4, 0.4, 0.1) with probability
0.8, grey with probability 0.2.
"""

from torch import Tensor

from nachash.augment import Augment
from nachash.augment._colour import Jitter, jitter
from nachash.augment._geometry import cropped_and_flipped
from nachash.augment._random import Draws
from nachash.augment._recipe import recipe_of
from nachash.shapes import Float

_JITTER = Jitter(0.4, 0.4, 0.4, 0.1, probability=0.8, grey_probability=0.2)


def _views(
    images: Float[Tensor, "batch 3 height width"], draws: Draws, size: int
) -> Float[Tensor, "batch 3 size size"]:
    return jitter(cropped_and_flipped(images, draws, size, (0.08, 1.0)), _JITTER, draws)


def recipe(size: int) -> Augment:
    """Views of `size` x `size` pixels."""
    return recipe_of(_views, size)
