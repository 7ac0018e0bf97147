"""Bytes to numbers in [0, 1]."""

import torch
from torch import Tensor

from nachash.shapes import Float, UInt8


def unit_range(
    images: UInt8[Tensor, "batch 3 height width"] | Float[Tensor, "batch 3 height width"],
) -> Float[Tensor, "batch 3 height width"]:
    """Bytes divided by 255; floating-point images as they are."""
    return images.float().div_(255) if images.dtype == torch.uint8 else images
