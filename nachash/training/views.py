"""Where a step's views come from: drawn from pixels, or chosen among cached features."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from nachash.shapes import Float, Int64, UInt8

Augment = Callable[[Tensor, torch.Generator], Tensor]


@runtime_checkable
class Views(Protocol):
    """Gives views of the images at some positions of the training set."""

    def __call__(
        self, positions: Int64[Tensor, "batch"], count: int, generator: torch.Generator
    ) -> Float[Tensor, "views batch *shape"]:
        """`count` views of each image, random numbers from `generator` only."""


def resident(rows: Tensor, device: torch.device) -> Tensor:
    """Rows on a GPU, where they take at most half of its free memory; else where they are."""
    if device.type != "cuda" or rows.nbytes > torch.cuda.mem_get_info(device)[0] // 2:
        return rows
    return rows.to(device)


@dataclass(frozen=True, slots=True)
class PixelViews:
    """Views drawn anew in every step, on the device."""

    images: UInt8[Tensor, "n 3 height width"]
    augment: Augment
    device: torch.device

    def __call__(
        self, positions: Int64[Tensor, "batch"], count: int, generator: torch.Generator
    ) -> Float[Tensor, "views batch 3 size size"]:
        """Independent views of each image."""
        images = self.images[positions.to(self.images.device)].to(self.device)
        return torch.stack([self.augment(images, generator) for _ in range(count)])


@dataclass(frozen=True, slots=True)
class CachedViews:
    """Features of some views of each image, computed once; a step takes different ones of them.

    Of the way from an image to its view they go `strength`: 1 is the view, 0 the image as it is.
    """

    own: Float[Tensor, "n features"]
    features: Float[Tensor, "cached n features"]
    strength: float
    device: torch.device

    def __call__(
        self, positions: Int64[Tensor, "batch"], count: int, generator: torch.Generator
    ) -> Float[Tensor, "views batch features"]:
        """`count` different cached views of each image, in random order."""
        draws = torch.rand(
            (len(self.features), len(positions)), generator=generator, device=generator.device
        )
        chosen = draws.argsort(dim=0)[:count].to(self.features.device)
        places = positions.to(self.features.device)
        views = self.features[chosen, places].to(self.device).float()
        return self.own[places].to(self.device).float().lerp(views, self.strength)
