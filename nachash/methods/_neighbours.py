"""Nearest neighbours by cosine, block by block."""

from typing import Final

import torch
from torch import Tensor

from nachash.shapes import Float, Int64

_MOST_NUMBERS: Final = 1 << 24  # in a block of similarities, 64 MB


def nearest(rows: Float[Tensor, "images features"], k: int) -> Int64[Tensor, "images k"]:
    """The k rows with the largest inner product with each row, itself included.

    Args:
        rows: unit vectors, in any precision.
        k: at most the number of rows.
    """
    columns = rows.float().T
    block = max(1, _MOST_NUMBERS // max(len(rows), 1))
    found = [(part.float() @ columns).topk(k, dim=1).indices for part in torch.split(rows, block)]
    return torch.cat(found)
