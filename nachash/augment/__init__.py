"""Recipes of random views, one file per recipe, batched on tensors.

To add one, write a file here with a docstring whose first line says what the recipe suits, and
one public constructor `recipe(size) -> Augment` at its end, which wraps a function of images and
`Draws` by `_recipe.recipe_of`. A view's parameters are drawn for each image by itself, from the
generator that is handed in and from nothing else, so that a run can be repeated; the work is done
for the whole batch at once, on the device of the images.
Geometry is one affine map and one `grid_sample`, colour one affine map of the colour space.

Why not kornia: its augmentations take no generator, and cost too much here. 512 views of 32 x 32
pixels by the recipe of `cifar`, on 2 cores shared with other work: 13 to 46 ms here, 108 to 297 ms
with kornia 0.9, where the small network takes about 400 ms to train on them.
"""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from nachash.shapes import Float, UInt8


@runtime_checkable
class Augment(Protocol):
    """Draws a random view of every image of a batch."""

    def __call__(
        self,
        images: UInt8[Tensor, "batch 3 height width"] | Float[Tensor, "batch 3 height width"],
        generator: torch.Generator,
    ) -> Float[Tensor, "batch 3 size size"]:
        """Views in [0, 1]; images are bytes, or floating-point numbers in [0, 1]."""
