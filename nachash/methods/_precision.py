"""The number format in which losses are computed."""

import torch
from torch import Tensor

from nachash.shapes import Float


def at_least_single(tensor: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Half precision becomes fp32; double precision stays."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()
