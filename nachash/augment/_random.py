"""Random numbers per image, drawn on the generator's device and brought to the images'."""

from dataclasses import dataclass

import torch
from torch import Tensor

from nachash.shapes import Float


@dataclass(frozen=True, slots=True)
class Draws:
    """Source of random numbers for one batch of images."""

    generator: torch.Generator
    device: torch.device
    batch: int

    def uniform(self, low: float, high: float, *shape: int) -> Float[Tensor, "batch *shape"]:
        """Uniform numbers in [low, high), `shape` of them for every image."""
        size = (self.batch, *shape)
        drawn = torch.rand(size, generator=self.generator, device=self.generator.device)
        return (low + (high - low) * drawn).to(self.device)

    def normal(self, *shape: int) -> Float[Tensor, "batch *shape"]:
        """Standard normal numbers, `shape` of them for every image."""
        size = (self.batch, *shape)
        drawn = torch.randn(size, generator=self.generator, device=self.generator.device)
        return drawn.to(self.device)

    def chosen(self, probability: float) -> Float[Tensor, "batch"]:
        """One for each image with the given probability, else zero."""
        return (self.uniform(0.0, 1.0) < probability).float()
