"""Small photographs, about 32 pixels: crop, flip, strong colour jitter, grey; no blur.

Parameters of the NAC authors' CIFAR-10 code (github.com/yookoon/nac), which are SimCLR's:
RandomResizedCrop with scale 0.08 to 1, flip, ColorJitter(0.4, 0.4, 0.4, 0.1) with probability
0.8, grey with probability 0.2.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from nachash.augment import Augment
from nachash.augment._colour import Jitter, jitter
from nachash.augment._geometry import cropped_and_flipped
from nachash.augment._random import Draws
from nachash.shapes import Float, UInt8

_JITTER = Jitter(0.4, 0.4, 0.4, 0.1, probability=0.8, grey_probability=0.2)


@dataclass(frozen=True, slots=True)
class _Cifar:
    size: int

    def __call__(
        self,
        images: UInt8[Tensor, "batch 3 height width"] | Float[Tensor, "batch 3 height width"],
        generator: torch.Generator,
    ) -> Float[Tensor, "batch 3 size size"]:
        draws = Draws(generator, images.device, len(images))
        views = cropped_and_flipped(images, draws, self.size, (0.08, 1.0))
        return jitter(views, _JITTER, draws)


def recipe(size: int) -> Augment:
    """Views of `size` x `size` pixels."""
    return _Cifar(size)
