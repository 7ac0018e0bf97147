"""Handwritten digits and other signs: small affine maps, brightness, contrast, noise; no flip.

A mirrored or strongly cropped digit is another digit, so that shapes move only as handwriting
does: at most 15 degrees, a tenth of the width, a sixth of the size. Our own recipe.
"""

from torch import Tensor

from nachash.augment import Augment
from nachash.augment._colour import Jitter, jitter
from nachash.augment._geometry import sample, small_affine
from nachash.augment._random import Draws
from nachash.augment._recipe import recipe_of
from nachash.shapes import Float

_JITTER = Jitter(0.3, 0.3, 0.0, 0.0, probability=0.8, grey_probability=0.0)
_NOISE = 0.1


def _views(
    images: Float[Tensor, "batch 3 height width"], draws: Draws, size: int
) -> Float[Tensor, "batch 3 size size"]:
    moves = small_affine(draws, degrees=15.0, shift=0.2, zoom=(0.85, 1.15), shear=0.2)
    views = jitter(sample(images, moves, size), _JITTER, draws)
    noise = draws.normal(1, size, size)
    return views.addcmul_(noise, draws.uniform(0.0, _NOISE)[:, None, None, None]).clamp_(0, 1)


def recipe(size: int) -> Augment:
    """Views of `size` x `size` pixels."""
    return recipe_of(_views, size)
