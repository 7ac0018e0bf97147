"""Gaussian blur with a width per image, as two products with a band matrix."""

import torch
from torch import Tensor
from torch.nn import functional

from nachash.shapes import Float


def gaussian_blur(
    images: Float[Tensor, "batch 3 size size"], sigma: Float[Tensor, "batch"]
) -> Float[Tensor, "batch 3 size size"]:
    """Images blurred by their own `sigma`, in pixels; a sigma of 0 leaves an image as it is.

    Rows of the band matrix sum to one, so that the border is weighted by what lies inside.
    """
    place = torch.arange(images.shape[-1], device=images.device, dtype=torch.float32)
    squared = (place[:, None] - place[None, :]).square()
    # A tiny width instead of zero: the kernel is then one pixel, without a division by zero.
    spread = 2 * sigma.clamp(min=1e-2).square()[:, None, None]
    # Weights too small to be seen are cut: as denormal numbers they cost more than all others.
    kernel = functional.threshold(torch.softmax(-squared / spread, dim=-1), 1e-6, 0.0)
    kernel = kernel.to(images.dtype)
    return _along_rows(_along_rows(images, kernel).transpose(2, 3), kernel).transpose(2, 3)


def _along_rows(
    images: Float[Tensor, "batch 3 size size"], kernel: Float[Tensor, "batch size size"]
) -> Float[Tensor, "batch 3 size size"]:
    return torch.bmm(images.flatten(1, 2), kernel.transpose(1, 2)).view_as(images)
